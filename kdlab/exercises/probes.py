"""What several exercises are probed with, and the mistakes made in the soft loss."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Function, Seen
from kdlab.exercises.mistakes import load_mistakes


def example() -> tuple[Tensor, Tensor, Tensor]:
    """Students' and teachers' logits, [24, 10] each, and labels [24], all ten of them.

    Not as many images as classes, or rows and columns could be confused.
    """
    draw = torch.Generator().manual_seed(7)
    student, teacher = (torch.randn(24, 10, generator=draw).double() for _ in "ab")
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4])
    labels = torch.cat([labels, torch.tensor([6, 2, 0, 4])])
    return student, 3 * teacher + 6 * F.one_hot(labels, 10), labels


def of_pair(answer: Function, *rest: float) -> Seen:
    """Loss of student and teacher logits, and who receives a gradient."""
    student, teacher, labels = example()
    student.requires_grad_()
    teacher.requires_grad_()
    loss = answer(student, teacher, *([labels] if len(rest) == 2 else []), *rest)
    return learned(loss, student, [teacher])


def learned(loss: object, student: Tensor, teacher: Sequence[Tensor]) -> Seen:
    """Who learns from a loss: the student should, and the teacher should not."""
    tracked = isinstance(loss, Tensor) and loss.requires_grad
    if tracked:
        loss.sum().backward()
    besides = ""
    if student.grad is None or not student.grad.any():
        why = "was it detached, or computed in torch.no_grad()?"
        if not isinstance(loss, Tensor):
            why = "it is a plain number. Return the tensor, without .item() or float()."
        besides = f"The number is right, but no gradient reaches the student: {why}"
    elif any(x.grad is not None and x.grad.any() for x in teacher):
        besides = (
            "The number is right, but the teacher receives a gradient: detach what "
            "it says, as in teacher_logits.detach(), or compute it in torch.no_grad()."
        )
    return Seen(loss, besides, student.grad)


def soft_mistakes() -> dict[str, Function]:
    """{hint: the mistake} of T² · KL: of the logits of student and teacher, and T."""
    return load_mistakes(Path(__file__).parent / "soft_loss.toml")["soft_loss"]
