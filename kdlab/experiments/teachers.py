"""Teachers: how the course's own was trained, and others to compare it with."""

import time
from collections.abc import Generator
from functools import cache

import torch
from torch import Tensor, nn

from kdlab.data import Columns, count, load_images
from kdlab.models import build_model
from kdlab.objectives import label_loss, shifted
from kdlab.training import (
    best_device,
    cycle_steps,
    evaluate,
    fit,
    last_of,
    one_cycle,
    predict,
)
from kdlab.weights import WEIGHTS, load_model, load_teacher

# Chosen on the held-out images; the same for every seed.
TEACHER_RECIPES = {
    "mnist": {"epochs": 6, "batch_size": 128, "learning_rate": 6e-3, "shift": 1},
    "digits": {"epochs": 60, "batch_size": 64, "learning_rate": 3e-3, "shift": 2},
}
# Other teachers, of which only the answers are kept: what they are and how they learn.
OTHERS = {
    "same images": {"epochs": 20, "batch_size": 64, "learning_rate": 3e-3},
    "same images, stopped early": {
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 3e-3,
    },
    "fair": {"widths": [64], "epochs": 3, "batch_size": 128, "learning_rate": 3e-3},
    "weak": {"widths": [32], "epochs": 2, "batch_size": 128, "learning_rate": 3e-3},
}
HINTON = WEIGHTS / "mnist_hinton.safetensors"  # 10 MB, not shipped: `sweeps hinton`


def train_teacher(
    dataset: str, seed: int
) -> tuple[nn.Module, dict[str, object], dict[str, object]]:
    """Train the small CNN that teaches the course on "mnist" or "digits".

    Returns the model, the sizes that rebuild it, and the run as one row of a table.
    """
    recipe = TEACHER_RECIPES[dataset]
    train_set, test_set = (load_images(dataset, s) for s in ("train", "test"))
    pixels = train_set["images"].float() / 255
    sizes = {"channels": [16, 32], "hidden": 128}
    sizes |= {"mean": pixels.mean().item(), "spread": pixels.std().item()}
    model = build_model("cnn", seed=seed, **sizes).to(best_device())

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images = shifted(batch["images"], recipe["shift"])
        return label_loss(model, {**batch, "images": images})

    adam = torch.optim.Adam(model.parameters(), lr=recipe["learning_rate"])
    length = {"epochs": recipe["epochs"], "batch_size": recipe["batch_size"]}
    schedule = one_cycle(adam, train_set, **length)
    start = time.perf_counter()
    fit(model, train_set, objective, adam, **length, schedule=schedule, seed=seed)
    seconds = time.perf_counter() - start
    run = {
        "dataset": dataset,
        "teacher": None,
        "student": "cnn-16-32-128",
        "method": "labels",
        "temperature": None,
        "soft_weight": 0.0,
        "labels": len(train_set["labels"]),
        "epochs": recipe["epochs"],
        "seed": seed,
        **{f"test_{name}": value for name, value in evaluate(model, test_set).items()},
        "teacher_agreement": None,
        "train_seconds": round(seconds, 1),
    }
    return model, sizes, run


def other_teacher_steps(
    teacher: str, train_set: Columns, seed: int = 0
) -> Generator[tuple[int, dict[str, Tensor]], None, nn.Module]:
    """Train one of OTHERS step by step; yield as `training_steps`, return the model.

    One with widths is a net with these hidden layers, the others are CNNs.
    """
    if teacher not in OTHERS:
        names = ["course", "hinton", *OTHERS]
        raise ValueError(f"teacher must be one of {names}, got {teacher!r}.")
    recipe = OTHERS[teacher]
    sizes = {k: recipe[k] for k in recipe if k == "widths"}
    model = build_model("mlp" if sizes else "cnn", seed=seed, **sizes).to(best_device())
    length = {k: recipe[k] for k in ("learning_rate", "epochs", "batch_size")}
    options = {**length, "seed": seed}
    return (yield from cycle_steps(model, train_set, label_loss, **options))


@cache
def teacher_of(dataset: str, teacher: str, labels: int, draw: int) -> nn.Module:
    """The teacher of this name, trained where it is not stored; once a process.

    `labels` and `draw` are of "same images": the images that their student learns from.
    """
    if teacher == "course":
        return load_teacher(dataset)[0]
    if teacher == "hinton":
        return load_model(HINTON)[0]
    whole = images_of(dataset, "train")
    own = teacher.startswith("same images")
    chosen = some_of(whole, labels, draw) if own else whole
    return last_of(other_teacher_steps(teacher, chosen, draw))


@cache
def answers_of(
    dataset: str, teacher: str, labels: int, draw: int, split: str
) -> Tensor:
    """Logits [N, classes] of `teacher_of` for all images of a split; once a process."""
    model = teacher_of(dataset, teacher, labels, draw)
    return predict(model, images_of(dataset, split)["images"])


@cache
def images_of(dataset: str, split: str) -> Columns:
    """`load_images`, once for each process."""
    return load_images(dataset, split)


def some_of(columns: Columns, examples: int, draw: int = 0) -> Columns:
    """So many rows, drawn at random; another `draw` is another sample.

    Raises ValueError if there are not so many, or none is asked for.
    """
    if not 1 <= examples <= count(columns):
        raise ValueError(
            f"There are {count(columns):,} labelled images: ask for 1 to that many, "
            f"not for {examples:,}."
        )
    order = torch.Generator().manual_seed(draw)
    rows = torch.randperm(count(columns), generator=order)[:examples]
    return {name: column[rows] for name, column in columns.items()}
