"""Experiments: from settings to one run, defined once for sweeps and for explorers."""

import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns, load_images
from kdlab.models import build_model
from kdlab.training import best_device, evaluate, fit, one_cycle

# Chosen on the held-out images; the same for every seed.
TEACHER_RECIPES = {
    "mnist": {"epochs": 6, "batch_size": 128, "learning_rate": 6e-3, "shift": 1},
    "digits": {"epochs": 60, "batch_size": 64, "learning_rate": 3e-3, "shift": 2},
}


def label_loss(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
    """The objective of a student without a teacher: cross-entropy to the labels."""
    return {"hard": F.cross_entropy(model(batch["images"]), batch["labels"])}


def shifted(images: Tensor, pixels: int) -> Tensor:
    """The batch moved by up to so many pixels each way, all images alike."""
    moves = torch.randint(-pixels, pixels + 1, (2,)).tolist()
    return torch.roll(images, moves, dims=(2, 3))


def train_teacher(
    dataset: str, seed: int, train_split: str = "train", test_split: str = "test"
) -> tuple[nn.Module, dict[str, object], dict[str, object]]:
    """Train the small CNN that teaches the course on "mnist" or "digits".

    Returns the model, the sizes that rebuild it, and the run as one row of a table.
    """
    recipe = TEACHER_RECIPES[dataset]
    train_set, test_set = (load_images(dataset, s) for s in (train_split, test_split))
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
