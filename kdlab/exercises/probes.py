"""What several exercises are probed with, and the losses that their mistakes vary."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Function


def example() -> tuple[Tensor, Tensor, Tensor]:
    """Ten students' and teachers' logits, [10, 10] each, and labels [10]."""
    draw = torch.Generator().manual_seed(7)
    student, teacher = (torch.randn(10, 10, generator=draw).double() for _ in "ab")
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    return student, 3 * teacher + 2 * F.one_hot(labels, 10), labels


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


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL, batch mean, written out; both receive gradients."""
    told, own = (F.softmax(x / temperature, dim=1) for x in (teacher, student))
    return temperature**2 * (told * (told.log() - own.log())).sum(dim=1).mean()
