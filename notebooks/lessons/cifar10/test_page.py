"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from lessons.samples import prose

from . import all_runs

PAGE = prose("06_cifar10")


@pytest.fixture(scope="module")
def runs():
    return all_runs()


def pairs(runs, training, query, student="convnet"):
    """Errors spared, of the runs of a query beside the twins on labels; their errors."""
    some = runs[(runs["training"] == training) & (runs["student"] == student)]
    alone = some[some["method"] == "labels"]
    return spared(some.query(query), alone), alone["test_errors"].mean()


def test_numbers_in_prose_on_teachers():
    found = load_runs("colour_teachers").query("dataset == 'cifar10'")
    for name, said in {
        "unsmoothed": "right on 93.6 %",
        "course": "right on 94.0 %",
    }.items():
        first = found[(found["name"] == name) & (found["seed"] == 0)]
        assert f"{100 * first['test_accuracy'].item():.1f} %" == said[-6:]
        assert said in PAGE


def test_numbers_in_prose_on_five_thousand_labels(runs):
    told = "method == 'teacher' and views == 'fixed views' and teacher == "
    for teacher in ("course", "unsmoothed"):
        for heat in (1, 4):
            query = f"{told}'{teacher}' and temperature == {heat}"
            gains, errors = pairs(runs, "5,000 labels", query)
            mean, spread = mean_spread(gains)
            helps = teacher == "unsmoothed" and heat == 4
            assert (mean > 3 * spread) == helps and (abs(mean) < spread) == (not helps)
            if helps:
                assert (
                    f"about {round(mean, -1):.0f} of {round(errors, -1):,.0f} errors"
                    in PAGE
                )


def test_numbers_in_prose_on_a_thousand_labels(runs):
    training = "1,000 labels, the teacher names 10,000 pictures"
    told = "temperature == 4 and views == 'fixed views' and teacher == "
    gains, errors = pairs(runs, training, f"{told}'unsmoothed'")
    assert f"about {round(errors, -2):,.0f} errors of 10,000" in PAGE
    assert "about half of the errors" in PAGE
    assert 0.43 < mean_spread(gains)[0] / errors < 0.57
    smooth, _ = pairs(runs, training, f"{told}'course'")
    assert f"{round(errors - mean_spread(smooth)[0], -1):,.0f} errors" in PAGE
