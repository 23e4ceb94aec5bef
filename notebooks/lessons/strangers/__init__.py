"""Lesson 13: neither net, nor senses, nor data shared."""

from kdlab.exercises import of_lesson

from . import clients, senses, stored
from .exercises import TASKS
from .explorers import answers_explorer, cloud_explorer, senses_explorer
from .live import habit_explorer, server_explorer
from .stored import bytes_explorer, moved_explorer, told_explorer

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "answers_explorer",
    "bytes_explorer",
    "check",
    "clients",
    "cloud_explorer",
    "habit_explorer",
    "moved_explorer",
    "predict",
    "quiz",
    "senses",
    "senses_explorer",
    "server_explorer",
    "stored",
    "told_explorer",
]
