"""Solutions of notebook 05: a teacher at rest, columns in step, twins in pairs."""

import torch
from torch import Tensor, nn

from kdlab.losses import soft_target_loss


def teach(
    student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
) -> Tensor:
    """eval() switches dropout off, no_grad() keeps the teacher out of the gradient."""
    teacher.eval()
    with torch.no_grad():
        teacher_logits = teacher(images)
    return soft_target_loss(student(images), teacher_logits, temperature)


def batches(
    images: Tensor, labels: Tensor, teacher_logits: Tensor, order: Tensor, size: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The same rows of every column; split leaves the last batch smaller."""
    columns = images, labels, teacher_logits
    return [tuple(column[rows] for column in columns) for rows in order.split(size)]


def paired(
    errors_on_labels: Tensor, errors_when_taught: Tensor
) -> tuple[Tensor, Tensor]:
    """Differences first: what both twins owe to their seed cancels."""
    spared = errors_on_labels - errors_when_taught
    return spared.mean(), spared.std()
