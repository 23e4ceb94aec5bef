"""Stored runs stand beside their twins, and only those of the position chosen."""

import pandas as pd
import pytest

from kdlab import figures as fig
from kdlab.explorers import runs_explorer
from kdlab.explorers.stored import with_twins
from kdlab.panels import choice
from lessons.samples import pictures

ROWS = {"taught": "method == 'teacher'", "smoothed": "method == 'smoothing 0.1'"}


def table(*rows):
    """Runs from (method, temperature, labels, seed, test_errors)."""
    names = ["method", "temperature", "labels", "seed", "test_errors"]
    return pd.DataFrame(rows, columns=names)


RUNS = table(
    ("labels", None, 100, 1, 900),
    ("labels", None, 100, 0, 950),
    ("labels", None, 300, 0, 400),
    ("labels", None, 300, 1, 420),
    ("teacher", 1.0, 100, 0, 940),
    ("teacher", 8.0, 100, 0, 800),
    ("teacher", 8.0, 100, 1, 700),
    ("teacher", 8.0, 300, 1, 400),
    ("smoothing 0.1", None, 100, 0, 960),
)


def explorer(runs=RUNS, rows=ROWS):
    """An explorer of the runs, and what its view was shown at each position."""
    seen = {}

    def view(gains, labels, temperature):
        seen[labels, temperature] = gains
        part = fig.spared_dots(gains, fig.axis("spared", [-9, 9]), {})
        return fig.picture("title", part, says="It says 1.")

    panel = runs_explorer(
        runs,
        rows,
        view,
        tabulate=2,
        labels=choice("labels", [100, 300], 100),
        temperature=choice("temperature", [1.0, 8.0], 8.0),
    )
    return panel, seen


def test_a_pair_is_of_one_seed_and_alike_in_what_the_twins_have_values_in():
    panel, seen = explorer()
    assert seen == {(100, 8.0): {"taught": [150, 200], "smoothed": [-10]}}
    assert len(pictures(panel)) == 4
    assert seen[300, 8.0] == {"taught": [20], "smoothed": []}


def test_a_run_without_a_temperature_stands_beside_all():
    panel, seen = explorer()
    pictures(panel)
    assert seen[100, 1.0] == {"taught": [10], "smoothed": [-10]}
    assert seen[300, 1.0] == {"taught": [], "smoothed": []}


def test_runs_without_a_twin_or_with_two_are_refused():
    with pytest.raises(ValueError, match="without a twin of their seed, labels"):
        explorer(RUNS[RUNS["test_errors"] != 420])
    twice = pd.concat([RUNS, table(("labels", None, 100, 0, 955))])
    with pytest.raises(ValueError, match="two twins of one seed, labels"):
        explorer(twice)


def test_runs_keep_their_order_and_their_columns():
    twins = table(("labels", None, 1, 2, 7), ("labels", None, 1, 0, 5))
    runs = table(("teacher", 1.0, 1, 0, 2), ("teacher", 1.0, 1, 2, 1))
    found = with_twins(runs, twins, ["temperature", "labels"])
    assert found["spared"].tolist() == [3, 6]
    assert [*found][: len([*runs])] == [*runs]
