"""Recipes: what is done to a net, one step after the other, and how it learns then."""

import copy
from collections.abc import Callable, Generator
from itertools import permutations

from torch import nn

from kdlab import compression as small
from kdlab import experiments as lab
from kdlab.data import Columns
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss, smoothed_label_loss
from kdlab.training import Objective, cycle_of, training_steps

WIDE, SMALL = "cnn-16-32-64", "cnn-8-16-32"
ZEROS, RANK = 0.9, 0.25  # share of weights set to zero; of the full rank
ORDERS = [*permutations(["distil", "prune", "quantize"])]
FIRST = 1e-2  # learning rate of the first of several steps: the best for labels
UNTRAINED = {"round"}  # steps that take no gradient steps


def new_net(name: str, seed: int, **sizes: object) -> nn.Module:
    """An untrained net such as "cnn-8-16-32": two convolutions and a hidden layer."""
    _, *channels, hidden = name.split("-")
    channels = [int(width) for width in channels]
    return build_model("cnn", seed=seed, channels=channels, hidden=int(hidden), **sizes)


def to_small(model: nn.Module, bits: int) -> nn.Module:
    """Without the channels that SMALL does not have."""
    _, *widths = SMALL.split("-")
    names = [*small.layers_of(model)][:-1]
    kept = {name: int(width) for name, width in zip(names, widths, strict=True)}
    return small.narrowed(model, kept)


def with_zeros(model: nn.Module, bits: int) -> nn.Module:
    """Nine of ten weights are zero, and stay so."""
    return small.masked(model, small.magnitude_masks(model, ZEROS))


def of_low_rank(model: nn.Module, bits: int) -> nn.Module:
    """Dense layers are products of two."""
    return small.factorized(model, RANK)


def on_learned_grid(model: nn.Module, bits: int) -> nn.Module:
    """Weights on a grid whose steps are learned."""
    return small.on_grid(model, bits, learned=True, clip="error")


def rounded(model: nn.Module, bits: int) -> nn.Module:
    """Weights on a grid, and no training after it."""
    return small.on_grid(model, bits, clip="error")


# What a step does to the net before it trains; the others change nothing.
CHANGES: dict[str, Callable[[nn.Module, int], nn.Module]] = {
    "prune": to_small,
    "zero": with_zeros,
    "factorize": of_low_rank,
    "quantize": on_learned_grid,
    "round": rounded,
}


def objective_of(step: str, setting: lab.Setting) -> Objective:
    """What the net is told in a step: distil asks the teacher, the others `recover`."""
    told = {"train": "labels", "distil": "teacher", "smooth": "smoothing"}
    who = told.get(step, setting["recover"])
    if who == "smoothing":
        return smoothed_label_loss(0.1)
    if who == "labels":
        return label_loss
    return blended_loss(setting["temperature"], setting["soft_weight"])


def step_steps(
    model: nn.Module, step: str, train_set: Columns, setting: lab.Setting, rate: float
) -> Generator[object, None, nn.Module]:
    """One step of a recipe: change the net, train what came out; return it."""
    model = CHANGES.get(step, lambda model, bits: model)(model, setting["bits"])
    if step in UNTRAINED:
        return model
    steps = [name for name in setting["method"].split(", ") if name not in UNTRAINED]
    length = {"epochs": setting["epochs"] // len(steps)}
    length["batch_size"] = setting["batch_size"]
    how = cycle_of(model, train_set, rate, **length)
    told = objective_of(step, setting)
    yield from training_steps(model, train_set, told, seed=setting["seed"], **how)
    return model


def recipe_steps(
    train_set: Columns, setting: lab.Setting, teacher: nn.Module
) -> Generator[object, None, nn.Module]:
    """All steps of a recipe, in equal shares of its epochs; returns the net.

    It starts with a copy of the teacher, or with an untrained net.
    """
    model, steps = begun(setting, teacher), setting["method"].split(", ")
    for step in filter(None, steps):
        first = step is steps[0] and len(steps) > 1 and setting["student"] != "teacher"
        rate = FIRST if first else setting["learning_rate"]
        model = yield from step_steps(model, step, train_set, setting, rate)
    return model


def begun(setting: lab.Setting, teacher: nn.Module) -> nn.Module:
    """The net that a recipe starts with: untrained, or a copy of the teacher."""
    if setting["student"] == "teacher":
        return copy.deepcopy(teacher).train().requires_grad_(True)
    return new_net(setting["student"], setting["seed"])
