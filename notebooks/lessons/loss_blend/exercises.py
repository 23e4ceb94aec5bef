"""What 04 asks its student to write, and the mistakes that real code makes in it."""

import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Task
from kdlab.exercises.probes import example, of_pair
from kdlab.losses import distillation_loss
from kdlab.losses import soft_target_loss as soft

ce = F.cross_entropy  # z, v, y, t, w: student, teacher, labels, temperature, weight


def blended(z: Tensor, v: Tensor, y: Tensor, t: float, w: float) -> Tensor:
    """The package's loss, its arguments in the order of the exercise."""
    return distillation_loss(z, v, y, temperature=t, soft_weight=w)


def smoothed(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Targets of label smoothing, [N, classes]."""
    return (1 - smoothing) * F.one_hot(labels, classes) + smoothing / classes


TASKS = {
    "blended": Task(
        lambda answer: of_pair(answer, 3.0, 0.8),
        blended,
        "The weight is the teacher's share, and T belongs to the soft term alone.",
        {
            "The weights are swapped: soft_weight is the teacher's share.": (
                lambda z, v, y, t, w: blended(z, v, y, t, 1 - w)
            ),
            "The label loss is softened too. Labels are compared at T = 1.": (
                lambda z, v, y, t, w: (1 - w) * ce(z / t, y) + w * soft(z, v, t)
            ),
            "T² stands before both terms. It belongs to the soft one.": (
                lambda z, v, y, t, w: (1 - w) * t**2 * ce(z, y) + w * soft(z, v, t)
            ),
            "T² is forgotten: at T = 3 the teacher is nine times too quiet.": (
                lambda z, v, y, t, w: (1 - w) * ce(z, y) + w * soft(z, v, t) / t**2
            ),
            "The label loss has its full weight: multiply it by 1 − soft_weight.": (
                lambda z, v, y, t, w: ce(z, y) + w * soft(z, v, t)
            ),
        },
    ),
    "smoothed_targets": Task(
        lambda answer: answer(example()[2], 10, 0.3),
        smoothed,
        "As a teacher who knows nothing would blend at T = 1.",
        {
            "You shared the smoothing among the wrong classes only. Here all classes "
            "share it, the right one too: smoothing / classes.": lambda y, c, s: (
                (1 - s - s / (c - 1)) * F.one_hot(y, c) + s / (c - 1)
            ),
            "A row adds up to more than 1: the label keeps only 1 − smoothing.": (
                lambda y, c, s: F.one_hot(y, c) + s / c
            ),
            "The shares are swapped: the label gets 1 − smoothing.": (
                lambda y, c, s: smoothed(y, c, 1 - s)
            ),
        },
    ),
}
