"""Lesson 07: weights and channels taken away, and what becomes faster by it."""

from kdlab.exercises import of_lesson

from .exercises import TASKS
from .explorers import (
    break_even,
    break_even_picture,
    sensitivity_picture,
    smaller_explorer,
    sparse_times,
)
from .live import train_again_explorer
from .stored import errors_of, training_explorer, ways_explorer

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "break_even",
    "break_even_picture",
    "check",
    "errors_of",
    "predict",
    "quiz",
    "sensitivity_picture",
    "smaller_explorer",
    "sparse_times",
    "train_again_explorer",
    "training_explorer",
    "ways_explorer",
]
