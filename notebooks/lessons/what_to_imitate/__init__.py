"""Lesson 10: what a student should copy, answers, features or relations."""

from kdlab.exercises import of_lesson

from .attention import attention_explorer, watched
from .exercises import TASKS
from .live import arms_explorer
from .planes import planes_explorer
from .stored import gain, imitation_explorer, rows_of
from .students import adversary, features

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "adversary",
    "arms_explorer",
    "attention_explorer",
    "check",
    "features",
    "gain",
    "imitation_explorer",
    "planes_explorer",
    "predict",
    "quiz",
    "rows_of",
    "watched",
]
