"""Lesson 08: how few bits carry the answer? Grids, training through them, real int8."""

from kdlab.exercises import of_lesson

from .exercises import TASKS
from .grids import channels_explorer, clip_explorer, grid_explorer
from .halves import half_table
from .live import rescue_explorer
from .races import (
    engines_of,
    gains_of,
    here_words,
    int8_gain,
    machine,
    race_table,
    races_explorer,
    widths_explorer,
)
from .stored import bits_explorer

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "bits_explorer",
    "channels_explorer",
    "check",
    "clip_explorer",
    "engines_of",
    "gains_of",
    "grid_explorer",
    "half_table",
    "here_words",
    "int8_gain",
    "machine",
    "predict",
    "quiz",
    "race_table",
    "races_explorer",
    "rescue_explorer",
    "widths_explorer",
]
