"""The exercises of 12; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch
import torch.nn.functional as F

from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes

from . import solutions
from .mutants import RIGHT, code_of

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")


def of_cache(answer: Function) -> object:
    """Nine answers, asked in one order, wanted in another."""
    return answer(torch.randn(9, 4), torch.randperm(9), torch.randperm(9))


def cross_entropy(student_logits, teacher_logits, temperature):
    """To the teacher's answers: KL plus a constant, and the same gradient."""
    probs = F.softmax(teacher_logits.detach() / temperature, dim=1)
    return temperature**2 * F.cross_entropy(student_logits / temperature, probs)


def halfway(student_logits, teacher_logits, temperature):
    """Half of each direction."""
    return (
        sum(loss(student_logits, teacher_logits, temperature) for loss in LOSSES[:2])
        / 2
    )


LOSSES = [
    code_of(RIGHT).soft_loss,
    code_of("KL arguments swapped").soft_loss,
    cross_entropy,
    halfway,
]


def of_losses(answer: Function) -> object:
    """Four losses: KL one way, the other, cross-entropy, half of both ways."""
    return torch.tensor([float(answer(loss)) for loss in LOSSES])


def of_words(answer: Function) -> object:
    """Three answers of 5, 2 and 3 words, in rows of 6 places."""
    is_word = torch.arange(6) < torch.tensor([[5], [2], [3]])
    return answer(1 + torch.rand(3, 6), is_word.float())


TASKS = {
    "aligned": Task(
        of_cache,
        solutions.aligned,
        "Whatever the order, each image meets its own answer.",
        MISTAKES["aligned"],
        "row i is what the teacher said of image order[i]; told holds its answers in the order `asked`.",
        ["image {}"],
    ),
    "is_forward": Task(
        of_losses,
        solutions.is_forward,
        "It lets two losses pass, KL(teacher ‖ student) and cross-entropy, which pull alike, and no other.",
        MISTAKES["is_forward"],
        "True for a loss whose gradient is that of KL(teacher ‖ student), so also for cross-entropy to the teacher; else False.",
        [
            [
                "KL(teacher ‖ student)",
                "KL(student ‖ teacher)",
                "cross-entropy to the teacher",
                "half of both directions",
            ]
        ],
    ),
    "mean_over_words": Task(
        of_words,
        solutions.mean_over_words,
        "Padding counts neither above nor below the line.",
        MISTAKES["mean_over_words"],
        "one number: the losses of all words, added up, over the number of words.",
    ),
}
