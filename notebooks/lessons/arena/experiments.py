"""The stored experiments of this lesson: every recipe, in equally many gradient steps."""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from torch import Tensor, nn

from kdlab import compression as small
from kdlab import experiments as lab
from kdlab.data import Columns, load_images
from kdlab.datasets import TITLES
from kdlab.results import CORE
from kdlab.training import last_of
from kdlab.weights import load_teacher, save_model

from . import recipes
from .experiments_colour import arena_colour  # noqa: F401 - a table of its own
from .files import files_of, measured_file, page_file
from .recipes import AS_IT_IS, FILES, RECIPES, SMALL, TEMPERATURE, WIDE

ROUNDS = {1: 500, 128: 60}  # of a race, by batch
STEPS = 768  # gradient steps of every arm: 24 epochs of 2,000 images, in batches of 64
RATES = [3e-3, 1e-2, 2e-2, 4e-2]
BASE = {"dataset": "mnist", "split": "test", "teacher": "course", "student": WIDE}
BASE |= {"method": "train", "recover": "labels", "bits": None}
BASE |= {"temperature": TEMPERATURE, "soft_weight": 1.0, "labels": 2000, "draw": 0}
BASE |= {"epochs": 24, "batch_size": 64, "learning_rate": 1e-2, "seed": 0}
ALL = {"labels": 60_000, "epochs": 1, "batch_size": 78}  # about as many steps
CHANGING = {"zero": None, "prune": None, "factorize": None, "quantize": 2}  # and bits


def followed(setting: lab.Setting) -> tuple[nn.Module, Columns, Columns, float]:
    """The net at the end of a recipe, the images it learnt from, its judges, seconds."""
    columns = lab.columns_of(*(setting[name] for name in lab.OF_DATA))
    teacher, _ = load_teacher(setting["dataset"])
    start = time.perf_counter()
    net = last_of(recipes.recipe_steps(columns[0], setting, teacher)).eval()
    return net, *columns, round(time.perf_counter() - start, 2)


def tuning_run(setting: lab.Setting) -> lab.Setting:
    """Follow a recipe and judge the net itself, without a file."""
    net, _, judges, seconds = followed(setting)
    return {**setting, **lab.measured(net, judges), "train_seconds": seconds}


def arena_run(setting: lab.Setting) -> lab.Setting:
    """Follow a recipe, write the file that it ends with, and judge that file; its row.

    The setting: which images (`lab.OF_DATA`), the net to begin with, the recipe
    (method), and how each of its steps trains.
    """
    net, images, judges, seconds = followed(setting)
    row = measured_file(net, setting["bits"], images["images"], judges)
    return {**setting, **row, "train_seconds": seconds}


def page_run(setting: lab.Setting, keep: Path) -> lab.Setting:
    """Follow a recipe; store the net there, and beside it its file for a page; a row."""
    net, images, judges, seconds = followed(setting)
    steps = setting["epochs"] * -(-setting["labels"] // setting["batch_size"])
    facts = {"student": f"{setting['student']}, seed {setting['seed']}"}
    facts |= {"taught by": f"the course's teacher of {TITLES[setting['dataset']]}"}
    facts |= {"temperature": setting["temperature"], "images": setting["labels"]}
    facts |= {"labels": "none", "gradient steps": steps}
    *channels, hidden = map(int, setting["student"].split("-")[1:])
    save_model(keep, net, "cnn", {"channels": channels, "hidden": hidden}, **facts)
    row = page_file(net, keep.with_suffix(".json"), images["images"], judges, facts)
    return {**setting, **row, "train_seconds": seconds}


@lru_cache(maxsize=1)
def engines() -> dict[str, Callable[[Tensor], Tensor]]:
    """A file of each kind in its engine: a time does not depend on what weights are."""
    teacher, images = load_teacher("mnist")[0], load_images("mnist", "test")["images"]
    students, found = {short: name for name, short in recipes.NETS.items()}, {}
    for kind in FILES:
        name, *more = kind.split(", ")
        net = recipes.begun(arm(students[name], "train"), teacher).eval()
        net = recipes.changed(net, "factorize", None) if "low rank" in more else net
        with TemporaryDirectory() as folder:
            bits = 8 if "int8" in more else None
            found[kind] = small.engine(files_of(net, bits, images, Path(folder))[0])
    return found


@lru_cache(maxsize=1)
def raced(batch: int, seed: int) -> pd.DataFrame:
    """One race of all kinds of file, on one thread."""
    images = load_images("mnist", "test")["images"][:batch]
    return small.race(engines(), images, rounds=ROUNDS[batch]).round(4)


def times_run(setting: lab.Setting) -> lab.Setting:
    """The row of one kind of file; the race is run when its first row is asked for."""
    found = raced(setting["batch"], setting["seed"]).loc[setting["student"]]
    none = dict.fromkeys(sorted(CORE - {*setting}))
    return {**none, **setting, **found[["ms", "low", "high"]]}


def all_times() -> list[lab.Setting]:
    """Five races for one image, and five for 128."""
    return [
        {"dataset": "mnist", "batch": batch, "seed": seed, "student": kind}
        | {"method": "race", **small.processor()}
        for batch in ROUNDS
        for seed in lab.SEEDS
        for kind in FILES
    ]


def arm(student: str, method: str, recover: str = "labels", **more: object) -> dict:
    """The setting of one arm, of seed 0 and a rate still to be chosen."""
    return {**BASE, "student": student, "method": method, "recover": recover, **more}


def from_scratch() -> list[lab.Setting]:
    """Both shapes, on labels alone and on the teacher's answers alone."""
    return [arm(net, how) for net in (WIDE, SMALL) for how in ("train", "distil")]


def of_teacher() -> list[lab.Setting]:
    """The teacher itself made smaller, and trained as its former self answers."""
    own = [arm("teacher", s, "teacher", bits=bits) for s, bits in CHANGING.items()]
    both = arm("teacher", "prune, quantize", "teacher", bits=2)
    return [*own, arm("teacher", "prune"), both]


def pipelines(bits: int, *recover: str) -> list[lab.Setting]:
    """All six orders, recovered in these ways."""
    orders = RECIPES.values()
    return [arm(WIDE, how, who, bits=bits) for who in recover for how in orders]


def arms() -> list[lab.Setting]:
    """All that is trained."""
    both = "labels", "teacher"
    alone = [
        arm(WIDE, f"train, {step}", who, bits=bits)
        for who in both
        for step, bits in CHANGING.items()
    ]
    more = [
        arm(WIDE, "smooth"),
        arm(WIDE, "train, prune, quantize", bits=2),
        arm(WIDE, "train, prune, quantize", bits=8),
        arm(WIDE, "train, quantize", bits=8),
        arm(WIDE, "train, round", bits=8),
        arm(WIDE, "train, round", bits=2),
        arm(SMALL, "distil, round", bits=8),
        arm(SMALL, "distil, quantize", "teacher", bits=2),
        arm(SMALL, "distil", **ALL),
        arm(SMALL, "distil, round", **ALL, bits=8),
        arm("teacher", "prune, round", "teacher", bits=8),
    ]
    orders = pipelines(2, *both) + pipelines(8, *both)
    return from_scratch() + alone + of_teacher() + more + orders


def untrained() -> list[lab.Setting]:
    """The teacher as it is, and rounded: nothing is left to chance."""
    own = (AS_IT_IS, None), ("round", 8), ("round", 2)
    none = {"epochs": 0, "learning_rate": 0.0}
    return [arm("teacher", how, bits=bits, **none) for how, bits in own]


def kind_of(run: Mapping[str, object]) -> str:
    """The kind of recipe whose rate was tuned, whatever its bits."""
    steps = ", ".join(recipes.learns_in(run["method"]))
    return f"{run['student']}: {steps}, on {run['recover']}"


def tried() -> list[lab.Setting]:
    """Learning rates on the held-out images, for each kind of recipe; on two bits."""
    some = [run for run in arms() if run["bits"] != 8 and run["labels"] == 2000]
    return [
        {**run, "split": "held_out", "learning_rate": rate, "seed": seed, "draw": seed}
        for run in some
        if "round" not in run["method"]
        for rate in RATES
        for seed in range(1 if ", " in run["method"] else 2)
    ]


def tuned(settings: list[lab.Setting]) -> list[lab.Setting]:
    """The settings, each with the rate that was best for its kind, for five seeds."""
    best = lab.rates_of("arena_tuning", "lessons.arena", tried(), kind_of)
    rated = [{**run, "learning_rate": best[kind_of(run)]} for run in settings]
    return [{**run, "seed": seed, "draw": seed} for run in rated for seed in lab.SEEDS]


def with_all_labels() -> list[lab.Setting]:
    """Some of the arms with all 60,000 images and labels, each of which is seen once."""
    cut = [run for run in of_teacher() if run["method"] == "prune, quantize"]
    some = from_scratch() + cut + pipelines(2, "teacher")
    return tuned([{**run, **ALL} for run in some])


def for_pages() -> list[lab.Setting]:
    """The small net, taught all images of its dataset in about as many steps; a seed."""
    all_digits = {"dataset": "digits", "labels": 1437, "epochs": 41, "batch_size": 78}
    runs = [arm(SMALL, "distil", **{**more, "bits": 8}) for more in (ALL, all_digits)]
    return [run for run in tuned(runs) if run["seed"] == 0]


AFTER = "teachers", "arena_tuning"
arena_tuning = lab.Experiment(tuning_run, tried, after=AFTER[:1])
arena = lab.Experiment(arena_run, lambda: untrained() + tuned(arms()), after=AFTER)
arena_times = lab.Experiment(times_run, all_times, in_turn=True)
arena_all = lab.Experiment(arena_run, with_all_labels, after=AFTER)
KEPT = "{dataset}_student.safetensors"
page_students = lab.Experiment(page_run, for_pages, KEPT.format_map, AFTER)
