"""The stored experiments: what a student of 1,000 images imitates, and controls."""

import time
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

import torch

from kdlab import experiments as lab
from kdlab.data import load_images, sample
from kdlab.experiments.teachers import teacher_run
from kdlab.training import last_of, predict
from kdlab.weights import WEIGHTS, load_model, load_teacher

from .students import METHODS, STUDENT, imitation_steps, layers_of, told

OTHER = "other 1"  # a teacher that saw no held-out image; not shipped:
OTHER_FILE = WEIGHTS / "imitate_1.safetensors"
KD = {"temperature": 16.0, "soft_weight": 1.0}
GRIDS = {  # {(method, layer, source): powers of ten that were tried as weight}
    ("hint", "maps", "teacher"): range(4), ("hint", "last", "teacher"): range(4),
    ("attention", "maps", "teacher"): range(-2, 2),
    ("gram", "maps", "teacher"): range(-1, 3), ("flow", "maps", "teacher"): range(-1, 3),
    ("distances", "maps", "teacher"): range(1, 6),
    ("distances", "last", "teacher"): range(1, 5),
    ("angles", "last", "teacher"): range(1, 5),
    ("similarity", "maps", "teacher"): range(3, 7),
    ("similarity", "last", "teacher"): range(3, 7),
    ("adversary", "logits", "teacher"): range(-2, 1),
    ("hint", "maps", "untrained"): range(-2, 4), ("hint", "last", "untrained"): range(-2, 2),
    ("hint", "last", "class mates"): range(4),
    ("attention", "maps", "pixels"): range(-2, 2),
    ("distances", "last", "untrained"): range(4),
    ("distances", "last", "class mates"): range(5),
    ("distances", "last", "pixels"): range(-1, 4),
}  # fmt: skip
SPARE_NOTHING = {  # in the search: run there alone
    ("adversary", "logits", "teacher", 1000), ("attention", "maps", "pixels", 1000),
    ("distances", "last", "untrained", 1000), ("hint", "last", "untrained", 1000),
}  # fmt: skip
BESIDE = {("hint", "last"): range(3), ("similarity", "last"): range(2, 6)}
FEW = {"labels": 100}  # of the 1,000 images; the others have none
SEARCHED = {("hint", "maps"): range(1, 4), ("hint", "last"): range(1, 4)}
SEARCHED |= {("attention", "maps"): range(3), ("similarity", "last"): range(4, 6)}
SEARCHED |= {("similarity", "last", s): range(1, 6) for s in ("pixels", "untrained")}
SEARCHED |= {("hint", "last", "untrained"): range(-2, 3)}
PLAIN = {
    "dataset": "mnist", "split": "test", "teacher": "course", "student": STUDENT,
    "method": "labels", "layer": None, "source": "teacher", "weight": 0.0,
    "temperature": None, "soft_weight": 0.0, "labels": 1000, "pictures": 1000,
    "epochs": 20, "batch_size": 64, "learning_rate": 2e-2, "seed": 0,
}  # fmt: skip


def other_run(setting: lab.Setting, keep: Path | None = None) -> lab.Setting:
    """Train OTHER by the course's recipe, on 50,000 images; its row."""
    return teacher_run({**setting, "learns": "fit"}, keep) | setting


@lru_cache(maxsize=8)
def asked(split: str, teacher: str, pictures: int, draw: int) -> tuple:
    """The teacher, images to learn from and to judge by, as it answers them."""
    whole = load_images("mnist", "fit" if split == "held_out" else "train")
    train_set, test_set = sample(whole, pictures, draw), load_images("mnist", split)
    course = teacher == "course"
    model = load_teacher("mnist")[0] if course else load_model(OTHER_FILE)[0]
    for columns in (train_set, test_set):
        columns["teacher_logits"] = predict(model, columns["images"])
    return model, train_set, test_set


def imitation_run(setting: lab.Setting) -> lab.Setting:
    """Train the student of a setting; the setting and what was measured, as one row."""
    of_data = (setting[name] for name in ("split", "teacher", "pictures", "seed"))
    teacher, train_set, test_set = asked(*of_data)
    pictures, labels, kind = (setting[n] for n in ("pictures", "labels", "method"))
    if labels < pictures:
        there = torch.zeros(pictures)
        there[:labels] = pictures / labels
        train_set = {**train_set, "labelled": there}
    if kind in METHODS:
        layers = layers_of(kind, setting["layer"])
        how = setting["source"], setting["seed"]
        train_set = told(train_set, teacher, layers, *how)
    names = "method", "layer", "weight", "temperature", "soft_weight", "epochs"
    names += "batch_size", "learning_rate", "seed"
    start = time.perf_counter()
    net = last_of(imitation_steps(train_set, **{n: setting[n] for n in names}))
    seconds = round(time.perf_counter() - start, 2)
    return {**setting, **lab.measured(net, test_set), "train_seconds": seconds}


def arm(*what: object, **changes: object) -> lab.Setting:
    """One way to learn 1,000 images: method, layer, source, weight, and changes."""
    names = "method", "layer", "source", "weight"
    return PLAIN | dict(zip(names, what, strict=False)) | changes


def seeds(runs: list[lab.Setting], number: int = 5) -> list[lab.Setting]:
    """Each of them with the first seeds: its own images, first weights and order."""
    return [{**run, "seed": seed} for run in runs for seed in range(number)]


def tried() -> list[lab.Setting]:
    """On held-out images, which this teacher has not seen: rates, T, and weights."""
    held = {"split": "held_out", "teacher": OTHER}
    rates = [{"learning_rate": rate} for rate in (1e-2, 2e-2, 4e-2)]
    runs = [arm(m, **r) for m in ("labels", "smoothing 0.1") for r in rates]
    hots = [{**KD, "temperature": hot} for hot in (4.0, 8.0, 16.0)]
    runs += [arm("teacher", **hot, **r) for hot in hots for r in rates]
    runs += [arm(*key, 10.0**w) for key, grid in GRIDS.items() for w in grid]
    for grids, more in ((BESIDE, KD), (SEARCHED, FEW)):
        runs += [arm(*k, weight=10.0**w, **more) for k, g in grids.items() for w in g]
    runs += [arm("smoothing 0.1", **FEW)]
    return seeds([{**run, **held} for run in runs], 2)


KIND = "method", "layer", "source", "labels", "soft_weight"
WANTED = "weight", "learning_rate", "temperature"


def chosen() -> dict[tuple, lab.Setting]:
    """{kind of run: its setting with the fewest errors on held-out images}."""
    kind_of = itemgetter(*KIND)
    told = "imitate_tuning", "lessons.what_to_imitate", tried(), kind_of
    best = lab.rates_of(*told, wanted=WANTED)
    names = *KIND, *WANTED
    return {k: arm(**dict(zip(names, k + v, strict=True))) for k, v in best.items()}


def compared() -> list[lab.Setting]:
    """On test images, five seeds: each kind of run as it was chosen, and controls.

    Features of "any other image", and with few labels those of an untrained net at the
    maps, have the weight of the right ones; the other teacher's those of the course's.
    """
    best = chosen()
    runs = [run for kind, run in best.items() if kind[:4] not in SPARE_NOTHING]
    late = best["hint", "last", "teacher", 1000, 0.0]
    runs += [{**late, "source": "shuffled"}, arm("labels", **FEW)]
    runs.append(best["hint", "maps", "teacher", 100, 0.0] | {"source": "untrained"})
    again = late, best["similarity", "last", "teacher", 1000, 0.0]
    again += (best["teacher", None, "teacher", 1000, 1.0],)
    return seeds([*runs, *({**run, "teacher": OTHER} for run in again)])


def unchosen() -> list[lab.Setting]:
    """On test images, five seeds, what the search did not choose, and the page shows.

    Attention as in the page's picture, and as in the authors' code, 1000 / 49; sources
    that know nothing at the weight of the teacher's hint; the rates of answers, alone
    and beside features; 100 labels at other rates, and in batches of their own.
    """
    best, slow, fast = chosen(), {"learning_rate": 2e-2}, {"learning_rate": 4e-2}
    runs = [arm("attention", "maps", "teacher", weight) for weight in (10.0, 20.4)]
    runs.append(arm("hint", "maps", "untrained", 100.0))
    runs.append(arm("hint", "last", "class mates", 10.0))
    runs.append(best["teacher", None, "teacher", 1000, 1.0] | slow)
    for method in ("hint", "similarity"):
        runs.append(best[method, "last", "teacher", 1000, 1.0] | fast)
    runs += [arm("labels", **FEW, learning_rate=rate) for rate in (1e-2, 4e-2)]
    return seeds([*runs, arm("labels", **FEW, pictures=100, epochs=160)])


imitate_teachers = lab.Experiment(
    other_run,
    lambda: [
        {"dataset": "mnist", "split": "test", "teacher": None, "student": OTHER}
        | {"method": "labels", "temperature": None, "soft_weight": 0.0}
        | {"labels": 50_000, "epochs": 6, "seed": 1}
    ],
    keeps=lambda run: OTHER_FILE.name,
)
imitate_tuning = lab.Experiment(imitation_run, tried, after=("imitate_teachers",))
imitate = lab.Experiment(
    imitation_run, compared, after=("imitate_teachers", "imitate_tuning")
)
imitate_unchosen = lab.Experiment(
    imitation_run, unchosen, after=("imitate_teachers", "imitate_tuning")
)
