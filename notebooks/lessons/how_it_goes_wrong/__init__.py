"""Lesson 12: eight silent bugs and how to find them; gaps, smoothed teachers, lies."""

from kdlab.exercises import of_lesson

from .exercises import TASKS
from .line_up import (
    NAMES,
    bugs_explorer,
    difference,
    last_errors,
    line_up_explorer,
    score,
    with_names,
)
from .mutants import RIGHT, code_of
from .ridge import ridge_explorer
from .stored import (
    best,
    damage,
    errors_of,
    gap_explorer,
    gap_runs,
    right_errors,
    smoothed_explorer,
    weight_errors,
    weight_explorer,
    without_weight,
)
from .take_home import take_home
from .test_my_distillation import TESTS

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "NAMES",
    "RIGHT",
    "TESTS",
    "best",
    "bugs_explorer",
    "check",
    "code_of",
    "damage",
    "difference",
    "errors_of",
    "gap_explorer",
    "gap_runs",
    "last_errors",
    "line_up_explorer",
    "predict",
    "quiz",
    "ridge_explorer",
    "right_errors",
    "score",
    "smoothed_explorer",
    "take_home",
    "weight_errors",
    "weight_explorer",
    "with_names",
    "without_weight",
]
