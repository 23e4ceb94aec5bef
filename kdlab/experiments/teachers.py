"""Teachers: how the course's own was trained, and others to compare it with."""

import time
from collections.abc import Generator
from pathlib import Path

import torch
from torch import Tensor, nn

from kdlab.augmentations import shifted
from kdlab.data import Columns, count, load_images
from kdlab.experiments.sweep import SEEDS, Experiment, Setting
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.training import (
    best_device,
    cycle_of,
    evaluate,
    fit,
    last_of,
    one_cycle,
    training_steps,
)
from kdlab.weights import WEIGHTS, load_model, load_teacher, save_model, teacher_path

# Chosen on the held-out images; the same for every seed.
TEACHER_RECIPES = {
    "mnist": {"epochs": 6, "batch_size": 128, "learning_rate": 6e-3, "shift": 1},
    "digits": {"epochs": 60, "batch_size": 64, "learning_rate": 3e-3, "shift": 2},
}
# Other teachers, of which only the answers are kept: what they are and how they learn.
OTHERS = {
    "same images": {"epochs": 20, "batch_size": 64},
    "same images, stopped early": {"epochs": 3, "batch_size": 64},
    "fair": {"widths": [64], "epochs": 3, "batch_size": 128},
    "weak": {"widths": [32], "epochs": 2, "batch_size": 128},
}
HINTON = WEIGHTS / "mnist_hinton.safetensors"  # 10 MB, not shipped


def teacher_run(setting: Setting, keep: Path | None = None) -> Setting:
    """Train the small CNN that teaches the course on "mnist" or "digits"; its row.

    The setting is dataset and seed, and `learns`, the images, if they are not "train".
    `keep`: where to save the model, if it is wanted.
    """
    dataset, seed = setting["dataset"], setting["seed"]
    recipe, learns = TEACHER_RECIPES[dataset], setting.get("learns", "train")
    train_set, test_set = (load_images(dataset, s) for s in (learns, "test"))
    pixels = train_set["images"].float() / 255
    sizes = {"channels": [16, 32], "hidden": 128}
    sizes |= {"mean": pixels.mean().item(), "spread": pixels.std().item()}
    model = build_model("cnn", seed=seed, **sizes).to(best_device())

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images = shifted(batch["images"], recipe["shift"])
        return label_loss(model, {**batch, "images": images})

    adam = torch.optim.Adam(model.parameters(), lr=recipe["learning_rate"])
    length = {"epochs": recipe["epochs"], "batch_size": recipe["batch_size"]}
    how = {**length, "schedule": one_cycle(adam, train_set, **length), "seed": seed}
    start = time.perf_counter()
    fit(model, train_set, objective, adam, progress=False, **how)
    seconds = time.perf_counter() - start
    run = {"dataset": dataset, "teacher": None, "student": "cnn-16-32-128"}
    run |= {"method": "labels", "temperature": None, "soft_weight": 0.0}
    run |= {"labels": count(train_set), "epochs": recipe["epochs"], "seed": seed}
    run |= {f"test_{name}": v for name, v in evaluate(model, test_set).items()}
    run |= {"teacher_agreement": None, "train_seconds": round(seconds, 1)}
    if keep:
        facts = {name: value for name, value in run.items() if value is not None}
        save_model(keep, model, "cnn", sizes, **facts)
    return run


# The other seeds tell how much of a teacher's accuracy is luck; the first one teaches.
teachers = Experiment(
    teacher_run,
    lambda: [{"dataset": d, "seed": s} for d in sorted(TEACHER_RECIPES) for s in SEEDS],
    keeps=lambda run: None if run["seed"] else teacher_path(run["dataset"]).name,
)


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
    length = {k: recipe[k] for k in ("epochs", "batch_size")}
    cycle = cycle_of(model, train_set, 3e-3, **length)
    yield from training_steps(model, train_set, label_loss, seed=seed, **cycle)
    return model


def teacher_for(
    teacher: str, dataset: str, whole: Columns, train_set: Columns, draw: int
) -> nn.Module:
    """The teacher of this name: a stored one, or one that learns here.

    "same images" learns from `train_set`, the sample `draw`, as its student does;
    others from `whole`.
    """
    if teacher == "course":
        return load_teacher(dataset)[0]
    if teacher == "hinton":
        return load_model(HINTON)[0]
    own = teacher.startswith("same images")
    images, seed = (train_set, draw) if own else (whole, 0)
    return last_of(other_teacher_steps(teacher, images, seed))
