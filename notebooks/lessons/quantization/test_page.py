"""What the page says of its stored runs is what they hold."""

from kdlab.results import load_runs
from lessons.samples import prose

from . import experiments as of

PAGE = prose("08_quantization")
RUNS = load_runs("quantization")
STUDENTS = RUNS[RUNS["student"] != "teacher"]


def errors(runs, **values):
    """Test errors of the runs with these values, seed by seed."""
    for name, value in values.items():
        runs = runs[runs[name] == value]
    return runs.sort_values("seed")["test_errors"].tolist()


def after(bits, per_channel=True, clip="error", runs=STUDENTS):
    grid = {"bits": bits, "per_channel": per_channel, "clip": clip}
    return errors(runs, method=of.AFTER, **grid)


def mean(values):
    return sum(values) / len(values)
