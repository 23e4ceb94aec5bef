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

OTHERS = ("other 1",)  # teachers that saw no held-out image
KD = {"temperature": 16.0, "soft_weight": 1.0}
TENS, LARGE = [1.0, 10.0, 100.0, 1000.0], [10.0, 100.0, 1e3, 1e4]
HUGE, SMALL = [1e3, 1e4, 1e5, 1e6], [0.01, 0.1, 1.0, 10.0]
GRIDS = {  # {(method, layer): weights tried}
    ("hint", "maps"): TENS,
    ("hint", "last"): TENS,
    ("attention", "maps"): SMALL,
    ("gram", "maps"): TENS[:3],
    ("flow", "maps"): TENS[:3],
    ("distances", "maps"): LARGE,
    ("distances", "last"): LARGE,
    ("angles", "last"): LARGE,
    ("similarity", "maps"): HUGE,
    ("similarity", "last"): HUGE,
    ("adversary", "logits"): SMALL[:3],
}
LATE = ("hint", "last"), ("distances", "last"), ("similarity", "last")
CONTROLS = {  # {(method, layer, source): weights tried}
    ("hint", "maps", "untrained"): TENS,
    ("hint", "last", "untrained"): SMALL,
    ("hint", "last", "class mates"): TENS,
    ("attention", "maps", "pixels"): SMALL,
    ("distances", "last", "untrained"): TENS,
    ("distances", "last", "class mates"): LARGE,
    ("distances", "last", "pixels"): TENS,
}
BESIDE = {("hint", "last"): TENS[:3], ("similarity", "last"): HUGE[:3]}  # with answers
FEW = {"labels": 100}  # of the 1,000 images; the others have none
SEARCHED = {  # {(method, layer): weights tried with few labels}
    ("hint", "maps"): TENS[1:3],
    ("hint", "last"): TENS[1:3],
    ("attention", "maps"): SMALL[2:],
    ("similarity", "last"): HUGE[1:3],
}


def file_of(teacher: str) -> Path:
    """Where one of OTHERS is stored: not shipped."""
    return WEIGHTS / f"imitate_{teacher[-1]}.safetensors"


def teacher_run(setting: lab.Setting, keep: Path | None = None) -> lab.Setting:
    """Train one of OTHERS by the course's recipe, on 50,000 images; its row."""
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
    model = load_teacher("mnist")[0] if course else load_model(file_of(teacher))[0]
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
    kind = kind.removesuffix(" first")
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
    held = {"split": "held_out", "teacher": OTHERS[0]}
    rates = [{"learning_rate": rate} for rate in (1e-2, 2e-2, 4e-2)]
    runs = [arm(m, **r) for m in ("labels", "smoothing 0.1") for r in rates]
    hots = [{**KD, "temperature": hot} for hot in (4.0, 8.0, 16.0)]
    runs += [arm("teacher", **hot, **r) for hot in hots for r in rates]
    every = {**{(*key, "teacher"): grid for key, grid in GRIDS.items()}, **CONTROLS}
    runs += [arm(*key, w) for key, grid in every.items() for w in grid]
    runs += [arm(*k, weight=w, **KD) for k, grid in BESIDE.items() for w in grid]
    runs += [arm(*k, weight=w, **FEW) for k, grid in SEARCHED.items() for w in grid]
    return seeds([{**run, **held} for run in runs], 2)


def kind_of(run: lab.Setting) -> tuple:
    """Which runs share what is chosen."""
    names = "method", "layer", "source", "labels", "soft_weight"
    return tuple(run[name] for name in names)


def chosen() -> dict[tuple, lab.Setting]:
    """{kind of run: {weight, rate and T} with the fewest errors on held-out images}."""
    wanted = "weight", "learning_rate", "temperature"
    found: dict[tuple, dict[tuple, list]] = {}
    for run in load_runs("imitate_tuning").to_dict("records"):
        run = {k: None if v != v else v for k, v in run.items()}
        errors = found.setdefault(kind_of(run), {})
        errors.setdefault(tuple(run[n] for n in wanted), []).append(run["test_errors"])
    means = {
        kind: {k: fmean(e) for k, e in some.items()} for kind, some in found.items()
    }
    return {
        kind: dict(zip(wanted, min(some, key=some.get), strict=True))
        for kind, some in means.items()
    }


def compared() -> list[lab.Setting]:
    """On test images, five seeds: each kind of run as it was chosen, and controls.

    Features of "any other image", and with few labels those of an untrained net, have
    the weight of the right ones; with other teachers all is as with the course's.
    """
    best = chosen()
    names = "method", "layer", "source", "labels", "soft_weight"
    runs = [
        arm("labels") | dict(zip(names, k, strict=True)) | own
        for k, own in best.items()
    ]
    for method, layer in LATE[:2]:
        own = best[method, layer, "teacher", 1000, 0.0]
        runs.append(arm(method, layer, "shuffled") | own)
    runs += [arm("labels", **FEW), arm("hint first", "maps")]
    own = best["hint", "maps", "teacher", 100, 0.0]
    runs.append(arm("hint", "maps", "untrained", **FEW) | own)
    for method, layer, soft in [
        ("teacher", None, 1.0),
        (*LATE[0], 0.0),
        (*LATE[2], 0.0),
    ]:
        own = best[method, layer, "teacher", 1000, soft]
        runs.append(
            arm(method, layer) | own | {"teacher": "other", "soft_weight": soft}
        )
    return [with_luck(run) for run in seeds(runs)]


def with_luck(run: lab.Setting) -> lab.Setting:
    """Another teacher for other seeds, where it is not the course's."""
    if run["teacher"] != "other":
        return run
    return {**run, "teacher": OTHERS[run["seed"] % len(OTHERS)]}


imitate_teachers = lab.Experiment(
    teacher_run,
    lambda: [
        {"dataset": "mnist", "split": "test", "teacher": None, "student": name}
        | {"method": "labels", "temperature": None, "soft_weight": 0.0}
        | {"labels": 50_000, "epochs": 6, "seed": int(name[-1])}
        for name in OTHERS
    ],
    keeps=lambda run: file_of(run["student"]).name,
)
imitate_tuning = lab.Experiment(imitation_run, tried, after=("imitate_teachers",))
imitate = lab.Experiment(
    imitation_run, compared, after=("imitate_teachers", "imitate_tuning")
)
