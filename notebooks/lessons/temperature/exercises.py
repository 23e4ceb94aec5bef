"""The exercises of 02, and the mistakes that real code makes in them."""

import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Task
from kdlab.exercises.probes import of_pair, soft_loss
from kdlab.losses import logit_matching_loss, soft_target_loss


def kl(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(teacher ‖ student) of each row, for logits; gradients reach both."""
    told = F.softmax(teacher, dim=1)
    logs = F.log_softmax(teacher, dim=1) - F.log_softmax(student, dim=1)
    return (told * logs).sum(dim=1)


TASKS = {
    "soft_loss": Task(
        lambda answer: of_pair(answer, 3.0),
        soft_target_loss,
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
    "logit_matching": Task(
        of_pair,
        logit_matching_loss,
        "Half the population variance of the gap: the limit of the soft loss.",
        {
            "The half is missing.": lambda z, v: 2 * logit_matching_loss(z, v),
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
