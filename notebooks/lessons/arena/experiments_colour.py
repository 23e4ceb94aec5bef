"""The techniques on CIFAR-10 and a residual net, in equally many gradient steps.

Everybody learns from all images; the learning rate is that of notebook 06.
"""

import time
from collections.abc import Generator
from functools import lru_cache

import torch
from torch import nn

from kdlab import compression as small
from kdlab import experiments as lab
from kdlab.data import Columns, load_images
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss, on_augmented
from kdlab.training import best_device, cycle_of, last_of, training_steps
from kdlab.weights import paired

from .files import measured_file

NET, SMALL = "resnet-20", "resnet-20-narrow"
SHARE, TEMPERATURE, PIXELS = 0.5, 4.0, 2
FIRST, LATER = 1e-2, 5e-3  # learning rates of the first step, and of those after it


def begun(student: str, seed: int) -> nn.Module:
    """The untrained net, whole or with half of the channels inside its blocks."""
    net = build_model("resnet", seed=seed, depth=20)
    return small.narrowed(net, SHARE) if student == SMALL else net


def thinned(net: nn.Module) -> nn.Module:
    """A copy with 3×3 convolutions as 3×3 ones of half as many channels, then 1×1."""
    net = small.baked(net)
    for name, layer in [*small.layers_of(net).items()][1:-1]:
        u, values, v = torch.linalg.svd(layer.weight.flatten(1), full_matrices=False)
        rank = round(SHARE * len(u))
        roots = values[:rank].sqrt()
        thin = (roots[:, None] * v[:rank]).view(rank, *layer.weight.shape[1:])
        wide = (u[:, :rank] * roots)[..., None, None]
        net.set_submodule(name, paired(layer, thin, wide))
    return net


def changed(net: nn.Module, step: str, bits: int | None, images: Columns) -> nn.Module:
    """What a step makes of the net, before it learns on."""
    if step in ("prune", "factorize"):
        less = small.narrowed(net, SHARE) if step == "prune" else thinned(net)
        return small.recalibrated(less, images["images"][:2000])
    if bits and bits < 8 and step in ("quantize", "round"):
        return small.on_grid(net, bits, learned=step == "quantize", clip="error")
    return net


def recipe_steps(train_set: Columns, setting: lab.Setting) -> Generator:
    """Follow a recipe such as "train, prune"; the net, on the CPU.

    "train" learns from labels and "distil" from the teacher's answers; a step that has
    changed the net does what `recover` says.
    """
    net, steps = begun(setting["student"], setting["seed"]), setting["method"]
    learning = [step for step in steps.split(", ") if step != "round"]
    for place, step in enumerate(steps.split(", ")):
        net = changed(net.cpu(), step, setting["bits"], train_set).to(best_device())
        if step == "round":
            continue
        who = {"train": "labels", "distil": "teacher"}.get(step, setting["recover"])
        told = label_loss if who == "labels" else blended_loss(TEMPERATURE, 1.0)
        length = {"epochs": setting["epochs"] // len(learning)}
        length["batch_size"] = setting["batch_size"]
        how = cycle_of(net, train_set, LATER if place else FIRST, **length)
        how |= {"seed": setting["seed"], "way": lab.way_here(net, train_set)}
        yield from training_steps(net, train_set, on_augmented(told, PIXELS), **how)
    return net.cpu().eval()


@lru_cache(maxsize=1)
def told_images(dataset: str) -> tuple[Columns, Columns]:
    """All images to learn from and to judge by, and what the stored teacher says."""
    told = lab.told_by("unsmoothed", dataset)
    learn = {"teacher_logits": told["train"], "mirrored_logits": told["mirrored"]}
    judge = {"teacher_logits": told["test"]}
    return load_images(dataset, "train") | learn, load_images(dataset, "test") | judge


def colour_run(setting: lab.Setting) -> lab.Setting:
    """Follow a recipe, write the file that it ends with, and judge that file; its row."""
    train_set, test_set = told_images(setting["dataset"])
    start = time.perf_counter()
    net = last_of(recipe_steps(train_set, setting))
    seconds = {"train_seconds": round(time.perf_counter() - start, 1)}
    row = measured_file(net, setting["bits"], train_set["images"], test_set)
    return {**setting, **row, **seconds, "device": lab.where()}


def colour_arms() -> list[lab.Setting]:
    """Each technique alone, the controls of the pruned shape, and the pipeline."""
    run = {"dataset": "cifar10", "split": "test", "teacher": "unsmoothed"}
    run |= {"temperature": TEMPERATURE, "soft_weight": 1.0, "labels": 50_000}
    run |= {"epochs": 12, "batch_size": 250}
    arms = [
        (NET, "train", None, None),
        (NET, "distil", None, None),
        (SMALL, "train", None, None),
        (SMALL, "distil", None, None),
        (NET, "train, prune", "labels", None),
        (NET, "train, prune", "teacher", None),
        (NET, "train, factorize", "labels", None),
        (NET, "train, factorize", "teacher", None),
        (NET, "train, round", None, 8),
        (NET, "train, round", None, 3),
        (NET, "train, quantize", "labels", 3),
        (NET, "train, quantize", "teacher", 3),
        (NET, "distil, prune, round", "teacher", 8),
        (NET, "distil, prune, quantize", "teacher", 3),
    ]
    names = "student", "method", "recover", "bits"
    found = [run | dict(zip(names, arm, strict=True)) for arm in arms]
    return [{**each, "seed": seed} for each in found for seed in range(3)]


arena_colour = lab.Experiment(colour_run, colour_arms, after=("colour_teachers",))
