"""The exercises of 00: first answers, counted, and the mistakes made in counting."""

from torch import Tensor

from kdlab import metrics
from kdlab.exercises.checks import Function, Task
from kdlab.exercises.probes import example


def of_teacher(answer: Function) -> object:
    """The answer to the teacher's logits and the labels."""
    _, teacher, labels = example()
    return answer(teacher, labels)


def errors_by_class(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images of each class are answered wrongly, [classes]."""
    wrong = logits.argmax(dim=1) != labels
    return labels[wrong].bincount(minlength=logits.shape[1])


TASKS = {
    "share_right": Task(
        of_teacher,
        metrics.accuracy,
        "A share: multiply by the number of images to count the answers.",
        {
            "The largest logit is looked for over the images, not over the classes: "
            "logits are [images, classes], so argmax(dim=1).": lambda z, y: (
                (z.argmax(0) == y).double().mean()
            ),
            "That is a percentage. A share is between 0 and 1.": lambda z, y: (
                100 * metrics.accuracy(z, y)
            ),
            "That is the number of right answers. Divide by the number of images.": (
                lambda z, y: (z.argmax(1) == y).sum()
            ),
            "That is the share of wrong answers.": lambda z, y: (
                1 - metrics.accuracy(z, y)
            ),
        },
    ),
    "errors_by_class": Task(
        lambda answer: answer(example()[0], example()[2]),
        errors_by_class,
        "Counts by true class: so one sees which digit is hard.",
        {
            "These are counted by the answer given. Count by the true class: which "
            "digit was missed?": lambda z, y: z.argmax(1)[z.argmax(1) != y].bincount(
                minlength=10
            ),
            "These are the right answers. Count the wrong ones.": lambda z, y: y[
                z.argmax(1) == y
            ].bincount(minlength=10),
            "That is one number for all classes. Give one count for each.": (
                lambda z, y: (z.argmax(1) != y).sum()
            ),
        },
    ),
}
