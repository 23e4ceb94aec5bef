"""All explorers of all lessons on the course's test set."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import torch
from torch import Tensor

import lessons
from kdlab.data import Columns, course_dataset, course_images
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.panels import Explorer
from kdlab.training import fit, predict
from kdlab.weights import load_teacher
from lessons.samples import sixty_images, student_answers

# Six with a slider, beside which FigureWidgets are measured.
SIX = "answer", "torn", "second_answer", "uniform_mix", "temperature", "calibration"


def answered_test_set() -> Columns:
    """The test set with the teacher's answers, as the notebooks make it."""
    teacher, _ = load_teacher(course_dataset())
    columns = course_images("test")
    columns["teacher_logits"] = predict(teacher, columns["images"])
    return columns


def quick_student(columns: Columns) -> Tensor:
    """Logits for the columns of a student after one epoch."""
    student = build_model("mlp", widths=[64])
    adam = torch.optim.Adam(student.parameters(), lr=1e-3)
    fit(student, course_images("fit"), label_loss, adam, epochs=1, progress=False)
    return predict(student, columns["images"])


def explorer_calls(
    columns: Columns, student_logits: Tensor
) -> dict[str, Callable[[], Explorer]]:
    """{name: function that makes the explorer}, of every lesson there is."""
    calls: dict[str, Callable[[], Explorer]] = {}
    for found in iter_modules(lessons.__path__):
        if not found.ispkg:
            continue
        home = import_module(f"lessons.{found.name}.test_lesson")
        for name, make in home.explorers(columns, student_logits).items():
            calls.setdefault(name, make)  # an explorer that two lessons share
    return calls


def steady_explorers() -> list[str]:
    """Those whose first control has room for the steps of the bench, each a change."""
    columns = sixty_images()
    calls = explorer_calls(columns, student_answers(columns))
    first = {n: next(iter(make().positions.values())) for n, make in calls.items()}
    return [name for name, places in first.items() if len(places) >= 12]
