"""What notebook 00, Start here, is made of: a first explorer, exercises, a quiz."""

from kdlab.exercises import of_lesson
from kdlab.explorers import answer_explorer

from .exercises import TASKS

__all__ = ["answer_explorer", "check", "predict", "quiz"]

check, predict, quiz = of_lesson(__file__, TASKS)
