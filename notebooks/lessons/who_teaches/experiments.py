"""The stored experiments: crowds of teachers; peers, early exits and generations."""

import time
from functools import cache, partial
from itertools import product
from operator import itemgetter

import torch
from torch import nn

from kdlab import experiments as lab
from kdlab.data import load_images
from kdlab.metrics import accuracy, agreement
from kdlab.results import load_runs
from kdlab.training import last_of, predict

from . import crowds as of
from .crowds import BATCH, CNN, MLP, epochs_of, images_of, new_net
from .selves import Peers, self_steps

HOME, RATES = "lessons.who_teaches", [2e-3, 5e-3, 1e-2, 2e-2]
SETS = FULL, MORE, FEW = (2000, 0), (2000, 8000), (300, 9700)  # with labels, without
ALONE = {"dataset": "mnist", "split": "test", "teacher": None, "student": "mlp-128"}
ALONE |= {"method": "labels", "temperature": None, "soft_weight": 0.0, "labels": 2000}
ALONE |= {"unlabelled": 0, "epochs": 15, "learning_rate": 1e-2, "seed": 0}
BASE = {**ALONE, "teachers": 0, "rule": None, "own": False, "liars": 0}
TAUGHT = {"method": "teacher", "rule": "probabilities", "soft_weight": 1.0}
VOTES = {"method": "arg max", "rule": "majority", "soft_weight": 1.0}
TWINS, STRANGERS = "mlp-128 + mlp-128", "mlp-128 + cnn-8-16-64"
EXITS, SMALL = "cnn-4-8-32 + exit", "cnn-4-8-32"
HOW = "method", "temperature", "soft_weight", "epochs", "learning_rate"
CHOSEN, PEER = (*HOW[1:3], "learning_rate"), "one another"


of_setting = itemgetter("labels", "unlabelled", "seed")  # which images


def several(settings: list[lab.Setting], **axes: list) -> list[lab.Setting]:
    """The settings at each combination of these values, the last one fastest."""
    for name, values in axes.items():
        settings = [{**one, name: value} for one in settings for value in values]
    return settings


def crowd_run(setting: lab.Setting) -> lab.Setting:
    """A student of several teachers, or of none; its row, with what they know together."""
    images, knows = images_of(*of_setting(setting)), None
    judges = dict(load_images("mnist", setting["split"]))
    if setting["teachers"]:
        images["teacher_logits"] = told_by(setting, "fit", images["labels"])
        if setting["rule"] != "by labels":  # which are secret here
            told = told_by(setting, setting["split"], judges["labels"])
            judges["teacher_logits"] = told
            knows = round(accuracy(told, judges["labels"]).item(), 6)
    start, net = time.perf_counter(), new_net(setting["student"], setting["seed"])
    how = {name: setting[name] for name in (*HOW, "seed")}
    last_of(lab.student_steps(images, model=net, batch_size=BATCH, **how))
    row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
    seconds = round(time.perf_counter() - start, 2)
    return row | {"teacher_accuracy": knows, "train_seconds": seconds}


def told_by(setting: lab.Setting, split: str, labels: torch.Tensor) -> torch.Tensor:
    """What the teachers of a setting say together of the images with these labels."""
    whom, rest = itemgetter("teacher", "labels", "seed")(setting), setting["unlabelled"]
    whose = [(*whom, n, setting["own"]) for n in range(setting["teachers"])]
    said = [of.answers(teacher, rest, split) for teacher in whose]
    said = of.corrupted(torch.stack(said), setting["liars"])
    return of.together(said, setting["rule"], setting["temperature"] or 1.0, labels)


def of_crowd(images: tuple, teacher: str | None, *counts: int, **more: object) -> list:
    """Students of so many teachers each, all in equally many steps."""
    changes = {"labels": images[0], "unlabelled": images[1], "teacher": teacher, **more}
    changes |= {"epochs": epochs_of(sum(images))}
    return [{**BASE, **TAUGHT, **changes, "teachers": n} for n in counts]


def crowds_of(*sets: tuple[int, int]) -> list[lab.Setting]:
    """Students of one teacher, of eight and of their votes, and those without one."""
    of_none = of_crowd((sets[0][0], 0), None, 0, rule=None, soft_weight=0.0)
    settings = several(of_none, method=lab.WITHOUT_TEACHER)
    for pair in product(sets, (MLP, CNN)):
        settings += of_crowd(*pair, 1, 8) + of_crowd(*pair, 8, **VOTES)
    return settings


def tried(*sets: tuple[int, int]) -> list[lab.Setting]:
    """Temperature and peak for each kind of student, on the held-out images."""
    hot = {"temperature": [2.0, 8.0, 32.0], "learning_rate": [2e-2, 4e-2]}
    grids = dict.fromkeys(("labels", "arg max"), {"learning_rate": RATES[1:]})
    grids |= {"teacher": hot}
    settings, smooth = [], {"learning_rate": RATES[:3]}
    for one in crowds_of(*sets):
        settings += several([one], **grids.get(one["method"], smooth))
    return several(settings, split=["held_out"])


def cell_of(run: lab.Setting) -> tuple:
    """The kind of student that a temperature and a peak were chosen for."""
    kind = (run["teacher"] or "alone").split("-")[0]
    facts = (run[name] for name in ("student", "method", "labels", "unlabelled"))
    return (*facts, kind, run["teachers"] > 1)


def tuned(table: str, sets: list, *more: lab.Setting) -> list[lab.Setting]:
    """Crowds of these images and more, each with what was best for its kind."""
    wanted, best = ("temperature", "learning_rate"), []
    found = lab.rates_of(table, HOME, tried(*sets), cell_of, wanted)
    for one in (*crowds_of(*sets), *more):
        best.append(one | dict(zip(wanted, found[cell_of(one)], strict=True)))
    return several(best, seed=lab.SEEDS)


def crowds() -> list[lab.Setting]:
    """One to eight teachers of 2,000 images; the controls; a liar; unlabelled images."""
    more = of_crowd(FULL, MLP, 1, 8, own=True)
    for rule in ("probabilities", "logits", "surer", "by labels"):
        more += of_crowd(FULL, CNN, 4, rule=rule, liars=1)
    more += of_crowd(FULL, CNN, 4, **VOTES, liars=1)
    for teacher, large in ((MLP, "mlp-3200"), (CNN, "cnn-16-32-256")):
        more += of_crowd(FULL, teacher, 2, 4) + of_crowd(FULL, large, 1)
        more += of_crowd(FULL, teacher, 8, rule="logits")
    return tuned("crowd_tuning", [FULL, MORE], *more)


def self_run(setting: lab.Setting) -> lab.Setting:
    """Peers or exits: the row of their common answer (of the final exit), and of each."""
    judges, start = load_images("mnist", setting["split"]), time.perf_counter()
    nets = last_of(self_steps(images_of(*of_setting(setting)), setting))
    seconds = round(time.perf_counter() - start, 2)
    row = {"teacher_agreement": None, **setting, **lab.measured(nets, judges)}
    one, other = (lab.measured(net, judges)["test_errors"] for net in nets)
    row |= {"errors_0": one, "errors_1": other, "each_errors": (one + other) / 2}
    pair = (predict(net, judges["images"]) for net in nets)
    row |= {"peer_agreement": round(agreement(*pair).item(), 6)}
    return row | {"train_seconds": seconds}


@cache
def chain(who: tuple, how: tuple, length: int) -> list[nn.Module]:
    """Nets, each taught by the one before, the first by labels; `how` are pairs of HOW.

    `who` are student, labels, unlabelled, draw. Without a teacher each just starts anew.
    """
    if not length:
        return []
    nets, (student, labels, unlabelled, draw) = chain(who, how, length - 1), who
    told, images = dict(how), images_of(labels, unlabelled, draw)
    if told["method"] in lab.WITHOUT_TEACHER or not nets:
        images = {name: column[:labels] for name, column in images.items()}
        if told["method"] not in lab.WITHOUT_TEACHER:
            first = "labels", None, 0.0, epochs_of(labels), of.PEAKS[student]
            told = dict(zip(HOW, first, strict=True))
    else:
        images["teacher_logits"] = predict(nets[-1], images["images"])
    told |= {"seed": draw + 10 * len(nets), "batch_size": BATCH}
    net = new_net(student, told["seed"])
    return [*nets, last_of(lab.student_steps(images, model=net, **told))]


def generation_run(setting: lab.Setting) -> lab.Setting:
    """One generation; its row, with the errors of all generations so far together."""
    how = tuple((name, setting[name]) for name in HOW)
    who = setting["student"], *of_setting(setting)
    judges, start = load_images("mnist", setting["split"]), time.perf_counter()
    nets = Peers(chain(who, how, setting["generation"] + 1))
    seconds = round(time.perf_counter() - start, 2)  # of those not yet trained
    row = {"teacher_agreement": None, **setting, **lab.measured(nets[-1], judges)}
    row["together_errors"] = lab.measured(nets, judges)["test_errors"]
    return row | {"train_seconds": seconds}


def with_rates(rates: list[float], student: str, how: str, **arm: object) -> list:
    """A way to learn at each of these peaks, on the held-out images."""
    one = {**ALONE, "split": "held_out", "student": student, "method": how, **arm}
    return several([one], learning_rate=rates, seed=range(1 if "cnn" in student else 2))


def self_tried() -> list[lab.Setting]:
    """Weight, temperature and peak of peers and of exits."""
    high, low, few, settings = RATES[1:], RATES[:3], RATES[1:3], []
    for pair, *peaks in ((TWINS, high, low), (EXITS, high, low), (STRANGERS, few, few)):
        for method, rates in zip(("labels", "smoothing 0.1"), peaks, strict=True):
            settings += with_rates(rates, pair, method)
    for student, weights, temperature, more, rates in (
        (TWINS, [0.3, 1.0, 3.0], 1.0, 0, high),
        (TWINS, [1.0, 3.0], 1.0, 8000, high),
        (EXITS, [0.3, 1.0], 4.0, 0, high),
        (STRANGERS, [1.0], 1.0, 0, few),
        (STRANGERS, [1.0], 1.0, 8000, few),
        (EXITS, [1.0, 3.0], 1.0, 8000, few),
    ):
        for weight in weights:
            arm = {
                "soft_weight": weight,
                "temperature": temperature,
                "unlabelled": more,
            }
            settings += with_rates(rates, student, PEER, **arm)
    return settings


def all_selves() -> list[lab.Setting]:
    """Peers and exits at what was best for the mean of both, for five seeds."""
    kind = ["student", "method", "labels", "unlabelled"]
    groups = load_runs("selves_tuning").groupby([*kind, *CHOSEN], dropna=False)
    tries = groups["each_errors"].mean().sort_values(kind="stable").reset_index()
    best = tries.drop_duplicates(kind)[[*kind, *CHOSEN]].astype(object)
    arms = best.where(best.notna(), None).to_dict("records")
    return several([{**ALONE, **arm} for arm in arms], seed=lab.SEEDS)


def chains_tried() -> list[lab.Setting]:
    """Weight, temperature and peak of a chain of generations; the controls."""
    few = {"labels": 300, "unlabelled": 9700, "epochs": 3}
    chains = [("mlp-128", w, t, {}) for w in (0.5, 1.0) for t in (1.0, 4.0)]
    chains += [("mlp-128", 1.0, t, few) for t in (1.0, 8.0)] + [(SMALL, 1.0, 4.0, few)]
    settings = []
    for student, weight, temperature, images in chains:
        how = {"soft_weight": weight, "temperature": temperature, "generation": 2}
        settings += with_rates(RATES[2:], student, "teacher", **how, **images)
    for epochs in (15, 60):
        how = {"epochs": epochs, "generation": 0}
        for method in ("labels", "smoothing 0.1"):
            settings += with_rates(RATES[:3], "mlp-128", method, **how)
    how = {"labels": 300, "epochs": 96, "generation": 0}
    return settings + with_rates(RATES[:3], SMALL, "smoothing 0.1", **how)


def all_chains() -> list[lab.Setting]:
    """Four generations, and as many strangers; the controls; with unlabelled images."""
    names = "student", "method", "labels", "unlabelled", "epochs"
    tried, kind = chains_tried(), itemgetter(*names)
    found = lab.rates_of("generations_tuning", HOME, tried, kind, CHOSEN)
    settings = []
    for cell, best in found.items():
        arm = ALONE | dict(zip((*names, *CHOSEN), (*cell, *best), strict=True))
        settings += several([arm], generation=range(4 if arm["epochs"] < 60 else 1))
        if arm["method"] == "teacher" and arm["labels"] == 2000:
            for method in ("wrong answers permuted", "wrong answers evened"):
                settings.append({**arm, "method": method, "generation": 1})
    return several(settings, seed=lab.SEEDS)


selves_tuning = lab.Experiment(self_run, self_tried)
selves = lab.Experiment(self_run, all_selves, after=("selves_tuning",))
generations_tuning = lab.Experiment(generation_run, chains_tried)
generations = lab.Experiment(generation_run, all_chains, after=("generations_tuning",))
crowd_tuning = lab.Experiment(crowd_run, lambda: tried(FULL, MORE))
crowd = lab.Experiment(crowd_run, crowds, after=("crowd_tuning",))
crowd_few_tuning = lab.Experiment(crowd_run, lambda: tried(FEW))
few_crowds = partial(tuned, "crowd_few_tuning", [FEW])
crowd_few = lab.Experiment(crowd_run, few_crowds, after=("crowd_few_tuning",))
