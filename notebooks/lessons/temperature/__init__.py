"""02 · Temperature: what dividing logits by T does, and to what."""

from kdlab.exercises import of_lesson

from .exercises import TASKS
from .explorers import (
    calibration_explorer,
    gradient_explorer,
    limit_explorer,
    temperature_explorer,
)

check, predict, quiz = of_lesson(__file__, TASKS)

__all__ = [
    "calibration_explorer",
    "check",
    "gradient_explorer",
    "limit_explorer",
    "predict",
    "quiz",
    "temperature_explorer",
]
