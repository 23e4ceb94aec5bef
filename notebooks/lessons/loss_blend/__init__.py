"""04 · The loss blend: two forces on one student, and how loud each should be."""

from kdlab.exercises import of_lesson
from kdlab.explorers import retrain_explorer

from .exercises import TASKS
from .forces import forces_explorer, loudness_explorer
from .playground import playground_explorer
from .stored import blend_map_explorer, rates_picture
from .variance import variance_explorer

check, predict, quiz = of_lesson(__file__, TASKS)

__all__ = [
    "blend_map_explorer",
    "check",
    "forces_explorer",
    "loudness_explorer",
    "playground_explorer",
    "predict",
    "quiz",
    "rates_picture",
    "retrain_explorer",
    "variance_explorer",
]
