"""The exercises of this lesson, and the mistakes that real code makes in them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Function, Task
from kdlab.exercises.probes import example
from kdlab.hints import class_means
from kdlab.metrics import accuracy, soften


def mean_answers(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The mean softened answer to each image's class, [N, classes]."""
    return class_means(soften(logits, temperature), labels)


def raised(logits: Tensor, unseen: int, bias: float) -> Tensor:
    """Logits [N, classes] with a bias on the unseen class."""
    return logits + bias * F.one_hot(torch.tensor(unseen), logits.shape[1])


def unseen_recall(logits: Tensor, labels: Tensor, unseen: int, bias: float) -> Tensor:
    """Share of the unseen class's images found, once its logit is raised by a bias."""
    found = raised(logits, unseen, bias).argmax(dim=1) == unseen
    return found[labels == unseen].double().mean()


def of_unseen(answer: Function) -> object:
    """A student who is shy of the 3."""
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(200) % 10
    logits = torch.randn(200, 10, generator=draw) + 2 * F.one_hot(labels, 10)
    logits[:, 3] -= 2.5
    return answer(logits, labels, 3, 2.0)


TASKS = {
    "class_mean_targets": Task(
        lambda answer: answer(example()[1], example()[2], 4.0),
        mean_answers,
        "The control of notebook 03: right on average, blind to the single image.",
        {
            "You softened the mean of the logits. Soften each answer first, then take "
            "the mean: of probabilities.": lambda v, y, t: soften(class_means(v, y), t),
            "The temperature is forgotten.": lambda v, y, t: mean_answers(v, y, 1.0),
            "One mean for all images? Take one for each class.": lambda v, y, t: (
                soften(v, t).mean(0).expand_as(v)
            ),
            "These are classes by the teacher's answers. Use the labels.": (
                lambda v, y, t: mean_answers(v, v.argmax(1), t)
            ),
        },
    ),
    "unseen_recall": Task(
        of_unseen,
        unseen_recall,
        "Now look at what the other digits pay for it.",
        {
            "That is the accuracy over all images. Recall looks only at images of the "
            "unseen class.": lambda z, y, k, b: accuracy(raised(z, k, b), y),
            "That is the precision: of those answered so, the share that is right. "
            "Recall: of those that are so, the share that is answered.": (
                lambda z, y, k, b: (
                    (y[raised(z, k, b).argmax(1) == k] == k).double().mean()
                )
            ),
            "The bias has no effect. Was it added to all classes? It belongs to the "
            "unseen one.": lambda z, y, k, b: unseen_recall(z, y, k, 0.0),
            "The bias is subtracted: it makes the class less welcome.": (
                lambda z, y, k, b: unseen_recall(z, y, k, -b)
            ),
        },
    ),
}
