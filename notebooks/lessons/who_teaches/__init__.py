"""Lesson 11: who teaches: a crowd, a peer, one's own former or deeper self."""

from kdlab.exercises import of_lesson

from .bars import crowd_explorer
from .crowds import crowd_of, together
from .exercises import TASKS
from .live import few_explorer
from .selves import nets_of, taught_by_itself
from .stored import born_tables, crowd_tables, errors, gain, runs_explorer, self_tables

check, predict, quiz = of_lesson(__file__, TASKS)
__all__ = [
    "born_tables", "check", "crowd_explorer", "crowd_of", "crowd_tables", "errors", "few_explorer",
    "gain", "nets_of", "predict", "quiz", "runs_explorer", "self_tables",
    "taught_by_itself", "together",
]  # fmt: skip
