"""What notebook 01, Soft targets, is made of: explorers, predictions, exercises."""

from kdlab.exercises import of_lesson
from kdlab.explorers import answer_explorer, pad_explorer

from .between import between_explorer, moved
from .exercises import TASKS
from .explorers import (
    label_explorer,
    second_answer_explorer,
    torn_explorer,
    uniform_mix_explorer,
)

__all__ = [
    "answer_explorer",
    "between_explorer",
    "check",
    "label_explorer",
    "moved",
    "pad_explorer",
    "predict",
    "quiz",
    "second_answer_explorer",
    "torn_explorer",
    "uniform_mix_explorer",
]

check, predict, quiz = of_lesson(__file__, TASKS)
