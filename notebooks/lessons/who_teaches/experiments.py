"""The stored experiments: crowds of teachers here; peers and oneself beside it."""

import time

import torch

from kdlab import experiments as lab
from kdlab.data import load_images
from kdlab.metrics import accuracy
from kdlab.training import last_of

from .choices import chosen, several
from .crowds import BATCH, answers, corrupted, epochs_of, images_of, new_net, together
from .experiments_self import (  # noqa: F401 - tables of their own
    generations,
    generations_tuning,
    selves,
    selves_tuning,
)

RATES, LOW_RATES = [5e-3, 1e-2, 2e-2], [2e-3, 5e-3, 1e-2]
HIGH_RATES, TEMPERATURES = [2e-2, 4e-2], [2.0, 8.0, 32.0]
SMOOTHINGS = "smoothing 0.1", "smoothing 0.3"
MLP, CNN = "mlp-400", "cnn-8-16-64"
FULL, MORE, FEW = (2000, 0), (2000, 8000), (300, 9700)  # images with labels, without
BASE = {"dataset": "mnist", "split": "test", "student": "mlp-128", "teacher": None}
BASE |= {"method": "teacher", "teachers": 1, "rule": "probabilities", "own": False}
BASE |= {"liars": 0, "temperature": None, "soft_weight": 1.0}
BASE |= {"labels": 2000, "unlabelled": 0, "epochs": 15}
BASE |= {"learning_rate": None, "seed": 0}
NONE = {"teachers": 0, "rule": None, "soft_weight": 0.0}


def crowd_run(setting: lab.Setting) -> lab.Setting:
    """A student of several teachers, or of none; its row, with what they know together.

    Nobody has seen the images it is judged by: all are trained on the split "fit".
    """
    labels, unlabelled, draw = (setting[k] for k in ("labels", "unlabelled", "seed"))
    images, judges = (
        images_of(labels, unlabelled, draw),
        dict(load_images("mnist", setting["split"])),
    )
    knows = None
    if setting["teachers"]:
        images["teacher_logits"] = told_by(setting, "fit", images["labels"])
    if setting["teachers"] and setting["rule"] != "by labels":  # here they are secret
        told = told_by(setting, setting["split"], judges["labels"])
        judges["teacher_logits"] = told
        knows = round(accuracy(told, judges["labels"]).item(), 6)
    how = ("method", "temperature", "soft_weight", "epochs", "learning_rate", "seed")
    start, net = time.perf_counter(), new_net(setting["student"], setting["seed"])
    how = {name: setting[name] for name in how}
    last_of(lab.student_steps(images, model=net, batch_size=BATCH, **how))
    row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
    row |= {"teacher_accuracy": knows}
    return row | {"train_seconds": round(time.perf_counter() - start, 2)}


def told_by(setting: lab.Setting, split: str, labels: torch.Tensor) -> torch.Tensor:
    """What the teachers of a setting say together of the images with these labels."""
    whom = setting["teacher"], setting["labels"], setting["seed"]
    numbers, unlabelled = range(setting["teachers"]), setting["unlabelled"]
    said = [answers((*whom, n, setting["own"]), unlabelled, split) for n in numbers]
    said = corrupted(torch.stack(said), setting["liars"])
    return together(said, setting["rule"], setting["temperature"] or 1.0, labels)


def arms(images: tuple[int, int], **changes: object) -> dict[str, object]:
    """Settings of so many images with labels, and without, in equally many steps."""
    labels, unlabelled = images
    changes |= {"labels": labels, "unlabelled": unlabelled}
    return {**BASE, **changes, "epochs": epochs_of(labels + unlabelled)}


def alone(labels: int, **changes: object) -> list[lab.Setting]:
    """Students without a teacher: of the labels, and of smoothed ones."""
    methods = "labels", *SMOOTHINGS
    return [arms((labels, 0), method=m, **NONE, **changes) for m in methods]


def of_crowd(images: tuple, teacher: str, *counts: int, **changes: object) -> list:
    """Students of so many teachers each."""
    return [arms(images, teacher=teacher, teachers=n, **changes) for n in counts]


VOTES = {"method": "arg max", "rule": "majority"}


def tried(*sets: tuple[int, int]) -> list[lab.Setting]:
    """Temperature and peak for each kind of student, on the held-out images."""
    pairs = [(images, teacher) for images in sets for teacher in (MLP, CNN)]
    plain, *smooth = alone(sets[0][0])
    votes = [one for pair in pairs for one in of_crowd(*pair, 8, **VOTES)]
    taught = [one for pair in pairs for one in of_crowd(*pair, 1, 8)]
    seeds = {"split": ["held_out"], "seed": range(1)}
    hot = {"temperature": TEMPERATURES, "learning_rate": HIGH_RATES}
    return (
        several([plain, *votes], learning_rate=RATES, **seeds)
        + several(smooth, learning_rate=LOW_RATES, **seeds)
        + several(taught, **hot, **seeds)
    )


def cell_of(run: lab.Setting) -> tuple:
    """The kind of student that a temperature and a peak were chosen for."""
    kind = (run["teacher"] or "alone").split("-")[0]
    facts = (run[name] for name in ("student", "method", "labels", "unlabelled"))
    return (*facts, kind, run["teachers"] > 1)


def tuned(table: str, settings: list[lab.Setting]) -> list[lab.Setting]:
    """The settings, each with what was best for its kind, for five seeds."""
    best = chosen(table, cell_of, "temperature", "learning_rate")
    return several([{**one, **best[cell_of(one)]} for one in settings], seed=lab.SEEDS)


def crowds() -> list[lab.Setting]:
    """One to eight teachers of 2,000 images; the controls; a liar; unlabelled images."""
    settings = alone(2000)
    for images in (FULL, MORE):
        for teacher in (MLP, CNN):
            settings += of_crowd(images, teacher, 1, 8)
            settings += of_crowd(images, teacher, 8, **VOTES)
    settings += of_crowd(FULL, MLP, 1, 8, own=True)
    for rule in ("probabilities", "logits", "surer", "by labels"):
        settings += of_crowd(FULL, CNN, 4, rule=rule, liars=1)
    settings += of_crowd(FULL, CNN, 4, **VOTES, liars=1)
    for teacher, large in ((MLP, "mlp-3200"), (CNN, "cnn-16-32-256")):
        settings += of_crowd(FULL, teacher, 2, 4) + of_crowd(FULL, large, 1)
        settings += of_crowd(FULL, teacher, 8, rule="logits")
    return tuned("crowd_tuning", settings)


def few_crowds() -> list[lab.Setting]:
    """The same with 300 labelled images, and 9,700 without a label."""
    settings = alone(300)
    for teacher in (MLP, CNN):
        settings += of_crowd(FEW, teacher, 1, 8) + of_crowd(FEW, teacher, 8, **VOTES)
    return tuned("crowd_few_tuning", settings)


crowd_tuning = lab.Experiment(crowd_run, lambda: tried(FULL, MORE))
crowd = lab.Experiment(crowd_run, crowds, after=("crowd_tuning",))
crowd_few_tuning = lab.Experiment(crowd_run, lambda: tried(FEW))
crowd_few = lab.Experiment(crowd_run, few_crowds, after=("crowd_few_tuning",))
