"""Who learns what from whom: images of each side, nets, one run, and what was tried."""

import time
from collections.abc import Callable, Generator
from functools import cache

from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.augmentations import jittered
from kdlab.data import Columns, count, load_images, sample
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.training import Objective, cycle_of, last_of, predict, training_steps

PUPILS, TEACHERS = 10_000, 20_000  # images of each side; a draw has its own
MIXER = {"width": 32, "depth": 2, "image_size": 28, "colors": 1}
MIXER |= {"mean": 0.1307, "spread": 0.3081}
MOVED = 2  # pixels, of a teacher that is trained on moved digits
# epochs and peak of a teacher, chosen on held-out images
RECIPES = {"mlp-800": (8, 3e-3), "cnn-8-16-64": (3, 8e-3), "mixer": (3, 6e-3)}
BASE = {"dataset": "mnist", "split": "test", "teacher": None, "student": None}
BASE |= {"method": "labels", "temperature": None, "soft_weight": 0.0, "labels": None}
BASE |= {"epochs": None, "learning_rate": None, "seed": 0}
PLAIN = {"method": "labels"}, {"method": "smoothing 0.1"}
TAUGHT = {"method": "teacher", "soft_weight": 1.0}
OF_STUDENTS = "method temperature soft_weight jitter epochs learning_rate seed".split()


@cache
def side(draw: int, whose: str) -> Columns:
    """The images of "pupil" or "teacher": none is of both, or of those who judge."""
    both = sample(load_images("mnist", "fit"), PUPILS + TEACHERS, draw)
    rows = slice(PUPILS) if whose == "pupil" else slice(PUPILS, None)
    return {name: column[rows] for name, column in both.items()}


def few(draw: int, images: int) -> Columns:
    """The first images of the pupil's side."""
    return {name: column[:images] for name, column in side(draw, "pupil").items()}


def new_net(name: str, seed: int, **sizes: int) -> nn.Module:
    """An untrained "mixer", or a net such as "mlp-128" or "cnn-4-8-32"."""
    if name == "mixer":
        return build_model("mixer", seed=seed, **MIXER)
    if name.startswith("cnn"):
        return lab.new_cnn(name, seed)
    widths = [int(width) for width in name.split("-")[1:]]
    return build_model("mlp", seed=seed, widths=widths, **sizes)


def learning(
    net: nn.Module, columns: Columns, goal: Objective, peak: float, **how: int
) -> Generator:
    """Train in one cycle, step by step; `how` is epochs, batch_size and seed."""
    seed = how.pop("seed")
    cycle = cycle_of(net, columns, peak, **how)
    yield from training_steps(net, columns, goal, seed=seed, **cycle)
    return net


def steps(number: int, columns: Columns) -> dict[str, int]:
    """About so many steps of 64 images, as `learning` and `student_steps` take them."""
    epochs = max(1, round(number / -(-count(columns) // 64)))
    return {"epochs": epochs, "batch_size": 64}


def on_moved(objective: Objective, pixels: int) -> Objective:
    """The objective on images, each moved by up to so many pixels."""

    def moved_first(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        return objective(model, {**batch, "images": jittered(batch["images"], pixels)})

    return moved_first if pixels else objective


@cache
def teacher_of(name: str, draw: int) -> nn.Module:
    """A teacher of its own images, such as "mlp-800" or "cnn-8-16-64, moved"."""
    kind, *moved = name.split(", ")
    goal, images = on_moved(label_loss, MOVED if moved else 0), side(draw, "teacher")
    (epochs, peak), seed = RECIPES[kind], 100 + draw
    how = {"epochs": epochs, "batch_size": 128, "seed": seed}
    return last_of(learning(new_net(kind, seed), images, goal, peak, **how))


@cache
def said(name: str, draw: int) -> Tensor:
    """That teacher's logits [PUPILS, 10] of the pupil's side."""
    return predict(teacher_of(name, draw), side(draw, "pupil")["images"])


def row_of(
    setting: lab.Setting, net: nn.Module, images: Columns, judges: Columns, **how: int
) -> lab.Setting:
    """Train the net as a setting says, or as `how` does; its row."""
    asked = {name: setting[name] for name in OF_STUDENTS if name in setting}
    start = time.perf_counter()
    last_of(lab.student_steps(images, model=net, **{**asked, **how}))
    seconds = round(time.perf_counter() - start, 2)
    row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
    return row | {"train_seconds": seconds}


def several(settings: list[lab.Setting], **axes: list) -> list[lab.Setting]:
    """The settings at each combination of these values, the last one fastest."""
    for name, values in axes.items():
        settings = [{**one, name: value} for one in settings for value in values]
    return settings


def searched(
    table: str, run: Callable, arms: list, kind_of: Callable, axes: tuple[dict, dict],
    *others: lab.Setting, seeds: int = 1,
) -> tuple[lab.Experiment, lab.Experiment]:  # fmt: skip
    """What was tried for each arm on held-out images, and each arm at its best.

    `axes` are those of arms without a teacher, and with one. `others` take the choice
    of an arm of their kind, or have none to take.
    """

    def tried() -> list[lab.Setting]:
        held = {"split": ["held_out"], "seed": range(seeds)}
        grids = ({**axes[arm["soft_weight"] > 0], **held} for arm in arms)
        pairs = zip(arms, grids, strict=True)
        return [run for arm, grid in pairs for run in several([arm], **grid)]

    def at_best() -> list[lab.Setting]:
        wanted, every = ("temperature", "learning_rate"), (*arms, *others)
        told = f"{table}_tuning", "lessons.strangers", tried(), kind_of, wanted
        best, none = lab.rates_of(*told), (None, None)
        found = [
            dict(zip(wanted, best.get(kind_of(a), none), strict=True)) for a in every
        ]
        runs = [arm | took for arm, took in zip(every, found, strict=True)]
        return several(runs, seed=lab.SEEDS)

    chosen = lab.Experiment(run, at_best, after=(f"{table}_tuning",))
    return lab.Experiment(run, tried), chosen
