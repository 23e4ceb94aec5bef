"""What is asked in this lesson; mistakes.toml holds what real code does wrong in it."""

from pathlib import Path

import torch
from torch import Tensor, nn

from kdlab import losses
from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import learned, soft_mistakes

NAMES = {"soft_target_loss": losses.soft_target_loss}
MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml", NAMES)
RESTLESS = (
    "The number is right only as this dropout has p = 0: the teacher is in train mode, and "
    "its dropout gives other answers each time. Call teacher.eval(), with the ( ), before "
    "you ask it."
)


def taught_by_module(answer: Function) -> Seen:
    """Loss of a student beside a teacher with dropout, who was left in train mode.

    Nothing is dropped, so that a mistake is known by its number in either mode; which
    mode it was is noted.
    """
    student = nn.Linear(10, 10)
    dropout = nn.Dropout(0.0)
    teacher = nn.Sequential(nn.Linear(10, 10), dropout, nn.Linear(10, 10)).train()
    for weights in (student.weight, teacher[2].weight):
        nn.init.normal_(weights, std=2.0)
    modes = []
    dropout.register_forward_hook(lambda *_: modes.append(dropout.training))
    loss = answer(student, teacher, torch.randn(8, 10), 4.0)
    seen = learned(loss, student.weight, list(teacher.parameters()))
    if any(modes):
        return seen._replace(besides=RESTLESS)
    if not student.training and not seen.besides:
        rest = "The number is right, but the student is in eval mode, and has to learn."
        return seen._replace(besides=rest)
    return seen


def teach(
    student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
) -> Tensor:
    """T² · KL with the teacher in evaluation mode and without a gradient."""
    teacher.eval()
    with torch.no_grad():
        told = teacher(images)
    return losses.soft_target_loss(student(images), told, temperature)


def of_modules(loss: Function) -> Function:
    """`teach` with another loss of the logits."""
    return lambda student, teacher, images, t: loss(student(images), teacher(images), t)


def in_batches(answer: Function) -> object:
    """Eleven images whose labels and teacher's answers tell their number."""
    numbers = torch.arange(11)
    order = torch.tensor([7, 2, 9, 0, 10, 4, 1, 8, 3, 6, 5])
    return answer(10.0 * numbers, numbers, numbers + 0.5, order, 4)


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


TASKS = {
    "teach": Task(
        taught_by_module,
        teach,
        "A teacher in evaluation mode, and untouched.",
        MISTAKES["teach"]
        | {hint: of_modules(f) for hint, f in soft_mistakes().items()},
        "T² · KL(teacher ‖ student) of student(images) and teacher(images), mean over the "
        "images. soft_target_loss takes logits: the student's first, then the teacher's.",
    ),
    "batches": Task(
        in_batches,
        batches,
        "Every image meets its own label and its own teacher's answer.",
        MISTAKES["batches"],
        "a list of (images, labels, teacher_logits), each indexed with the same `size` "
        "rows of order. Try it on numbers that tell their row: torch.arange(10).",
        ["Batch {}", ["images", "labels", "teacher's logits"]],
    ),
    "paired": Task(
        of_twins,
        paired,
        "Twins share the luck of their seed, so this is the honest spread.",
        MISTAKES["paired"],
        "two numbers, of the differences on labels − taught, seed by seed: their mean, "
        "and their spread (std).",
        [["The mean", "The spread"]],
    ),
}
