"""The exercises of this lesson; mistakes.toml holds what real code does wrong in them."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import example
from kdlab.hints import class_means
from kdlab.metrics import soften

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")


def mean_answers(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The mean softened answer to each image's class, [N, classes]."""
    return class_means(soften(logits, temperature), labels)


def unseen_recall(logits: Tensor, labels: Tensor, unseen: int, bias: float) -> Tensor:
    """Share of the unseen class's images found, once its logit is raised by a bias."""
    raised = logits + bias * F.one_hot(torch.tensor(unseen), logits.shape[1])
    return (raised.argmax(dim=1) == unseen)[labels == unseen].double().mean()


def of_unseen(answer: Function) -> object:
    """A student who is shy of the 3."""
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(230) % 10
    logits = torch.randn(230, 10, generator=draw) + 2 * F.one_hot(labels, 10)
    logits[:, 3] -= 2.5
    return answer(logits, labels, 3, 2.0)


TASKS = {
    "class_mean_targets": Task(
        lambda answer: answer(example()[1], example()[2], 4.0),
        mean_answers,
        "The control of notebook 03: right on average, blind to the single image.",
        MISTAKES["class_mean_targets"],
        "one row for each image, [N, classes]: the mean over the images of its label of "
        "softmax(logits / T). Two images of one label have the same row.",
    ),
    "unseen_recall": Task(
        of_unseen,
        unseen_recall,
        "Now look at what the other digits pay for it.",
        MISTAKES["unseen_recall"],
        "one number from 0 to 1: of the images whose label is the unseen class the share "
        "whose largest logit is the unseen one, once the bias is added to it.",
    ),
}
