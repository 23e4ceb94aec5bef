"""The stored experiment with scanned reliefs: few points learn from many."""

import time
from functools import cache

from torch import nn

from kdlab import experiments as lab
from kdlab.data import Columns, load_images
from kdlab.objectives import label_loss
from kdlab.seeds import random_numbers_from
from kdlab.training import last_of, predict

from .choices import chosen, several
from .sides import PointNet, few, learn, scanned, side

DENSE, TURN, STARTS = 128, 15.0, 2
BASE = {"dataset": "mnist", "split": "test", "teacher": None, "student": "points-16-32"}
BASE |= {"method": "labels", "temperature": None, "soft_weight": 0.0}
BASE |= {"labels": 2000, "points": 64, "told": None, "draws": 1, "epochs": 15}
BASE |= {"learning_rate": None, "seed": 0}
RATES = [5e-3, 1e-2, 2e-2, 4e-2]


def new_points(seed: int, *widths: int) -> nn.Module:
    """An untrained PointNet."""
    with random_numbers_from(seed):
        return PointNet(*widths)


@cache
def dense_teacher(draw: int) -> nn.Module:
    """A large PointNet, of dense scans of its own images, each scanned twice."""
    images = side(draw, "teacher")
    images = {name: column[:8000] for name, column in images.items()}
    scans = clouds_of(images, DENSE, 2, 1000 + draw)
    net, how = new_points(100 + draw, 64, 128), {"epochs": 4, "batch_size": 64}
    return learn(net, scans, label_loss, 5e-3, seed=100 + draw, **how)


def clouds_of(images: Columns, points: int, draws: int, seed: int) -> Columns:
    """Each digit scanned so many times: rows that belong to one another follow."""
    again = {
        name: column.repeat_interleave(draws, 0) for name, column in images.items()
    }
    return {**again, "images": scanned(again["images"], points, TURN, seed)}


@cache
def judges_of(split: str) -> Columns:
    """The images to judge by, each scanned once and densely; thin them out."""
    return clouds_of(load_images("mnist", split), DENSE, 1, 0)


def thinned(scans: Columns, points: int) -> Columns:
    """The same scans with fewer points."""
    return {**scans, "images": scans["images"][:, :points]}


def cloud_run(setting: lab.Setting) -> lab.Setting:
    """Two students of sparse scans; the row of the first, and the errors' mean.

    `told` is how many points the teacher sees of the student's scans; `draws`, how
    often each digit is scanned, in equally many steps.
    """
    draw, points = setting["seed"], setting["points"]
    scans = clouds_of(few(draw, setting["labels"]), DENSE, setting["draws"], draw)
    images, judges = (
        thinned(scans, points),
        thinned(judges_of(setting["split"]), points),
    )
    if setting["told"]:
        seen = thinned(scans, setting["told"])["images"]
        images["teacher_logits"] = predict(dense_teacher(draw), seen)
    how = ("method", "temperature", "soft_weight", "learning_rate")
    how = {name: setting[name] for name in how}
    how["epochs"] = setting["epochs"] // setting["draws"]
    start, rows = time.perf_counter(), []
    starts = STARTS if setting["split"] == "test" else 1
    for seed in range(10 * draw, 10 * draw + starts):
        net = new_points(seed, 16, 32)
        last_of(lab.student_steps(images, model=net, seed=seed, **how))
        rows.append(lab.measured(net, judges))
    mean = sum(row["test_errors"] for row in rows) / len(rows)
    row = {"teacher_agreement": None, **setting, **rows[0]}
    row |= {"test_errors": round(mean, 1)}
    return row | {"train_seconds": round(time.perf_counter() - start, 2)}


def all_arms() -> list[lab.Setting]:
    """Labels, smoothed ones, a teacher of dense and one of the same scans; redrawn."""
    methods = [{"method": "labels"}, {"method": "smoothing 0.1"}]
    soft = {"teacher": "points-64-128", "method": "teacher", "soft_weight": 1.0}
    arms = [
        {**BASE, "points": points, **one}
        for points in (16, 64)
        for one in (*methods, {**soft, "told": DENSE}, {**soft, "told": points})
    ]
    return several(arms, draws=[1, 15])


def tried() -> list[lab.Setting]:
    """Temperature and peak of each arm, on held-out images."""
    seeds, every = {"split": ["held_out"], "seed": range(1)}, all_arms()
    every = [one for one in every if one["draws"] == 1]
    soft = [one for one in every if one["told"]]
    hard = [one for one in every if not one["told"]]
    hot = {"temperature": [4.0], "learning_rate": RATES[1:]}
    return several(hard, learning_rate=RATES[:3], **seeds) + several(
        soft, **hot, **seeds
    )


def cell_of(run: lab.Setting) -> tuple:
    """The arm that a temperature and a peak were chosen for."""
    return run["points"], run["method"], run["told"] or None


def all_clouds() -> list[lab.Setting]:
    """Every arm at its best."""
    best = chosen("clouds_tuning", cell_of, "temperature", "learning_rate")
    settings = [{**one, **best[cell_of(one)]} for one in all_arms()]
    return several(settings, seed=lab.SEEDS)


clouds_tuning = lab.Experiment(cloud_run, tried)
clouds = lab.Experiment(cloud_run, all_clouds, after=("clouds_tuning",))
