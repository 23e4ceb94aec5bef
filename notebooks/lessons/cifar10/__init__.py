"""Lesson 06: colour pictures, moved and mirrored; and what makes a teacher worth it."""

from kdlab.exercises import of_lesson

from .exercises import TASKS
from .live import colour_pair_explorer
from .stored import all_runs, classes_explorer, teachers_explorer, views_explorer
from .students import model_of, new_student, own_teacher, told_set
from .teachers import two_teachers_explorer

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "all_runs",
    "check",
    "classes_explorer",
    "colour_pair_explorer",
    "model_of",
    "new_student",
    "own_teacher",
    "predict",
    "quiz",
    "teachers_explorer",
    "told_set",
    "two_teachers_explorer",
    "views_explorer",
]
