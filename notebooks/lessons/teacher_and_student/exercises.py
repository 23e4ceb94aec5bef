"""What is asked in this lesson, and the mistakes that real code makes in it."""

import torch
from torch import Tensor, nn

from kdlab import losses
from kdlab.exercises.checks import Function, Task
from kdlab.exercises.probes import soft_loss


def taught_by_module(answer: Function) -> object:
    """Loss of a student beside a teacher with dropout, who was left in train mode."""
    student = nn.Linear(10, 10)
    teacher = nn.Sequential(nn.Linear(10, 10), nn.Dropout(0.5), nn.Linear(10, 10))
    images = torch.randn(8, 10)
    teacher.train()
    torch.manual_seed(1)
    loss = answer(student, teacher, images, 4.0)
    if not isinstance(loss, Tensor) or loss.dim():
        return loss
    if loss.requires_grad:
        loss.backward()
    moved = any(x.grad is not None and x.grad.any() for x in teacher.parameters())
    return loss, float(moved), student.weight.grad


def teach(
    student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
) -> Tensor:
    """T² · KL with the teacher in evaluation mode and without a gradient."""
    teacher.eval()
    with torch.no_grad():
        told = teacher(images)
    return losses.soft_target_loss(student(images), told, temperature)


def in_batches(answer: Function) -> object:
    """Ten images whose labels and teacher's answers tell their number."""
    numbers = torch.arange(10)
    order = torch.tensor([7, 2, 9, 0, 4, 1, 8, 3, 6, 5])
    return answer(10 * numbers, numbers, numbers + 0.5, order, 4)


def batches(
    images: Tensor, labels: Tensor, logits: Tensor, order: Tensor, size: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """All three in the same new order, in batches; the last one may be smaller."""
    return [(images[rows], labels[rows], logits[rows]) for rows in order.split(size)]


def paired(labels: Tensor, taught: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread over seeds of the errors spared."""
    spared = (labels - taught).double()
    return spared.mean(), spared.std()


def of_twins(answer: Function) -> object:
    """Test errors of five pairs."""
    labels = torch.tensor([742.0, 731.0, 760.0, 725.0, 748.0])
    return answer(labels, torch.tensor([512.0, 490.0, 533.0, 489.0, 521.0]))


def with_swapped_modes(
    student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
) -> Tensor:
    """The student is taken for the teacher: only the teacher would learn."""
    teacher.eval()
    with torch.no_grad():
        told = student(images)
    return losses.soft_target_loss(teacher(images), told, temperature)


def untracked(function: Function, train: bool) -> Function:
    """`teach` with a teacher in train mode, or one that receives gradients."""

    def loss(
        student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
    ) -> Tensor:
        teacher.train(train)
        told = teacher(images)
        return function(student(images), told, temperature)

    return loss


TASKS = {
    "teach": Task(
        taught_by_module,
        teach,
        "A teacher in evaluation mode, and untouched.",
        {
            "The teacher is in train mode: its dropout gives other answers each time. "
            "Call teacher.eval().": untracked(losses.soft_target_loss, train=True),
            "The teacher is in train mode, and it receives gradients. Call "
            "teacher.eval() and torch.no_grad().": untracked(soft_loss, train=True),
            "The teacher receives gradients: compute its logits in torch.no_grad().": (
                untracked(soft_loss, train=False)
            ),
            "Teacher and student are swapped: the teacher would learn.": (
                with_swapped_modes
            ),
        },
    ),
    "batches": Task(
        in_batches,
        batches,
        "Every image meets its own label and its own teacher's answer.",
        {
            "The teacher's answers are not in the order of the images: index them with "
            "the same rows.": lambda x, y, v, o, n: [
                (x[r], y[r], part)
                for r, part in zip(o.split(n), v.split(n), strict=True)
            ],
            "The labels are not in the order of the images: index them with the same "
            "rows.": lambda x, y, v, o, n: [
                (x[r], part, v[r])
                for r, part in zip(o.split(n), y.split(n), strict=True)
            ],
            "The order is ignored: nothing is shuffled.": lambda x, y, v, o, n: list(
                zip(x.split(n), y.split(n), v.split(n), strict=True)
            ),
            "The last batch is lost, as it is smaller than the others.": (
                lambda x, y, v, o, n: batches(x, y, v, o, n)[:-1]
            ),
        },
    ),
    "paired": Task(
        of_twins,
        paired,
        "Twins share the luck of their seed, so this is the honest spread.",
        {
            "The sign: errors spared are those on labels minus those when taught.": (
                lambda a, b: paired(b, a)
            ),
            "Those are the spreads of two unpaired groups. Take the differences first, "
            "then their spread.": lambda a, b: (
                (a - b).mean(),
                (a.var() + b.var()).sqrt(),
            ),
            "That spread divides by n; of a sample take n − 1 (correction=1).": (
                lambda a, b: ((a - b).mean(), (a - b).std(correction=0))
            ),
            "That is the standard error of the mean. Here the spread of single pairs "
            "is asked for.": lambda a, b: (
                (a - b).mean(),
                (a - b).std() / len(a) ** 0.5,
            ),
        },
    ),
}
