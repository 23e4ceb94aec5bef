"""The exercises of 07; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch

from kdlab.compression import magnitude_masks, masked
from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.models import build_model

from . import solutions

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")


def of_layers(answer: Function) -> object:
    """A convolution of 8 channels, a picture of 4 pixels, a dense layer behind it."""
    weight, bias, following = (
        torch.randn(8, 7, 3, 3),
        torch.randn(8),
        torch.randn(9, 32),
    )
    return answer(weight, bias, following, torch.tensor([1, 2, 6]))


def of_times(answer: Function) -> object:
    """Milliseconds of 25 rounds; in two of them something else ran."""
    rounds = [ms * (1 + 0.1 * torch.rand(25).double()) for ms in (9.0, 3.0, 2.0)]
    rounds[1][3], rounds[2][17] = 31.0, 40.0
    return answer(*rounds)


def of_files(answer: Function) -> object:
    """A small net, and itself with 90 % zeros under masks."""
    whole = build_model("mlp", widths=[40], inputs=100)
    return answer(whole, masked(whole, magnitude_masks(whole, 0.9)))


TASKS = {
    "take_out": Task(
        of_layers,
        solutions.take_out,
        "Each channel is a block of pixels to the dense layer behind it.",
        MISTAKES["take_out"],
        "three tensors: weight and bias of the kept channels, and of next_weight, for "
        "each of these, all the columns that it fed: one for each of its pixels.",
        [["weight", "bias", "next_weight"]],
    ),
    "speed_up": Task(
        of_times,
        solutions.speed_up,
        "One engine, two nets: that is what pruning does.",
        MISTAKES["speed_up"],
        "one number above 1: the median of the whole net's milliseconds in this engine, "
        "over the median of the pruned one's.",
    ),
    "times_smaller": Task(
        of_files,
        solutions.times_smaller,
        "Both zipped, both plain: like with like.",
        MISTAKES["times_smaller"],
        "one number above 1: the zipped bytes of the whole net over the zipped bytes of "
        "the pruned one, which is baked first.",
    ),
}
