"""Lesson 09: every technique and every order, in one picture."""

from kdlab.exercises import of_lesson

from .arms import OWN, SCRATCH, SINGLE, colour_table, table_of
from .drawings import forms_table
from .exercises import TASKS
from .experiments import arm
from .explorers import budget_explorer, orders_explorer, pareto_explorer
from .live import build_explorer
from .recipes import recipe_steps
from .widget import Pocket, student_code

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "OWN",
    "Pocket",
    "SCRATCH",
    "SINGLE",
    "arm",
    "budget_explorer",
    "build_explorer",
    "check",
    "colour_table",
    "forms_table",
    "orders_explorer",
    "pareto_explorer",
    "predict",
    "quiz",
    "recipe_steps",
    "student_code",
    "table_of",
]
