"""All explorers on the course's test set."""

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets
import torch
from torch import Tensor

from kdlab import (
    explorers,
    explorers_blend,
    explorers_fidelity,
    explorers_omitted,
    explorers_runs,
    explorers_similarity,
    explorers_temperature,
    explorers_variance,
)
from kdlab.data import Columns, course_dataset, course_images
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.results import load_runs
from kdlab.training import fit, predict
from kdlab.weights import load_teacher

# Six with a slider that need no student.
SIX = "answer", "torn", "second_answer", "uniform_mix", "temperature", "calibration"
ALL = (*SIX, "answer_beside", "label", "gradient", "limit")
ALL += "similarity", "neighbours", "bias", "forces", "loudness"


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
    columns: Columns, student_logits: Tensor | None = None
) -> dict[str, Callable[[], widgets.Widget]]:
    """{name: function that makes the explorer}; without a student those that can."""
    logits, labels = columns["teacher_logits"], columns["labels"]
    one, two = explorers, explorers_temperature
    judged = (logits, labels, logits, labels)
    calls = {
        "answer": partial(one.answer_explorer, columns),
        "torn": partial(one.torn_explorer, columns),
        "second_answer": partial(one.second_answer_explorer, columns),
        "uniform_mix": partial(one.uniform_mix_explorer, columns),
        "temperature": partial(two.temperature_explorer, columns),
        "calibration": partial(two.calibration_explorer, *judged),
        "label": partial(one.label_explorer, columns),
    }
    beside = {"dog": 0.3, "cat": 0.2, "cow": 0.05, "car": 0.005}
    calls["answer_beside"] = partial(one.answer_explorer, columns, beside=beside)
    if student_logits is not None:
        students = {"after one epoch": student_logits[:2000]}
        calls["gradient"] = partial(two.gradient_explorer, students, logits[:2000])
        calls["limit"] = partial(two.limit_explorer, columns, student_logits)
        calls |= later_calls(columns, student_logits)
    return calls


def later_calls(
    columns: Columns, student_logits: Tensor
) -> dict[str, Callable[[], widgets.Widget]]:
    """Those of notebooks 03 to 05."""
    alike, runs = explorers_similarity, explorers_runs
    found = explorers_omitted.Unseen(
        [3],
        dict.fromkeys(explorers_omitted.ARMS, student_logits),
        columns["labels"],
        dict.fromkeys(explorers_omitted.ARMS, student_logits),
        columns["labels"],
    )
    students = {"after one epoch": student_logits}
    calls = {
        "similarity": partial(alike.similarity_explorer, columns),
        "neighbours": partial(alike.neighbours_explorer, columns),
        "bias": partial(explorers_omitted.bias_explorer, found),
        "forces": explorers_blend.forces_explorer,
        "loudness": partial(explorers_blend.loudness_explorer, students, columns),
        "variance": explorers_variance.variance_explorer,
    }
    stored = {
        "omitted": explorers_omitted.omitted_runs_explorer,
        "label_counts": runs.label_counts_explorer,
        "crossing": runs.crossing_explorer,
        "own_data": runs.own_data_explorer,
        "fidelity": explorers_fidelity.fidelity_explorer,
    }
    return calls | {n: partial(make, load_runs(n)) for n, make in stored.items()}
