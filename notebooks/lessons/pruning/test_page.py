"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread, mean_words
from kdlab.results import load_runs
from lessons.samples import prose

from . import errors_of
from .stored import COLOUR, DIGITS

PAGE = prose("07_pruning")
