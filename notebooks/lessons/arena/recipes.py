"""Recipes: what is done to a net, one step after the other, and how it learns then."""

import copy
from collections.abc import Generator, Mapping
from itertools import permutations

import torch
from torch import nn

from kdlab import compression as small
from kdlab.data import Columns, count, take
from kdlab.experiments import Setting, new_cnn
from kdlab.objectives import blended_loss, label_loss, smoothed_label_loss
from kdlab.training import cycle_of, training_steps

WIDE, SMALL = "cnn-16-32-64", "cnn-8-16-32"
NETS = {WIDE: "wide", SMALL: "small", "teacher": "teacher"}
FILES = "teacher", "teacher, int8", "teacher, low rank"
FILES += "wide", "wide, int8", "wide, low rank", "small", "small, int8"
ORDERS = [*permutations(["distil", "prune", "quantize"])]
RECIPES = {" → ".join(order): ", ".join(["train", *order]) for order in ORDERS}
TOLD = {"on labels": "labels", "on the teacher": "teacher"}
FIRST = 1e-2  # learning rate of "train", if more steps follow: the best for labels
TEMPERATURE, AS_IT_IS = 8.0, "as it is"

# What a step does to the net before it learns on; the other steps change nothing.
CHANGES = {
    "prune": lambda net, bits: small.narrowed(net, widths_of_small(net)),
    "zero": lambda net, bits: small.masked(net, small.magnitude_masks(net, 0.9)),
    "factorize": lambda net, bits: small.factorized(net, 0.25),
    "quantize": lambda net, bits: small.on_grid(net, bits, learned=True, clip="error"),
    "round": lambda net, bits: small.on_grid(net, bits, clip="error"),  # and no more
}
TELLS = {"train": "labels", "smooth": "smoothing", "distil": "teacher"}  # who, always
OBJECTIVES = {
    "labels": label_loss,
    "smoothing": smoothed_label_loss(0.1),
    "teacher": blended_loss(TEMPERATURE, 1.0),
}


def steps_of(recipe: str) -> list[str]:
    """The steps of a recipe such as "train, distil, prune"."""
    return [] if recipe == AS_IT_IS else recipe.split(", ")


def learns_in(recipe: str) -> list[str]:
    """Those of its steps in which the net learns."""
    return [step for step in steps_of(recipe) if step != "round"]


def file_of(run: Mapping[str, object]) -> str:
    """Which of FILES a recipe ends with; with two bits, the one that is timed."""
    steps = steps_of(run["method"])
    words = ["small" if "prune" in steps else NETS[run["student"]]]
    words += ["low rank"] * ("factorize" in steps) + ["int8"] * (run["bits"] == 8)
    return ", ".join(words)


def begun(setting: Setting, teacher: nn.Module) -> nn.Module:
    """The net that a recipe starts with: a copy of the teacher, or an untrained one."""
    if setting["student"] == "teacher":
        return copy.deepcopy(teacher).train().requires_grad_(True)
    return new_cnn(setting["student"], setting["seed"])


def widths_of_small(net: nn.Module) -> dict[str, int]:
    """How many channels each layer keeps, to be of the shape of SMALL."""
    names, widths = [*small.layers_of(net)][:-1], SMALL.split("-")[1:]
    return dict(zip(names, map(int, widths), strict=True))


def changed(net: nn.Module, step: str, bits: int | None) -> nn.Module:
    """What a step makes of the net, before it learns on."""
    return CHANGES[step](net, bits) if step in CHANGES else net


def learning_steps(
    net: nn.Module, place: int, train_set: Columns, setting: Setting
) -> Generator:
    """Train a net in the step at this place of its recipe, in its share of the epochs.

    "distil" listens to the teacher, "train" to the labels; steps that have changed the
    net recover by what `recover` says, "labels" or "teacher".
    """
    steps = learns_in(setting["method"])
    begins = place == 0 and len(steps) > 1 and steps[0] == "train"
    rate = FIRST if begins else setting["learning_rate"]
    if setting["epochs"] < len(steps):  # each step sees its own part of the images
        own = torch.arange(place, count(train_set), len(steps))
        train_set = take(train_set, own)
    length = {"epochs": max(1, setting["epochs"] // len(steps))}
    length["batch_size"] = setting["batch_size"]
    told = OBJECTIVES[TELLS.get(steps[place], setting["recover"])]
    how = {**cycle_of(net, train_set, rate, **length), "seed": setting["seed"]}
    yield from training_steps(net, train_set, told, **how)


def recipe_steps(
    train_set: Columns, setting: Setting, teacher: nn.Module
) -> Generator[object, None, nn.Module]:
    """Follow a recipe; yields at each gradient step, returns the net."""
    net = begun(setting, teacher)
    for place, step in enumerate(steps_of(setting["method"])):
        net = changed(net, step, setting["bits"])
        if step != "round":
            yield from learning_steps(net, place, train_set, setting)
    return net
