"""The stored experiments of this lesson, all of MNIST: bugs, teachers, wrong labels.

A seed draws its images, and its students' and its teachers' first weights. Teachers
learn from `fit`: held-out images, by which is chosen, are new to all but the course's.
"""

import copy
import math
from functools import lru_cache, partial

import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, count, load_images, sample, with_label_noise
from kdlab.losses import soft_target_loss
from kdlab.metrics import accuracy, soften
from kdlab.training import cycle_of, evaluate, predict, training_steps
from kdlab.weights import load_teacher

from .mutants import MUTANTS, RIGHT, training

RATES = {"mlp-16": 1e-2, "mlp-64": 6e-3, "mlp-256": 4e-3, "mlp-1200": 2e-3}
LARGE, DROPOUT = "mlp-1200, 4 epochs", "mlp-256, 4 epochs, dropout"
ASSISTED = f"{LARGE} → mlp-64"
TEACHERS = [f"{net}, {age} epochs" for age in (1, 4) for net in RATES] + ["course"]
SMOOTHED = [f"mlp-256, {age} epochs" for age in (1, 2, 4)]
SMOOTHED += [f"{SMOOTHED[-1]}, smoothing {share}" for share in (0.1, 0.3)]
STOP, END = "itself, stopped early", "itself, to the end"  # on the same wrong labels
TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 16.0]
STUDENTS = ["mlp-4", "mlp-8", "mlp-32"]
WEIGHTS = [0.5, 0.8, 1.0, 1.25, 1.5, 2.0]  # of the teacher
NOISES = [0.2, 0.4, 0.6]
part = lru_cache(partial(load_images, "mnist"))


def told_how(run: lab.Setting, model: nn.Module, batch: Columns) -> dict[str, Tensor]:
    """The loss of a method; a teacher's weight may exceed 1, and smoothing be any."""
    logits, told, target = (
        model(batch["images"]),
        batch.get("teacher_logits"),
        batch["labels"],
    )
    if run["method"].startswith("soft"):
        target = soften(told, 1.0)
    share = float(run["method"].partition("smoothing ")[2] or 0)
    hard = F.cross_entropy(logits, target, label_smoothing=share)
    if run["method"] != "teacher":
        return {"hard": hard}
    weight, soft = (
        run["soft_weight"],
        soft_target_loss(logits, told, run["temperature"]),
    )
    return {"hard": (1 - weight) * hard, "soft": weight * soft}


def made(
    run: lab.Setting, columns: Columns, judges: Columns | None = None
) -> nn.Module:
    """The student of a setting; with judges as it was after the epoch they found best."""
    if run["method"].startswith("hard"):
        columns = {**columns, "labels": columns["teacher_logits"].argmax(dim=1)}
    model = lab.new_student(run["student"], run["seed"], run.get("dropout", 0.0))
    length = {name: run[name] for name in ("epochs", "batch_size")}
    cycle = cycle_of(model, columns, run["learning_rate"], **length)
    told, kept, least = partial(told_how, run), model, math.inf
    every = -(-count(columns) // run["batch_size"])
    steps = training_steps(model, columns, told, seed=run["seed"], **cycle)
    for number, _ in enumerate(steps, 1):
        if judges and number % every == 0:
            if (errors := evaluate(model, judges)["errors"]) < least:
                kept, least = copy.deepcopy(model), errors
    return kept


@lru_cache(maxsize=64)
def teacher_of(name: str, seed: int) -> nn.Module:
    """The net of such a name, as it learnt from 50,000 images; or the course's."""
    if name == "course":
        return load_teacher("mnist")[0]
    net, age, how = f"{name}, labels".split(", ")[:3]
    run = {"student": net, "epochs": int(age.split()[0]), "batch_size": 128}
    run |= {"dropout": 0.5, "method": "labels"} if how == "dropout" else {"method": how}
    run |= {"learning_rate": RATES[net], "seed": 100 + seed}
    return made(run, part("fit"))


@lru_cache(maxsize=64)
def answered(teacher: str, labels: int, noise: float, seed: int) -> dict[str, Columns]:
    """Images to learn from, held-out ones and test images, as the teacher answers them.

    An assistant, and who teaches itself, has learnt from the same images.
    """
    told = with_label_noise(sample(part("fit"), labels, seed), noise, seed, 10)
    sets = {"fit": told, "judges": sample(part("held_out"), 2000)}
    sets |= {split: dict(part(split)) for split in ("held_out", "test")}
    own, (name, _, assistant) = lab.setting(seed=100 + seed), teacher.partition(" → ")
    if name == STOP:
        model = made({**own, "learning_rate": 1e-3}, told, sets["judges"])
    else:
        model = made(own, told) if name == END else teacher_of(name, seed)
    for columns in sets.values():
        columns["teacher_logits"] = predict(model, columns["images"])
    if assistant:
        run = lab.setting("teacher", 4.0, student=assistant, learning_rate=2e-2)
        model = made({**run, "seed": 200 + seed}, told)
        for columns in sets.values():
            columns["teacher_logits"] = predict(model, columns["images"])
    return sets


def lesson_run(run: lab.Setting) -> lab.Setting:
    """One student, of the right code or of one with a bug; its row."""
    sets = answered(run["teacher"], run["labels"], run["label_noise"], run["seed"])
    method, *stopped = run["method"].split(", ")
    if method in (RIGHT, *MUTANTS):
        words = "temperature soft_weight epochs learning_rate batch_size seed".split()
        student = lab.new_student(run["student"], run["seed"])
        teacher, how = (
            teacher_of(run["teacher"], run["seed"]),
            {n: run[n] for n in words},
        )
        *_, net = training(method, student, teacher, sets["fit"], **how)
    else:
        net = made(
            {**run, "method": method}, sets["fit"], sets["judges"] if stopped else None
        )
    row = {**run, **lab.measured(net, sets[run["split"]]), "train_seconds": None}
    row["held_out_errors"] = evaluate(net, sets["held_out"])["errors"]
    own = accuracy(sets["test"]["teacher_logits"], sets["test"]["labels"]).item()
    return row | {"teacher_errors": round(10_000 * (1 - own))}


def with_bugs() -> list[lab.Setting]:
    """Each bug at two rates, so that one may be chosen anew for each."""
    kinds = [{"method": name} for name in (RIGHT, *MUTANTS)]
    how = {"teacher": DROPOUT, "temperature": 8.0, "soft_weight": [0.5, 1.0]}
    return lab.grid(draw=lab.DRAWS, arm=kinds, **how, learning_rate=[1e-2, 2e-2])


def rates_tried() -> list[lab.Setting]:
    """Peaks of the students of the map, on held-out images."""
    some = {"teacher": [TEACHERS[5], LARGE], "draw": lab.DRAWS[:2], "student": STUDENTS}
    rates = {"learning_rate": [1e-2, 2e-2, 4e-2, 8e-2], "split": "held_out"}
    return lab.grid(**some, arm=lab.taught(2.0, 8.0), **rates)


def by_teacher() -> list[lab.Setting]:
    """The map: students, teachers, temperatures; beside them assistants and patience."""
    home, tried = "lessons.how_it_goes_wrong", rates_tried()
    best = lab.rates_of("gap_tuning", home, tried, lambda run: run["student"])
    nets = [{"student": net, "learning_rate": best[net]} for net in STUDENTS]
    arms, same = lab.taught(*TEMPERATURES), {"draw": lab.DRAWS}
    alone = {"arm": [lab.LABELS, lab.SMOOTHING], "learning_rate": [1e-2, 2e-2, 4e-2]}
    longer = [
        {**net, "epochs": 30} for net in nets[:2]
    ]  # the steps of an assistant, too
    return (
        lab.grid(student=STUDENTS, **same, **alone)
        + lab.grid(teacher=TEACHERS, **same, net=nets, arm=arms)
        + lab.grid(teacher=LARGE, **same, net=longer, arm=arms)
        + lab.grid(teacher=ASSISTED, **same, net=nets[:2], arm=arms)
    )


def by_smoothing() -> list[lab.Setting]:
    """Teachers of labels and of smoothed ones, by temperature; two peaks."""
    rates, arms = [1e-2, 2e-2], lab.taught(*TEMPERATURES)
    alone = lab.grid(
        arm=[lab.LABELS, lab.SMOOTHING], draw=lab.DRAWS, learning_rate=[5e-3, 1e-2]
    )
    return alone + lab.grid(
        teacher=SMOOTHED, draw=lab.DRAWS, arm=arms, learning_rate=rates
    )


def by_noise() -> list[lab.Setting]:
    """Weights of the teacher on wrong labels, and all that needs no weight."""
    alone = ["labels", "labels, stopped", "labels + smoothing 0.6", "hard"]
    alone += ["hard + smoothing 0.6", "soft + smoothing 0.6"]
    arms, told = (
        [{"method": name} for name in alone],
        {"method": "teacher", "temperature": 4.0},
    )
    weights = [{**told, "soft_weight": weight} for weight in WEIGHTS]
    same = {"draw": lab.DRAWS, "learning_rate": [1e-3, 3e-3, 1e-2]}
    ended = lab.grid(label_noise=0.4, teacher=END, arm=weights[1:], **same)
    return (
        lab.grid(label_noise=NOISES, teacher=STOP, arm=arms + weights, **same) + ended
    )


bugs = lab.Experiment(lesson_run, with_bugs)
gap_tuning = lab.Experiment(lesson_run, rates_tried, after=("teachers",))
gap = lab.Experiment(lesson_run, by_teacher, after=("teachers", "gap_tuning"))
smoothed_teachers = lab.Experiment(lesson_run, by_smoothing)
wrong_labels = lab.Experiment(lesson_run, by_noise)
