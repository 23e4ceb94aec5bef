"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs
from lessons.samples import prose

from . import gain, rows_of
from .live import BUTTONS
from .students import WAYS

PAGE, ANSWERS, FEW = prose("10_what_to_imitate"), {"soft_weight": 1.0}, {"labels": 100}


@pytest.fixture(scope="module")
def runs():
    return load_runs("imitate")


def words(values):
    """'126 ± 37', as the page says it."""
    mean, spread = mean_spread(values)
    return f"{mean:,.0f} ± {spread:.0f}"


def test_numbers_by_place(runs):
    def spared(*arm, **more):
        return words(gain(runs, *arm, **more))

    smooth = spared("smoothing 0.1")
    early = [spared(name, "maps") for name in ("hint", "similarity", "distances")]
    said = "a hint spares {}, similarity {}, distances {}, no more than label smoothing"
    assert f"{said.format(*early)}, {smooth}, which" in PAGE
    assert f"as you saw, {spared('attention', 'maps')}." in PAGE
    names = "hint", "distances", "angles", "similarity"
    late = ", ".join(f"{name} {spared(name, 'last')}" for name in names)
    assert f"more than twice that: {late}." in PAGE
    assert f"without a label, they spare {spared('teacher', **ANSWERS)}." in PAGE
    other = {"teacher": "other 1"}
    hint, alike = (spared(name, "last", **other) for name in ("hint", "similarity"))
    answers = spared("teacher", **other, **ANSWERS)
    assert f"answers {answers}, late hint {hint}, similarity {alike}." in PAGE


def test_early_is_no_more_than_smoothing_and_late_more_than_twice_that(runs):
    smoothing, _ = mean_spread(gain(runs, "smoothing 0.1"))
    answers, _ = mean_spread(gain(runs, "teacher", **ANSWERS))
    for method, layer in WAYS.values():
        mean, spread = mean_spread(gain(runs, method, layer))
        if layer == "maps":
            assert mean <= smoothing, (method, mean)
        else:
            assert mean > 2 * max(smoothing, spread) and mean < answers, (method, mean)


def test_numbers_with_answers(runs):
    def errors(*arm, **more):
        return words(rows_of(runs, *arm, **more)["test_errors"])

    answers = errors("teacher", **ANSWERS)
    hint, alike = (errors(name, "last", **ANSWERS) for name in ("hint", "similarity"))
    said = (
        f"They leave {answers} errors; with a late hint beside them it is {hint}, with"
    )
    assert f"{said} similarity {alike}." in PAGE
    assert f"1,000 images, without any label, make {answers}." in PAGE


def test_numbers_of_controls(runs):
    def spared(*arm):
        return words(gain(runs, *arm))

    assert f"knows nothing spares {spared('hint', 'maps', 'untrained')}, at the" in PAGE
    mates = spared("hint", "last", "class mates")
    assert f"another image of the class spare {mates}, which may be luck, and" in PAGE
    cost = spared("hint", "last", "shuffled")
    assert (
        f"any other image's cost {cost.removeprefix('-')}: what" in PAGE
        and cost[0] == "-"
    )
    found = [
        spared("distances", "last", s) for s in ("teacher", "class mates", "pixels")
    ]
    assert (
        f"the teacher's {found[0]}; of class mates {found[1]}, of pixels {found[2]}."
        in PAGE
    )


def test_numbers_of_few_labels(runs):
    def errors(*arm):
        return words(rows_of(runs, *arm, **FEW)["test_errors"])

    every = words(rows_of(runs, "labels")["test_errors"])
    assert f"alone {errors('labels')} errors; with all 1,000 it is {every}." in PAGE
    late, alike = errors("hint", "last"), errors("similarity", "last")
    assert f"similarity of the rest make {alike}, a late hint {late}." in PAGE
    hint, nobodys = errors("hint", "maps"), errors("hint", "maps", "untrained")
    assert f"helps, {hint}, and an untrained net's, as loud, does" in PAGE
    assert (
        f"great harm, {nobodys}; attention ends at {errors('attention', 'maps')}."
        in PAGE
    )


def test_equal_steps_and_five_seeds_for_all(runs):
    assert runs["epochs"].unique().tolist() == [20]
    assert runs["pictures"].unique().tolist() == [1000]
    kinds = ["method", "layer", "source", "soft_weight", "labels", "teacher"]
    assert (runs.groupby(kinds, dropna=False)["seed"].nunique() == 5).all()


def test_the_buttons_have_the_weights_of_the_stored_search(runs):
    for what, source, weight in BUTTONS.values():
        if source == "the teacher":
            assert set(rows_of(runs, *WAYS[what])["weight"]) == {weight}
