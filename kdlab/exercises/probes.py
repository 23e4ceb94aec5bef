"""The exercises of 00 to 02, and the mistakes that real code makes in them.

A new exercise is a new entry in TASKS, and a solution in notebooks/solutions.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import losses, metrics

Function = Callable[..., object]


class Task(NamedTuple):
    """One exercise."""

    probe: Callable[[Function], object]  # calls an answer, gives what is compared
    reference: Function
    right: str  # what to say of a right answer
    mistakes: dict[str, Function]  # {hint: a function that makes the mistake}


def example() -> tuple[Tensor, Tensor, Tensor]:
    """Ten students' and teachers' logits, [10, 10] each, and labels [10]."""
    draw = torch.Generator().manual_seed(7)
    student, teacher = (torch.randn(10, 10, generator=draw).double() for _ in "ab")
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    return student, 3 * teacher + 2 * F.one_hot(labels, 10), labels


def of_teacher(answer: Function) -> object:
    """The answer to the teacher's logits and the labels."""
    _, teacher, labels = example()
    return answer(teacher, labels)


def of_pair(answer: Function, *rest: float) -> object:
    """Loss of student and teacher logits, and who receives a gradient."""
    student, teacher, labels = (x.clone() for x in example())
    student.requires_grad_()
    teacher.requires_grad_()
    loss = answer(student, teacher, *([labels] if len(rest) == 2 else []), *rest)
    if not isinstance(loss, Tensor) or loss.dim():
        return loss
    if loss.requires_grad:
        loss.backward()
    return loss, student.grad, float(teacher.grad is not None)


def kl(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(teacher ‖ student) of each row, for logits; gradients reach both."""
    told = F.softmax(teacher, dim=1)
    logs = F.log_softmax(teacher, dim=1) - F.log_softmax(student, dim=1)
    return (told * logs).sum(dim=1)


def errors_by_class(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images of each class are answered wrongly, [classes]."""
    wrong = logits.argmax(dim=1) != labels
    return labels[wrong].bincount(minlength=logits.shape[1])


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


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL, batch mean, written out; both receive gradients."""
    told, own = (F.softmax(x / temperature, dim=1) for x in (teacher, student))
    return temperature**2 * (told * (told.log() - own.log())).sum(dim=1).mean()


TASKS = {
    "00.share_right": Task(
        of_teacher,
        metrics.accuracy,
        "A share: multiply by the number of images to count the answers.",
        {
            "The largest logit is looked for over the images, not over the classes: "
            "logits are [images, classes], so argmax(dim=1).": lambda z, y: (
                (z.argmax(0) == y).double().mean()
            ),
            "That is a percentage. A share is between 0 and 1.": lambda z, y: (
                100 * metrics.accuracy(z, y)
            ),
            "That is the number of right answers. Divide by the number of images.": (
                lambda z, y: (z.argmax(1) == y).sum()
            ),
            "That is the share of wrong answers.": lambda z, y: (
                1 - metrics.accuracy(z, y)
            ),
        },
    ),
    "00.errors_by_class": Task(
        lambda answer: answer(example()[0], example()[2]),
        errors_by_class,
        "Counts by true class: so one sees which digit is hard.",
        {
            "These are counted by the answer given. Count by the true class: which "
            "digit was missed?": lambda z, y: z.argmax(1)[z.argmax(1) != y].bincount(
                minlength=10
            ),
            "These are the right answers. Count the wrong ones.": lambda z, y: y[
                z.argmax(1) == y
            ].bincount(minlength=10),
            "That is one number for all classes. Give one count for each.": (
                lambda z, y: (z.argmax(1) != y).sum()
            ),
        },
    ),
    "01.entropy_in_bits": Task(
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
    "01.nearest_class": Task(
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
    "02.soft_loss": Task(
        lambda answer: of_pair(answer, 3.0),
        losses.soft_target_loss,
        "Equal to the package's, and the teacher receives no gradient.",
        {
            "T is on the teacher's side only. Divide the student's logits by T, too.": (
                lambda z, v, t: t**2 * kl(v.detach() / t, z).mean()
            ),
            "T is on the student's side only. Divide the teacher's logits by T, too.": (
                lambda z, v, t: t**2 * kl(v.detach(), z / t).mean()
            ),
            "T² is forgotten: the loss grows quieter as T rises.": lambda z, v, t: kl(
                v.detach() / t, z / t
            ).mean(),
            "That is T times KL. The gradient lost 1/T twice: T².": lambda z, v, t: (
                t * kl(v.detach() / t, z / t).mean()
            ),
            "The arguments of KL are swapped: the teacher's is the one that weights, "
            "KL(teacher ‖ student).": lambda z, v, t: (
                t**2 * kl(z / t, v.detach() / t).mean()
            ),
            "A mean over all elements is ten times too small: sum over the classes, "
            'and average over images. F.kl_div calls it reduction="batchmean".': (
                lambda z, v, t: t**2 * kl(v.detach() / t, z / t).mean() / z.shape[1]
            ),
            "That is the sum over the batch. Take its mean, or the learning rate "
            "depends on the batch size.": lambda z, v, t: (
                t**2 * kl(v.detach() / t, z / t).sum()
            ),
            "That is the cross-entropy: the same gradient, but it does not reach 0. "
            "Subtract the teacher's entropy.": lambda z, v, t: (
                t**2 * F.cross_entropy(z / t, F.softmax(v.detach() / t, 1))
            ),
            "The number is right, but the teacher receives a gradient: detach it.": (
                soft_loss
            ),
        },
    ),
    "02.logit_matching": Task(
        lambda answer: of_pair(answer),
        losses.logit_matching_loss,
        "Half the population variance of the gap: the limit of the soft loss.",
        {
            "The half is missing.": lambda z, v: 2 * losses.logit_matching_loss(z, v),
            "That is the sample variance, divided by C − 1. Take C: correction=0.": (
                lambda z, v: (z - v.detach()).var(dim=1).mean() / 2
            ),
            "A constant added to all logits changes no answer, but it changes this: "
            "subtract the mean gap of each image.": lambda z, v: (
                (z - v.detach()).square().mean() / 2
            ),
        },
    ),
}
