"""The exercises of 01: how open an answer is, what it leans to, and the mistakes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import metrics
from kdlab.exercises.checks import Function, Task
from kdlab.exercises.probes import example


def bits(probs: Tensor) -> Tensor:
    """Entropy of each row in bits; 0 · log 0 counts as 0."""
    return metrics.entropy(probs) / math.log(2)


def sure_and_torn(answer: Function) -> object:
    """The answer to a certain distribution and an open one."""
    probs = F.softmax(example()[1], dim=1)
    probs[0] = F.one_hot(torch.tensor(3), 10)
    return answer(probs)


def nearest_class(probs: Tensor, labels: Tensor, label: int) -> int:
    """The wrong class with most mean probability on images of this label."""
    mean = probs[labels == label].mean(dim=0)
    mean[label] = 0
    return int(mean.argmax())


def of_fives(answer: Function) -> object:
    """Four images of a 5, and two of others that say something else."""
    probs = torch.full((6, 10), 0.02).double()
    labels = torch.tensor([5, 5, 5, 5, 0, 1])
    probs[range(4), 5] = torch.tensor([0.7, 0.6, 0.5, 0.3]).double()
    probs[:3, 3] = 0.2
    probs[3, 8] = 0.5
    probs[4:, 9] = 0.8
    return answer(probs / probs.sum(dim=1, keepdim=True), labels, 5)


TASKS = {
    "entropy_in_bits": Task(
        sure_and_torn,
        bits,
        "And a certain answer has exactly 0 bits: 0 · log 0 is 0.",
        {
            "That is in nats: use the logarithm to base 2, or divide by ln 2.": (
                lambda p: metrics.entropy(p)
            ),
            "A certain answer gives NaN. 0 · log 0 is 0, as in torch.xlogy.": (
                lambda p: -(p * p.log2()).sum(1)
            ),
            "The sign is missing: logarithms of probabilities are negative.": (
                lambda p: -bits(p)
            ),
            "Summed over the images. The sum is over the classes, dim=1.": (
                lambda p: -torch.xlogy(p, p).sum(0) / math.log(2)
            ),
        },
    ),
    "nearest_class": Task(
        of_fives,
        nearest_class,
        "The average over many images says which classes are alike: notebook 03.",
        {
            "The label itself has most of the probability. Hide it before you look "
            "for the largest.": lambda p, y, k: int(p[y == k].mean(0).argmax()),
            "You averaged over all images. Take those of this label: probs[labels == "
            "label].": lambda p, y, k: int(
                p.mean(0).index_fill(0, torch.tensor([k]), 0).argmax()
            ),
            "That is the wrong class of one single image, the surest. Average over the "
            "images first.": lambda p, y, k: int(
                p[y == k].max(0).values.index_fill(0, torch.tensor([k]), 0).argmax()
            ),
        },
    ),
}
