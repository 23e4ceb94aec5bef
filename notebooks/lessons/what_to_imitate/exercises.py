"""The exercises of 10; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch
from torch import nn

from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import learned

from . import solutions

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
NAN = (
    "The number is right, its gradient is NaN: the slope of a root at zero is infinite, "
    "and each row is at zero distance from itself. Take the root of what is above zero "
    "only, or torch.cdist."
)


def of_embeddings(answer: Function) -> Seen:
    """Seven rows of a student and of a teacher, who has more units."""
    student = (2 * torch.randn(7, 3).double()).requires_grad_()
    teacher = torch.randn(7, 5).double().requires_grad_()
    seen = learned(answer(student, teacher), student, [teacher])
    if seen.gradient is not None and seen.gradient.isnan().any():
        return seen._replace(besides=NAN)
    return seen


def of_weight(answer: Function) -> object:
    """The weight of public code, and maps of 64 images and 6 × 8 places."""
    return answer(1000.0, torch.rand(64, 32, 6, 8))


def of_optimizer(answer: Function) -> object:
    """How far a student and its regressor get in three steps on a hint."""
    student, regressor = nn.Linear(6, 3), nn.Linear(3, 5)
    images, hint = torch.randn(16, 6), torch.randn(16, 5)
    before = [p.detach().clone() for m in (student, regressor) for p in m.parameters()]
    optimizer = answer(student, regressor)
    if optimizer is None:
        return None
    for _ in range(3):
        optimizer.zero_grad()
        (regressor(student(images)) - hint).square().mean().backward()
        optimizer.step()
    after = [p.detach() for m in (student, regressor) for p in m.parameters()]
    moves = [(b - a).double() for a, b in zip(before, after, strict=True)]
    return moves[0], moves[2]


TASKS = {
    "relation_loss": Task(
        of_embeddings,
        solutions.relation_loss,
        "Units may differ in number, and nothing is NaN.",
        MISTAKES["relation_loss"],
        "one number: distances between all pairs of rows, each net's divided by their "
        "mean over pairs of two different rows; Huber loss (F.smooth_l1_loss) of the "
        "two, mean over these pairs; the teacher is detached.",
    ),
    "our_weight": Task(
        of_weight,
        solutions.our_weight,
        "For the authors' batch of 128 and maps of 8 × 8 it is 1000 / (128 · 64) that the "
        "paper calls β ≈ 0.1, and 1000 / 64 here.",
        MISTAKES["our_weight"],
        "one number: the code's mean runs over images and places, ours sums over the "
        "places and takes the mean over images. Which weight gives ours the same value?",
    ),
    "optimizer_for": Task(
        of_optimizer,
        solutions.optimizer_for,
        "The student moves, and so does what translates it.",
        MISTAKES["optimizer_for"],
        "torch.optim.Adam, rate 0.01, over the parameters of both.",
        [["student's weight", "regressor's weight"]],
    ),
}
