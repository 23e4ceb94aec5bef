"""The exercises of 00: first answers, counted; mistakes.toml holds what goes wrong."""

from pathlib import Path

from torch import Tensor

from kdlab import metrics
from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import example

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")


def of_teacher(answer: Function) -> object:
    """The answer to the teacher's logits and the labels."""
    _, teacher, labels = example()
    return answer(teacher, labels)


def of_student(answer: Function) -> object:
    """The answer to a student's logits, who misses no 0, 1, 8 or 9, and others twice."""
    student, _, labels = example()
    student[range(24), labels] += 1 + 4 * (labels % 8 < 2)
    return answer(student, labels)


def errors_by_class(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images of each class are answered wrongly, [classes]."""
    wrong = logits.argmax(dim=1) != labels
    return labels[wrong].bincount(minlength=logits.shape[1])


TASKS = {
    "share_right": Task(
        of_teacher,
        metrics.accuracy,
        "A share: multiply by the number of images to count the answers.",
        MISTAKES["share_right"],
        "one number from 0 to 1: the images whose largest logit is at the place of the "
        "label, divided by all images.",
    ),
    "errors_by_class": Task(
        of_student,
        errors_by_class,
        "Counts by true class: so one sees which digit is hard.",
        MISTAKES["errors_by_class"],
        "ten whole numbers, [classes]: at place k the images of label k whose first "
        "answer is another one. They add up to all errors.",
    ),
}
