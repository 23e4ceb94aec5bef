"""What notebook 00, Start here, is made of: a first explorer, exercises, a quiz, a map."""

from kdlab.exercises import of_lesson
from kdlab.explorers import answer_explorer

from .exercises import TASKS
from .progress import course_map

__all__ = ["answer_explorer", "check", "course_map", "predict", "quiz"]

check, predict, quiz = of_lesson(__file__, TASKS)
