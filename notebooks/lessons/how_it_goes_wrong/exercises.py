"""The exercises of 12; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch
import torch.nn.functional as F

from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes

from . import solutions
from .mutants import RIGHT, code_of

MISTAKES = load_mistakes(Path(__file__).with_name("mistakes.toml"))
KL, SWAPPED = (code_of(name).soft_loss for name in (RIGHT, "KL arguments swapped"))
LOSSES = {
    "KL(teacher ‖ student)": KL,
    "KL(student ‖ teacher)": SWAPPED,
    "cross-entropy": lambda z, v, T: T**2 * F.cross_entropy(z / T, (v / T).softmax(1)),
    "half of both": lambda z, v, T: (KL(z, v, T) + SWAPPED(z, v, T)) / 2,
}


def of_losses(answer: Function) -> object:
    """Four losses, two of which pull alike."""
    return [answer(loss) for loss in LOSSES.values()]


def of_words(answer: Function) -> object:
    """Three answers of 5, 2 and 4 words, in rows of 6 places."""
    is_word = torch.arange(6) < torch.tensor([[5], [2], [4]])
    return answer(1 + torch.rand(3, 6), is_word.float())


TASKS = {
    "aligned": Task(
        lambda answer: answer(torch.randn(9, 4), torch.randperm(9), torch.randperm(9)),
        solutions.aligned,
        "Whatever the order, each image meets its own answer.",
        MISTAKES["aligned"],
        "row i is what the teacher said of image order[i]; row i of told, of asked[i].",
        ["image {}"],
    ),
    "is_forward": Task(
        of_losses,
        solutions.is_forward,
        "KL(teacher ‖ student) passes, and cross-entropy, which pulls alike; no other.",
        MISTAKES["is_forward"],
        "True for a loss whose gradient is that of KL(teacher ‖ student), else False.",
        [[*LOSSES]],
    ),
    "mean_over_words": Task(
        of_words,
        solutions.mean_over_words,
        "Padding counts neither above nor below the line.",
        MISTAKES["mean_over_words"],
        "one number: the losses of all words, added up, over the number of words.",
    ),
}
