"""Lesson 12: silent bugs and how to find them; gaps, smoothed teachers, wrong labels."""

from kdlab.exercises import of_lesson

from . import stored
from .exercises import TASKS
from .line_up import NAMES, bugs_explorer, last_errors, line_up_explorer, score
from .mutants import RIGHT, code_of, take_home
from .ridge import ridge_explorer
from .stored import assistant_picture, gap_explorer, smoothed_picture, weight_explorer
from .test_my_distillation import TESTS

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "NAMES", "RIGHT", "TESTS", "assistant_picture", "bugs_explorer", "check", "code_of",
    "gap_explorer", "last_errors", "line_up_explorer", "predict", "quiz", "score",
    "ridge_explorer", "smoothed_picture", "stored", "take_home", "weight_explorer",
]  # fmt: skip
