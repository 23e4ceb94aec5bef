"""The stored experiments of this lesson, of MNIST; a seed is of students and teachers.

Teachers learn from `fit`: held-out images are new to all of them but the course's own.
"""

import copy
import math
from collections.abc import Callable
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, load_images, sample, scaled, with_label_noise
from kdlab.metrics import accuracy, soften
from kdlab.training import evaluate, last_of, predict
from kdlab.weights import load_teacher

from .mutants import MUTANTS, RIGHT, training

RATES = {"mlp-16": 1e-2, "mlp-64": 6e-3, "mlp-256": 4e-3, "mlp-800": 2e-3}
TEACHERS = [f"mlp-{width}, 3 epochs" for width in (16, 64, 256, 800)]
NARROW, WIDE = TEACHERS[1], TEACHERS[3]
WAYS = {"by 64": (NARROW, 15), "by 800": (WIDE, 15)}  # of teaching 8 units: epochs
WAYS |= {"by 64, 30 epochs": (NARROW, 30), "by 800, 30 epochs": (WIDE, 30)}
WAYS |= {f"by 800, then 64, 15 + {n}": (f"{WIDE} → mlp-64", n) for n in (15, 30)}
PEAKS = {"learning_rate": [5e-3, 1e-2, 2e-2, 4e-2, 8e-2]}  # tried in every cell
SMOOTHED = ["mlp-256, 1 epochs", "mlp-256, 3 epochs"]
SMOOTHED += ["mlp-256, 3 epochs, smoothing 0.1"]
STOP, END = "itself, stopped early", "itself, to the end"
ITSELF = {STOP: "labels, stopped", END: "labels"}  # how it learnt the same wrong labels
TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 16.0]
STUDENTS, SMALL = ["mlp-4", "mlp-8", "mlp-32"], "mlp-32"
WEIGHTS = [0.5, 0.8, 1.0, 1.25, 1.5, 2.0]  # of the teacher
NOISES = [0.2, 0.4, 0.6]
ARMS = {"labels": "labels", "stopped early": "labels, stopped"}
ARMS |= {"smoothing 0.6": "labels + smoothing 0.6", "hard answers": "hard"}
ARMS |= {f"{how}, smoothed 0.6": f"{how} + smoothing 0.6" for how in ("hard", "soft")}
part = lru_cache(partial(load_images, "mnist"))
Settings, Sets = Callable[[], list[lab.Setting]], dict[str, Columns]


@lru_cache(maxsize=64)
def teacher_of(name: str, seed: int) -> nn.Module:
    """The net of such a name, as it learnt from 50,000 images; or the course's."""
    if name == "course":
        return load_teacher("mnist")[0]
    net, age, how = f"{name}, labels".split(", ")[:3]
    told = {"student": net, "epochs": int(age.split()[0]), "batch_size": 128}
    told |= {"learning_rate": RATES[net], "seed": 100 + seed, "method": how}
    told |= {"dropout": 0.5, "method": "labels"} if how == "dropout" else {}
    return last_of(lab.student_steps(part("fit"), **told))


@lru_cache(maxsize=64)
def answered(teacher: str, labels: int, noise: float, seed: int) -> Sets:
    """Images to learn from, held-out ones and test images, as the teacher answers them.

    An assistant, and who teaches itself, has learnt from the same images.
    """
    told = with_label_noise(sample(part("fit"), labels, seed), noise, seed, 10)
    told["teacher_logits"] = torch.zeros(labels, 10)  # nobody has spoken yet
    sets = {"fit": told, "judges": sample(part("held_out"), 2000)}
    sets |= {split: dict(part(split)) for split in ("held_out", "test")}
    first, *assistants = teacher.split(" → ")
    own = lab.setting(ITSELF.get(teacher, ""), seed=100 + seed, student=SMALL)
    own["learning_rate"] = 1e-3 if teacher == STOP else 1e-2
    model = students([own], [sets])[0] if teacher in ITSELF else teacher_of(first, seed)
    for name in [*assistants, ""]:
        for columns in sets.values():
            columns["teacher_logits"] = predict(model, columns["images"])
        if name:
            how = {"student": name, "learning_rate": 2e-2, "seed": 200 + seed}
            model = students([lab.setting("teacher", 4.0, **how)], [sets])[0]
    return sets


def hard_target(run: lab.Setting, columns: Columns) -> Tensor:
    """What is told besides the softened answers, [N, 10]: labels, or a teacher's."""
    target = F.one_hot(columns["labels"], 10).float()
    if run["method"].startswith("hard"):
        target = F.one_hot(columns["teacher_logits"].argmax(1), 10).float()
    if run["method"].startswith("soft"):
        target = soften(columns["teacher_logits"], 1.0)
    share = float(run["method"].partition("smoothing ")[2] or 0)
    return (1 - share) * target + share / 10


def students(runs: list[lab.Setting], sets: list[Sets]) -> list[nn.Module]:
    """The students of settings of one shape and length, trained at once.

    "stopped" in the method: each as it was after the epoch that judges found best. A
    teacher's weight may exceed 1: then labels count negatively.
    """
    one, data = runs[0], [own["fit"] for own in sets]
    heat = torch.tensor([run["temperature"] or 1.0 for run in runs])
    weight = torch.tensor([run["soft_weight"] for run in runs])
    columns = {"images": torch.stack([scaled(own["images"]) for own in data])}
    columns["hard"] = torch.stack([*map(hard_target, runs, data)])
    told = torch.stack([own["teacher_logits"] for own in data])
    columns["told"] = (told / heat[:, None, None]).log_softmax(-1)

    def loss(logits: Tensor, batch: Columns) -> Tensor:
        hard = -(batch["hard"] * logits.log_softmax(-1)).sum(-1).mean(1)
        own, told = (logits / heat[:, None, None]).log_softmax(-1), batch["told"]
        soft = (told.exp() * (told - own)).sum(-1).mean(1)
        return (1 - weight) * hard + weight * heat**2 * soft

    nets = [lab.new_student(run["student"], run["seed"]) for run in runs]
    rates, seeds = ([run[name] for run in runs] for name in ("learning_rate", "seed"))
    kept, least = list(nets), [math.inf] * len(nets)
    length = {name: one[name] for name in ("epochs", "batch_size")}
    for _ in lab.fleet(nets, columns, loss, rates, seeds, **length):
        for n, net in enumerate(nets if "stopped" in one["method"] else ()):
            if (errors := evaluate(net, sets[n]["judges"])["errors"]) < least[n]:
                kept[n], least[n] = copy.deepcopy(net), errors
    return kept


def kind_of(run: lab.Setting) -> tuple:
    """What those share that are trained at once, five seeds at most."""
    apart = "seed", "draw", "learning_rate", "temperature"
    same = ((name, value) for name, value in run.items() if name not in apart)
    return run["seed"] // 5, *same


def sets_of(run: lab.Setting) -> Sets:
    """What its teacher says of its images."""
    return answered(run["teacher"], run["labels"], run["label_noise"], run["seed"])


def row_of(run: lab.Setting, net: nn.Module) -> lab.Setting:
    """What was set, and what was measured, on held-out images, too."""
    sets = sets_of(run)
    row = {**run, **lab.measured(net, sets[run["split"]]), "train_seconds": None}
    row["held_out_errors"] = evaluate(net, sets["held_out"])["errors"]
    own = accuracy(sets["test"]["teacher_logits"], sets["test"]["labels"]).item()
    return row | {"teacher_errors": round(10_000 * (1 - own))}


@lru_cache(maxsize=64)
def rows_of(settings: Settings, kind: tuple) -> list[lab.Setting]:
    """The rows of all settings of a kind."""
    runs = [run for run in settings() if kind_of(run) == kind]
    return [*map(row_of, runs, students(runs, [*map(sets_of, runs)]))]


def fleet_run(settings: Settings, run: lab.Setting) -> lab.Setting:
    """The row of a setting of a table; its whole kind is trained with the first one."""
    return next(r for r in rows_of(settings, kind_of(run)) if {**r, **run} == r)


def bug_run(run: lab.Setting) -> lab.Setting:
    """Trained by the right code or by one with a bug; what it takes for the student."""
    names = "temperature soft_weight epochs learning_rate batch_size seed".split()
    how, student = {n: run[n] for n in names}, lab.new_student("mlp-128", run["seed"])
    told = student, teacher_of(run["teacher"], run["seed"]), sets_of(run)["fit"]
    return row_of(run, [*training(run["method"], *told, **how)][-1])


def with_bugs() -> list[lab.Setting]:
    """Each bug at two rates, so that one may be chosen anew for each."""
    kinds = [{"method": name} for name in (RIGHT, *MUTANTS)]
    how = {"teacher": "mlp-256, 4 epochs, dropout", "temperature": 8.0}
    rates = {"soft_weight": [0.5, 1.0], "learning_rate": [1e-2, 2e-2]}
    return lab.grid(draw=lab.DRAWS, arm=kinds, **how, **rates)


def by_teacher() -> list[lab.Setting]:
    """The map: students, teachers, temperatures; the course's CNN teaches one of them."""
    same, arms = {"draw": lab.DRAWS, **PEAKS}, lab.taught(*TEMPERATURES)
    taught = lab.grid(student=STUDENTS, teacher=TEACHERS, arm=arms, **same)
    taught += lab.grid(student=SMALL, teacher="course", arm=arms, **same)
    return lab.grid(student=STUDENTS, arm=[lab.LABELS, lab.SMOOTHING], **same) + taught


def by_way() -> list[lab.Setting]:
    """Twenty seeds of a narrow teacher and a wide one, and an assistant between them.

    An assistant learns for 15 epochs: its student has 15 with equal steps in all.
    """
    ways = [{"teacher": teacher, "epochs": n} for teacher, n in WAYS.values()]
    same = {"student": "mlp-8", "draw": [{"draw": n, "seed": n} for n in range(20)]}
    return lab.grid(way=ways, arm=lab.taught(2.0, 4.0), **same, **PEAKS)


def by_smoothing() -> list[lab.Setting]:
    """Teachers of labels and of smoothed ones, by temperature."""
    same, arms = {"student": SMALL, "draw": lab.DRAWS}, lab.taught(*TEMPERATURES)
    return lab.grid(teacher=SMOOTHED, arm=arms, **same, learning_rate=2e-2)


def by_noise() -> list[lab.Setting]:
    """Weights of the teacher on wrong labels, and all that needs no weight."""
    told = {"method": "teacher", "temperature": 4.0}
    weights = [{**told, "soft_weight": weight} for weight in WEIGHTS]
    arms = [{"method": name} for name in ARMS.values()] + weights
    same = {"student": SMALL, "draw": lab.DRAWS, "learning_rate": [1e-3, 3e-3, 1e-2]}
    ended = lab.grid(label_noise=0.4, teacher=END, arm=weights[1:], **same)
    return lab.grid(label_noise=NOISES, teacher=STOP, arm=arms, **same) + ended


bugs = lab.Experiment(bug_run, with_bugs)
gap = lab.Experiment(partial(fleet_run, by_teacher), by_teacher)
assistant = lab.Experiment(partial(fleet_run, by_way), by_way)
smoothed_teachers = lab.Experiment(partial(fleet_run, by_smoothing), by_smoothing)
wrong_labels = lab.Experiment(partial(fleet_run, by_noise), by_noise)
