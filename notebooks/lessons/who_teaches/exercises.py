"""The exercises of 11; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch
import torch.nn.functional as F

from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import example, learned

from . import solutions

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
NO_DETACH = (
    "The numbers are right, but a net learns from the others' losses, too: it is moved "
    "towards its pupils. In each loss the peers are constants: detach them."
)
DEAF = "The numbers are right, but a net does not learn from its own loss. Detached?"


def of_crowd(answer: Function) -> Seen:
    """A student and three teachers of five images and four classes, T = 2.5."""
    student, *teachers = 4 * torch.randn(4, 5, 4).double()
    student.requires_grad_()
    teachers = torch.stack(teachers).requires_grad_()
    return learned(answer(student, teachers, 2.5), student, [teachers])


def of_three(answer: Function) -> Seen:
    """The losses of three nets, and which nets each of them moves."""
    draw, (first, second, labels) = torch.randn(24, 10).double(), example()
    nets = [net.clone().requires_grad_() for net in (first, second, 2 * draw)]
    losses, fault = answer(nets, labels), ""
    for place, loss in enumerate(losses if isinstance(losses, list | tuple) else []):
        learns, how = set(), {"retain_graph": True, "allow_unused": True}
        if isinstance(loss, torch.Tensor) and loss.requires_grad:
            slopes = torch.autograd.grad(loss.sum(), nets, **how)
            learns = {n for n, g in enumerate(slopes) if g is not None and g.any()}
        fault = fault or (NO_DETACH if learns - {place} else "" if learns else DEAF)
    return Seen(losses, fault)


def of_liars(answer: Function) -> object:
    """Five teachers of 40 images, the fourth of whom mixes up the classes, and is sure."""
    logits = 3.0 * F.one_hot(torch.arange(40) % 4, 4) + 1.7 * torch.randn(5, 40, 4)
    logits[3] = 2 * logits[3].roll(1, dims=1)
    return answer(logits.double())


REFERENCES = {  # probe; what to say of a right answer; what is asked for
    "crowd_loss": (
        of_crowd,
        "The mean of one loss a teacher has the same gradient, and a larger number.",
        "T² · KL(p ‖ student), mean over images, where p is the mean over teachers of "
        "softmax(logits / T), a constant.",
    ),
    "cohort_losses": (
        of_three,
        "No loss moves another net.",
        "a list of losses: each net's cross-entropy, plus the mean over its peers of "
        "KL(peer ‖ net), mean over images.",
    ),
    "agreement_with_others": (
        of_liars,
        "The fourth of these five is the liar, however sure it is.",
        "for each teacher the share of images on which it names the class that most of "
        "the others vote for (the first of several).",
    ),
}
TASKS = {
    name: Task(probe, getattr(solutions, name), right, MISTAKES[name], asked)
    for name, (probe, right, asked) in REFERENCES.items()
}
