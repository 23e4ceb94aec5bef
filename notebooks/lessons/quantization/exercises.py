"""What is asked in this lesson; mistakes.toml holds what real code does wrong in it."""

from pathlib import Path

import torch
from torch import Tensor

from kdlab.compression import affine_grid, fake_quantize, fitting_step
from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
RANGES = [(-1.3, 2.1, 4), (-0.75, 0.15, 3), (0.0, 5.7, 8), (-2.2, 0.4, 6)]
DEAD = (
    "The numbers are right, but the gradient dies: round() is flat wherever it does not jump, "
    "so its slope is 0, and nobody learns. Let the rounding count as doing nothing: "
    "x + (rounded - x).detach()."
)
BEYOND = (
    "The numbers are right, but weights beyond the last places receive a gradient, too: "
    "nothing that they do changes the answer. Choose by the rounded code who is inside, and "
    "detach the others: torch.where(inside, weight, weight.detach())."
)
OUTERMOST = (
    "The numbers are right, but weights on the two outermost places get no gradient, or only "
    "some of them: clamp gives none at its ends. Choose by the rounded code: "
    "torch.where(inside, weight, weight.detach())."
)
PARTLY = (
    "The numbers are right, the gradient is not: within the grid it passes as it is."
)


def affine(low: float, high: float, bits: int) -> tuple[float, float]:
    """Step and zero point of a grid whose codes begin at 0."""
    step, zero = affine_grid(*map(torch.tensor, (low, high)), bits)
    return step.item(), zero.item() + 2 ** (bits - 1)


def of_layer(answer: Function) -> object:
    """A convolution whose outputs, inputs and places differ in size."""
    weight = torch.randn(6, 4, 3, 3).double() - 0.4
    weight *= torch.linspace(0.2, 3, 6).view(6, 1, 1, 1)
    return answer(weight * torch.linspace(1, 2, 4).view(1, 4, 1, 1), 4)


def of_training(answer: Function) -> Seen:
    """Weights within the grid and beyond; who receives which gradient."""
    weight, pull = (1.3 * torch.randn(40)).double().requires_grad_(), torch.randn(40)
    found = answer(weight, 0.25, 3)
    if not isinstance(found, Tensor) or found.shape != weight.shape:
        return Seen(found)
    if not found.requires_grad:
        return Seen(found, DEAD)
    (found * pull).sum().backward()
    passed = torch.zeros(40) if weight.grad is None else (weight.grad / pull).float()
    codes = (weight / 0.25).round()
    within, inner = (codes >= -4) & (codes <= 3), (codes > -4) & (codes < 3)
    besides = "" if torch.allclose(passed, within.float()) else PARTLY
    if not passed.any():
        besides = DEAD
    elif besides and torch.allclose(passed, (inner | within & (passed != 0)).float()):
        besides = OUTERMOST
    elif besides and torch.allclose(passed, torch.ones(40)):
        besides = BEYOND
    return Seen(found, besides, weight.grad)


def of_race(answer: Function) -> object:
    """Three runners, each disturbed once by what else the machine did."""
    eager = torch.tensor([17.6, 17.4, 18.1, 17.5, 60.2, 17.7, 17.9])
    engine = torch.tensor([5.1, 5.0, 5.2, 5.3, 5.15, 31.0, 5.05])
    return answer(eager, engine, torch.tensor([2.9, 14.0, 2.7, 2.8, 2.75, 2.85, 2.65]))


TASKS = {
    "affine": Task(
        lambda answer: [answer(*given) for given in RANGES],
        affine,
        "Zero has a place of its own, and both ends are reached.",
        MISTAKES["affine"],
        "(step, zero_point), two numbers: 2**bits codes from 0 on reach from low to high, "
        "and zero_point is the code, a whole number, whose place is nearest to 0.",
        ["Range {}", ["the step", "the zero point"]],
    ),
    "channel_steps": Task(
        of_layer,
        lambda weight, bits: fitting_step(weight, bits, True, "max"),
        "Each output has its own step, in a shape that divides the weight as it is.",
        MISTAKES["channel_steps"],
        "steps [outputs, 1, 1, 1]: the largest absolute weight of each output, divided by "
        "the highest code of a signed grid, 2**(bits - 1) - 1.",
    ),
    "straight_through": Task(
        of_training,
        lambda weight, step, bits: fake_quantize(weight, torch.tensor(step), 0, bits),
        "Forward it rounds; backward it does nothing, but beyond the ends, where it stops.",
        MISTAKES["straight_through"],
        "the weights on the grid: step times the nearest whole number of steps, from "
        "-2**(bits - 1) to 2**(bits - 1) - 1.",
    ),
    "speed_up": Task(
        of_race,
        lambda eager, engine, int8: engine.median() / int8.median(),
        "The same net in the same engine: what is left is the eight bits.",
        MISTAKES["speed_up"],
        "one number: the median time in the engine with float32, divided by the median "
        "time in the same engine with int8.",
    ),
}
