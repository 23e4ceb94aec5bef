"""The stored experiments: what a student of 1,000 images imitates, and controls."""

import time
from functools import lru_cache
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.augmentations import shifted
from kdlab.data import Columns, load_images, sample
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.results import load_runs
from kdlab.training import cycle_of, last_of, predict, training_steps
from kdlab.weights import WEIGHTS, load_model, load_teacher, save_model

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
SPARE_NOTHING = "adversary logits teacher", "attention maps pixels"  # in the search:
SPARE_NOTHING += "distances last untrained", "hint last untrained"  # run there alone
BESIDE = {("hint", "last"): range(3), ("similarity", "last"): range(2, 6)}
FEW = {"labels": 100}  # of the 1,000 images; the others have none
SEARCHED = {("hint", "maps"): range(1, 4), ("hint", "last"): range(1, 4)}
SEARCHED |= {("attention", "maps"): range(3), ("similarity", "last"): range(4, 6)}


def teacher_run(setting: lab.Setting, keep: Path | None = None) -> lab.Setting:
    """Train OTHER by the course's recipe, on 50,000 images; its row."""
    train_set, test_set = (load_images("mnist", s) for s in ("fit", "test"))
    model = build_model("cnn", seed=setting["seed"])

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        return label_loss(model, {**batch, "images": shifted(batch["images"], 1)})

    cycle = cycle_of(model, train_set, 6e-3, epochs=setting["epochs"], batch_size=128)
    start = time.perf_counter()
    last_of(training_steps(model, train_set, objective, seed=setting["seed"], **cycle))
    seconds = round(time.perf_counter() - start, 1)
    if keep:
        save_model(keep, model, "cnn", {}, seed=setting["seed"])
    row = {**setting, **lab.measured(model, test_set), "teacher_agreement": None}
    return row | {"train_seconds": seconds}


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


def arm(
    method: str,
    layer: str | None = None,
    source: str = "teacher",
    weight: float = 0.0,
    **changes: object,
) -> lab.Setting:
    """One way to learn 1,000 images, in 320 steps."""
    run = {"dataset": "mnist", "split": "test", "teacher": "course"}
    run |= {"student": STUDENT, "method": method, "layer": layer, "source": source}
    run |= {"weight": weight, "temperature": None, "soft_weight": 0.0}
    run |= {"labels": 1000, "pictures": 1000, "epochs": 20, "batch_size": 64}
    return run | {"learning_rate": 2e-2, "seed": 0} | changes


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
        for key, grid in grids.items():
            runs += [arm(*key, weight=10.0**w, **more) for w in grid]
    return seeds([{**run, **held} for run in runs], 2)


KIND = "method", "layer", "source", "labels", "soft_weight"


def kind_of(run: lab.Setting) -> tuple:
    """Which runs share what is chosen."""
    return tuple(run[name] for name in KIND)


def chosen() -> dict[tuple, lab.Setting]:
    """{kind of run: {weight, rate and T} with the fewest errors on held-out images}."""
    wanted, found = ("weight", "learning_rate", "temperature"), {}
    for run in load_runs("imitate_tuning").to_dict("records"):
        run = {k: None if v != v else v for k, v in run.items()}
        errors = found.setdefault(kind_of(run), {})
        errors.setdefault(tuple(run[n] for n in wanted), []).append(run["test_errors"])
    best = {kind: min(e, key=lambda k, e=e: fmean(e[k])) for kind, e in found.items()}
    return {kind: dict(zip(wanted, k, strict=True)) for kind, k in best.items()}


def compared() -> list[lab.Setting]:
    """On test images, five seeds: each kind of run as it was chosen, and controls.

    Features of "any other image", and with few labels those of an untrained net, have
    the weight of the right ones; with the other teacher all is as with the course's.
    """
    best = {kind: arm("") | dict(zip(KIND, kind, strict=True)) for kind in chosen()}
    best = {kind: best[kind] | found for kind, found in chosen().items()}
    names = {kind: " ".join(map(str, kind[:3])) for kind in best}
    runs = [run for kind, run in best.items() if names[kind] not in SPARE_NOTHING]
    late = best["hint", "last", "teacher", 1000, 0.0]
    runs += [{**late, "source": "shuffled"}, arm("labels", **FEW)]
    runs.append(best["hint", "maps", "teacher", 100, 0.0] | {"source": "untrained"})
    again = late, best["similarity", "last", "teacher", 1000, 0.0]
    again += (best["teacher", None, "teacher", 1000, 1.0],)
    return seeds([*runs, *({**run, "teacher": OTHER} for run in again)])


imitate_teachers = lab.Experiment(
    teacher_run,
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
