"""The exercises of 10; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch
from torch import Tensor, nn

from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import learned

from . import solutions

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
NAN = (
    "The number is right, its gradient is NaN: the slope of a root at zero is infinite, "
    "and each row is at zero distance from itself. Take the root of what is above zero "
    "only, or of the pairs i < j."
)


def step(values: Tensor) -> Tensor:
    """As an optimizer moves them."""
    return values + 0.01


EVERY = [
    f"{who}.{part}" for who in ("student", "regressor") for part in ("weight", "bias")
]
TRAININGS = {  # what moves, and how
    "both learn": dict.fromkeys(EVERY, step),
    "the regressor is left out": dict.fromkeys(EVERY[:2], step),
    "the student is left out": dict.fromkeys(EVERY[2:], step),
    "only biases learn": dict.fromkeys(EVERY[1::2], step),
    "only weights learn": dict.fromkeys(EVERY[::2], step),
    "values change places": {"student.weight": lambda values: values.roll(1)},
    "nobody learns": {},
    "a tiny step": {"regressor.bias": lambda values: values * (1 + 1e-6)},
}


def of_embeddings(answer: Function) -> Seen:
    """Seven rows of a student and of a teacher, who has more units."""
    student = (2 * torch.randn(7, 3).double()).requires_grad_()
    teacher = torch.randn(7, 5).double().requires_grad_()
    seen = learned(answer(student, teacher), student, [teacher])
    if seen.gradient is not None and seen.gradient.isnan().any():
        return seen._replace(besides=NAN)
    return seen


def of_weight(answer: Function) -> object:
    """A weight as in public code, and maps of 64 images and 6 × 8 places."""
    return answer(700.0, torch.rand(64, 32, 6, 8))


def of_trainings(answer: Function) -> object:
    """Who is accused, after each training of a student and its regressor."""
    accused = []
    for moves in TRAININGS.values():
        modules = {"student": nn.Linear(6, 3), "regressor": nn.Linear(3, 5)}
        for module in modules.values():
            nn.init.eye_(module.weight)  # whole numbers: their sum has no rounding

        def train(modules: dict = modules, moves: dict = moves) -> None:
            student, regressor = modules.values()
            regressor(student(torch.randn(16, 6))).square().mean().backward()
            with torch.no_grad():  # one step of an optimizer that knows some of them
                for name, change in moves.items():
                    values = nn.ModuleDict(modules).get_parameter(name)
                    values.copy_(change(values))

        names = answer(train, modules)
        if names is None:
            return None
        if {*names} - {*modules}:
            raise ValueError(f"{names!r}: not a list of names out of {[*modules]}")
        accused.append([name in names for name in modules])
    return accused


TASKS = {
    "relation_loss": Task(
        of_embeddings,
        solutions.relation_loss,
        "Units may differ in number, and nothing is NaN. (The slope of a root at 0 is infinite, "
        "and 0 times infinity is NaN: what is left out after the root sends it back.)",
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
    "unmoved": Task(
        of_trainings,
        solutions.unmoved,
        "Whoever is left out of an optimizer is accused, and nobody else.",
        MISTAKES["unmoved"],
        "a list of the names of those modules whose parameters are all exactly what they "
        "were before train() was called.",
        [[*TRAININGS], ["student accused", "regressor accused"]],
    ),
}
