"""The exercises of 01: how open an answer is, and what it leans to."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import metrics
from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import example

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
ASKED = 5, 2, 8, 9


def bits(probs: Tensor) -> Tensor:
    """Entropy of each row in bits; 0 · log 0 counts as 0."""
    return metrics.entropy(probs) / math.log(2)


def sure_and_torn(answer: Function) -> object:
    """The answer to certain distributions and open ones."""
    probs = F.softmax(example()[1], dim=1)
    probs[0] = F.one_hot(torch.tensor(3), 10)
    return answer(probs)


def nearest_class(probs: Tensor, labels: Tensor, label: int) -> int:
    """The wrong class with most mean probability on images of this label."""
    mean = probs[labels == label].mean(dim=0)
    mean[label] = 0
    return int(mean.argmax())


def of_labels(answer: Function) -> object:
    """What is nearest to each of four labels, of which one is taken for another mostly.

    Of six images each: most have one class in the second place, and another has most
    probability; the first image has a third, and a fourth is the surest of all once.
    """
    draw = torch.Generator().manual_seed(3)
    probs = 0.02 * torch.rand(60, 10, generator=draw).double()
    labels = (7 * torch.arange(60) + 3) % 10
    for label in ASKED:
        rows = (labels == label).nonzero()[:, 0]
        first, often, most, once = ((label + step) % 10 for step in (1, 3, 4, 6))
        probs[rows, label] = 0.25 if label == 8 else 0.6
        probs[rows[:4], often] = 0.2
        probs[rows, most] = 0.19
        probs[rows[4], most] = 0.8
        probs[rows[5], once] = 1.8
        probs[rows[0], first] = 0.3
    probs[labels == 8, 2] += 0.35  # not the label itself is the first
    probs[labels == 0, 1] = 2
    return [answer(probs / probs.sum(dim=1, keepdim=True), labels, k) for k in ASKED]


TASKS = {
    "entropy_in_bits": Task(
        sure_and_torn,
        bits,
        "And a certain answer has exactly 0 bits: 0 · log 0 is 0.",
        MISTAKES["entropy_in_bits"],
        "[N], one for each image: −Σ p log₂ p, over its ten classes.",
    ),
    "nearest_class": Task(
        of_labels,
        nearest_class,
        "The average over many images says which classes are alike: notebook 03.",
        MISTAKES["nearest_class"],
        "one class, a whole number: the largest mean probability over the images of this "
        "label, the label itself left out.",
        [[f"For the label {label}" for label in ASKED]],
    ),
}
