"""03 · Dark knowledge: what the wrong answers know, and what each hint is worth."""

from kdlab.exercises import of_lesson

from .exercises import TASKS
from .gain import gain_explorer
from .omitted import bias_explorer, omitted_explorer, omitted_runs_explorer
from .similarity import class_similarity, neighbours_explorer, similarity_explorer
from .unseen import chosen_biases, unseen_with_bias

check, predict, quiz = of_lesson(__file__, TASKS)

__all__ = [
    "bias_explorer",
    "check",
    "chosen_biases",
    "class_similarity",
    "gain_explorer",
    "neighbours_explorer",
    "omitted_explorer",
    "omitted_runs_explorer",
    "predict",
    "quiz",
    "similarity_explorer",
    "unseen_with_bias",
]
