"""Lesson 13: neither net, nor senses, nor data shared."""

from kdlab.exercises import of_lesson

from .clients import combined, mean_weights, private
from .exercises import TASKS
from .explorers import answers_explorer, cloud_explorer, senses_explorer
from .live import bias_explorer, server_explorer
from .senses import half, moved, shadows
from .stored import (
    HALVES,
    STUDENTS,
    bytes_explorer,
    gain,
    halves_picture,
    moved_explorer,
    pairs_explorer,
    rows_of,
)

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "HALVES",
    "STUDENTS",
    "answers_explorer",
    "bias_explorer",
    "bytes_explorer",
    "check",
    "cloud_explorer",
    "combined",
    "gain",
    "half",
    "halves_picture",
    "mean_weights",
    "moved",
    "moved_explorer",
    "pairs_explorer",
    "predict",
    "private",
    "quiz",
    "rows_of",
    "senses_explorer",
    "server_explorer",
    "shadows",
]
