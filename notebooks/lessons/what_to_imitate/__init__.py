"""Lesson 10: what a student should copy, answers, features or relations."""

from kdlab.exercises import of_lesson

from .attention import attention_explorer, watched
from .exercises import TASKS
from .live import arms_explorer
from .planes import plane_of, planes_explorer
from .stored import gain, gains_picture, rows_of, weights_explorer
from .students import features

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "arms_explorer",
    "attention_explorer",
    "check",
    "features",
    "gain",
    "gains_picture",
    "plane_of",
    "planes_explorer",
    "predict",
    "quiz",
    "rows_of",
    "watched",
    "weights_explorer",
]
