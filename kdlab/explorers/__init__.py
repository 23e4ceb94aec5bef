"""What more than one lesson shows; what only one page shows lies in its own home."""

from kdlab.explorers.answers import answer_explorer
from kdlab.explorers.drawing import pad_explorer
from kdlab.explorers.stored import runs_explorer
from kdlab.explorers.twins import retrain_explorer
