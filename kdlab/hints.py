"""What else a student may be told: a teacher's answers with one part taken away.

Each takes soft targets [N, classes] and labels [N] and returns targets of that shape.
The arms of notebook 03 are these, so that a gain can be traced to what brought it.
Shapes that do not fit and labels that are no classes are refused: ValueError.
"""

import torch
from torch import Tensor

from kdlab.data import check_labels
from kdlab.losses import check_labelled, check_temperature


def class_means(probs: Tensor, labels: Tensor) -> Tensor:
    """Every image gets the mean answer to its class: which classes are alike."""
    _check(probs, labels)
    means = torch.zeros(probs.shape[1], probs.shape[1], dtype=probs.dtype)
    means.index_add_(0, labels, probs)
    return (means / labels.bincount(minlength=len(means))[:, None])[labels]


def evened_out(probs: Tensor, labels: Tensor) -> Tensor:
    """The wrong answers share their probability equally: the confidence alone."""
    _check(probs, labels)
    right = probs.gather(1, labels[:, None])
    even = ((1 - right) / (probs.shape[1] - 1)).expand_as(probs)
    return even.scatter(1, labels[:, None], right)


def permuted(probs: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
    """The wrong answers change places, alike for all images: wrong dark knowledge.

    They move on by 1 to classes - 2 places, so that none keeps its own. ValueError: of
    two classes only one is wrong.
    """
    _check(probs, labels)
    classes = probs.shape[1]
    if classes < 3:
        raise ValueError(f"Wrong answers change places among 3 classes, got {classes}.")
    draw = torch.Generator().manual_seed(seed)
    places = int(torch.randint(1, classes - 1, (), generator=draw))
    wrong = (labels[:, None] + torch.arange(1, classes)) % classes  # [N, classes - 1]
    return probs.scatter(1, wrong, probs.gather(1, wrong).roll(places, dims=1))


def shuffled_within_class(probs: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
    """Answers to other images of the same class: right on average, not for the image.

    A teacher's confidence is exchanged with the rest of its answer.
    """
    _check(probs, labels)
    draw = torch.Generator().manual_seed(seed)
    shuffled = torch.empty_like(probs)
    for label in labels.unique():
        rows = (labels == label).nonzero()[:, 0]
        shuffled[rows] = probs[rows[torch.randperm(len(rows), generator=draw)]]
    return shuffled


def shuffled(probs: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
    """Answers to any other images: nothing is left but how soft they are."""
    _check(probs, labels)
    draw = torch.Generator().manual_seed(seed)
    return probs[torch.randperm(len(probs), generator=draw)]


def wrong_answers_alone(probs: Tensor, labels: Tensor) -> Tensor:
    """Each image's own wrong answers, its confidence replaced by the mean of its class.

    The ratios of the wrong answers, the dark knowledge, stay those of the image. Where
    all are zero, for the teacher is surer than a float can say, they share equally.
    """
    mean_right = class_means(probs, labels).gather(1, labels[:, None])
    wrong = probs.scatter(1, labels[:, None], 0)
    none = (wrong.sum(dim=1, keepdim=True) == 0).to(probs.dtype)
    wrong = wrong + none.expand_as(probs).scatter(1, labels[:, None], 0)
    wrong = (1 - mean_right) * wrong / wrong.sum(dim=1, keepdim=True)
    return wrong.scatter(1, labels[:, None], mean_right)


def as_logits(probs: Tensor, temperature: float) -> Tensor:
    """Logits [N, classes] whose softmax at this temperature is `probs`.

    With them any target can take a teacher's place in a loss.
    """
    check_temperature(temperature)
    return temperature * probs.clamp_min(torch.finfo(probs.dtype).tiny).log()


def _check(probs: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless it is [N, classes] and labels [N] of these classes."""
    check_labels(labels, probs.shape[-1])
    check_labelled(probs, labels)
    if probs.shape[1] < 2:
        raise ValueError("Of one class no answer is wrong.")
