"""Measurements of model outputs: pure functions, tensors in, tensors out.

Shapes that do not fit are refused, and never broadcast: ValueError. Of no examples the
mean is NaN.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.losses import check_labelled, check_pair, check_temperature, in_float32


def soften(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / T): [..., classes] -> probabilities of the same shape."""
    check_temperature(temperature)
    return torch.softmax(_classes_last(in_float32(logits)) / temperature, dim=-1)


def entropy(probs: Tensor) -> Tensor:
    """Shannon entropy in nats: [..., classes] -> [...]; zero probabilities add zero."""
    return torch.special.entr(_classes_last(in_float32(probs))).sum(dim=-1)


def effective_classes(probs: Tensor) -> Tensor:
    """exp(entropy): [..., classes] -> [...]; how many equally likely classes it means.

    1 for a certain answer, the number of classes for a uniform one.
    """
    return entropy(probs).exp()


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Fraction of the examples whose largest logit [N, classes] is the label [N]."""
    check_labelled(logits, labels)
    return (logits.argmax(dim=1) == labels).double().mean()


def nll(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-likelihood of the labels in nats, at T = 1."""
    check_labelled(logits, labels)
    return F.cross_entropy(in_float32(logits), labels)


def agreement(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Fraction of the examples on which both [N, classes] have the same top answer."""
    check_pair(student_logits, teacher_logits)
    return (student_logits.argmax(1) == teacher_logits.argmax(1)).double().mean()


def reliability(logits: Tensor, labels: Tensor, bins: int = 15) -> dict[str, Tensor]:
    """Confidence, accuracy and share of the examples, each [bins], by confidence.

    Bins are equally wide on [0, 1]; an empty bin has share 0 and NaN elsewhere.

    Raises ValueError for answers that are no numbers.
    """
    check_labelled(logits, labels)
    if logits.isnan().any():
        raise ValueError("The answers hold NaN: the training has diverged.")
    confidence, answer = torch.softmax(in_float32(logits), dim=1).max(dim=1)
    right = (answer == labels).double()
    confidence = confidence.double()
    position = (confidence * bins).long().clamp(max=bins - 1)
    examples = torch.bincount(position, minlength=bins).double()

    def mean(values: Tensor) -> Tensor:
        return torch.bincount(position, weights=values, minlength=bins) / examples

    share = examples / len(labels)
    return {"confidence": mean(confidence), "accuracy": mean(right), "share": share}


def calibration_gap(table: dict[str, Tensor]) -> Tensor:
    """Mean |confidence − accuracy| over the bins of `reliability`, by their share."""
    return ((table["confidence"] - table["accuracy"]).abs() * table["share"]).nansum()


def calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> Tensor:
    """Expected calibration error in [0, 1]: `calibration_gap` of `reliability`.

    Source: Guo, Pleiss, Sun & Weinberger (2017), equation 3,
    https://arxiv.org/abs/1706.04599
    """
    return calibration_gap(reliability(logits, labels, bins))


def _classes_last(numbers: Tensor) -> Tensor:
    """The same, if it has an axis of classes."""
    if numbers.ndim == 0:
        raise ValueError("Expected [..., classes], got a single number.")
    return numbers
