"""The stored experiments: what a student of 1,000 images imitates, and controls."""

import time
import tomllib
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

import torch

from kdlab import experiments as lab
from kdlab.data import load_images, sample
from kdlab.experiments.teachers import teacher_run
from kdlab.training import last_of, predict
from kdlab.weights import WEIGHTS, load_model, load_teacher

from .students import LOSSES, STUDENT, imitation_steps, layers_of, told

OTHERS = [f"other {n}" for n in range(1, 5)]  # teachers that saw no held-out image
OTHER = OTHERS[0]  # who was asked in the search
GRIDS = tomllib.loads((Path(__file__).parent / "grids.toml").read_text("utf-8"))
KD, FEW = {"temperature": 16.0, "soft_weight": 1.0}, {"labels": 100}  # of 1,000 images
IN_TURN = "hint, then labels"  # in two stages, as Romero et al. have it
PLAIN = {
    "dataset": "mnist", "split": "test", "teacher": "course", "student": STUDENT,
    "method": "labels", "layer": None, "source": "teacher", "weight": 0.0,
    "temperature": None, "soft_weight": 0.0, "labels": 1000, "pictures": 1000,
    "epochs": 20, "batch_size": 64, "learning_rate": 2e-2, "seed": 0,
}  # fmt: skip
KIND = "method", "layer", "source", "labels", "soft_weight"
WANTED = "weight", "learning_rate", "temperature"  # what is chosen for each kind
OF_DATA = "split", "teacher", "pictures", "seed"
OF_STEPS = *("method", "layer", *WANTED, "soft_weight"), "epochs", "batch_size", "seed"


@lru_cache(maxsize=8)
def asked(split: str, teacher: str, pictures: int, draw: int) -> tuple:
    """The teacher, images to learn from and to judge by, as it answers them."""
    whole = load_images("mnist", "fit" if split == "held_out" else "train")
    train_set, test_set = sample(whole, pictures, draw), load_images("mnist", split)
    course = teacher == "course"
    model = (load_teacher("mnist") if course else load_model(file_of(teacher)))[0]
    for columns in (train_set, test_set):
        columns["teacher_logits"] = predict(model, columns["images"])
    return model, train_set, test_set


def imitation_run(setting: lab.Setting) -> lab.Setting:
    """Train the student of a setting; the setting and what was measured, as one row."""
    teacher, train_set, test_set = asked(*itemgetter(*OF_DATA)(setting))
    there = torch.arange(setting["pictures"]) < setting["labels"]
    columns = {**train_set, "labelled": there / there.double().mean()}
    loss, _, second = setting["method"].partition(", then ")
    if loss in LOSSES:
        layers = layers_of(loss, setting["layer"])
        columns = told(columns, teacher, layers, setting["source"], setting["seed"])
    start, how = time.perf_counter(), {name: setting[name] for name in OF_STEPS}
    if second:
        half = {**how, "method": loss, "epochs": how["epochs"] // 2}
        first = imitation_steps({**columns, "labelled": 0 * there}, **half)
        how = {**half, "method": second, "net": last_of(first)}
    net = last_of(imitation_steps(columns, **how))
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
    rates = [{"learning_rate": rate} for rate in (1e-2, 2e-2, 4e-2, 8e-2)]
    runs = [arm(m, **r) for m in ("labels", "smoothing 0.1") for r in rates]
    hots = [{**KD, "temperature": hot} for hot in (4.0, 8.0, 16.0, 32.0)]
    runs += [arm("teacher", **hot, **r) for hot in hots for r in rates]
    for grids, more in zip(GRIDS.values(), ({}, KD, FEW), strict=True):
        for way, (low, high) in grids.items():
            weights = [10.0**power for power in range(low, high + 1)]
            runs += [arm(*way.split(", "), weight=w, **more) for w in weights]
    held = {"split": "held_out", "teacher": OTHER}
    return seeds([run | held for run in [*runs, arm("smoothing 0.1", **FEW)]], 2)


def chosen() -> dict[tuple, lab.Setting]:
    """{kind of run: its setting with the fewest errors on held-out images}."""
    told = "imitate_tuning", "lessons.what_to_imitate", tried(), itemgetter(*KIND)
    best = lab.rates_of(*told, wanted=WANTED)
    names = *KIND, *WANTED
    return {k: arm(**dict(zip(names, k + v, strict=True))) for k, v in best.items()}


def compared() -> list[lab.Setting]:
    """On test images, five seeds: each kind of run as it was chosen, and controls.

    Features of "any other image" have the weight of the right ones; the other teachers'
    those of the course's.
    """
    best = chosen()
    late = best["hint", "last", "teacher", 1000, 0.0]
    again = late, best["similarity", "last", "teacher", 1000, 0.0]
    again += (best["teacher", None, "teacher", 1000, 1.0],)
    runs = [*best.values(), late | {"source": "shuffled"}, arm("labels", **FEW)]
    return seeds([*runs, *(run | {"teacher": t} for t in OTHERS for run in again)])


def unchosen() -> list[lab.Setting]:
    """On test images, five seeds, what the search did not choose, and the page shows.

    Attention as in the page's picture, and as in the authors' code, 1000 / 49; sources
    that know nothing at the weight of the teacher's hint; answers at the temperature and
    at both rates of features beside them; the hint first and then labels; 100 labels at
    other rates, and in batches of their own.
    """
    best, slow, fast = chosen(), {"learning_rate": 2e-2}, {"learning_rate": 4e-2}
    runs = [arm("attention", "maps", weight=weight) for weight in (10.0, 20.4)]
    runs.append(arm("hint", "maps", "untrained", 100.0))
    runs.append(arm("hint", "last", "class mates", 10.0))
    runs += [arm("teacher", **KD, **rate) for rate in (slow, fast)]
    for method in ("hint", "similarity"):
        runs.append(best[method, "last", "teacher", 1000, 1.0] | fast)
    runs += [arm("labels", **FEW, learning_rate=rate) for rate in (1e-2, 4e-2)]
    places = [arm(IN_TURN, place, weight=1.0) for place in ("maps", "last")]
    runs += [place | more for place in places for more in ({}, FEW)]
    return seeds([*runs, arm("labels", **FEW, pictures=100, epochs=160)])


def file_of(teacher: str) -> Path:
    """Where one of the OTHERS is kept; it is not shipped."""
    return WEIGHTS / f"imitate_{teacher.split()[1]}.safetensors"


imitate_teachers = lab.Experiment(  # by the course's recipe, on 50,000 images
    lambda run, keep=None: teacher_run(run | {"learns": "fit"}, keep) | run,
    lambda: [
        {"dataset": "mnist", "split": "test", "teacher": None, "student": name}
        | {"method": "labels", "temperature": None, "soft_weight": 0.0}
        | {"labels": 50_000, "epochs": 6, "seed": seed}
        for seed, name in enumerate(OTHERS, 1)
    ],
    keeps=lambda run: file_of(run["student"]).name,
)
LEARNT = "imitate_teachers", "imitate_tuning"
imitate_tuning = lab.Experiment(imitation_run, tried, after=LEARNT[:1])
imitate = lab.Experiment(imitation_run, compared, after=LEARNT)
imitate_unchosen = lab.Experiment(imitation_run, unchosen, after=LEARNT)
