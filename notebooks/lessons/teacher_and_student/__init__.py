"""Lesson 05: does it work on real data? Twins, fairly compared, and their teachers."""

from kdlab.exercises import of_lesson
from kdlab.explorers import retrain_explorer

from .costs import costs_of
from .exercises import TASKS
from .fidelity import fidelity_explorer, reliability_picture
from .pair import pair_explorer
from .stored import (
    crossing_explorer,
    hinton_picture,
    hinton_rows,
    label_counts_explorer,
    own_data_explorer,
)

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "check",
    "costs_of",
    "crossing_explorer",
    "fidelity_explorer",
    "hinton_picture",
    "hinton_rows",
    "label_counts_explorer",
    "own_data_explorer",
    "pair_explorer",
    "predict",
    "quiz",
    "reliability_picture",
    "retrain_explorer",
]
