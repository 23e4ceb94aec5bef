"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs
from lessons.samples import prose

from . import gain, rows_of
from .live import PRESETS
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

    early = [
        f"{name} {spared(name, 'maps')}" for name in ("hint", "distances", "similarity")
    ]
    assert f"luck: {', '.join(early)}; " in PAGE
    assert f"as you saw, {spared('attention', 'maps')}." in PAGE
    late = [
        f"{name} {spared(name, 'last')}"
        for name in ("hint", "distances", "angles", "similarity")
    ]
    assert f"all of them do: {', '.join(late)}." in PAGE
    assert f"without a label, they spare {spared('teacher', **ANSWERS)}, label" in PAGE
    assert f"without a teacher, {spared('smoothing 0.1')}." in PAGE
    again = [
        spared(*arm, teacher="other 1")
        for arm in (("hint", "last"), ("similarity", "last"))
    ]
    answers = spared("teacher", teacher="other 1", **ANSWERS)
    assert f"answers {answers}, late hint {again[0]}, similarity {again[1]}." in PAGE


def test_no_way_helps_at_the_maps_and_every_way_at_the_last_layer(runs):
    for method, layer in WAYS.values():
        mean, spread = mean_spread(gain(runs, method, layer))
        assert (mean > 2 * spread) == (layer == "last"), (method, layer, mean, spread)


def test_numbers_with_answers(runs):
    def errors(*arm, **more):
        return words(rows_of(runs, *arm, **more)["test_errors"])

    answers = errors("teacher", **ANSWERS)
    hint, alike = (errors(name, "last", **ANSWERS) for name in ("hint", "similarity"))
    said = f"which make {answers} errors, a late hint ends at {hint}, similarity at {alike}."
    assert said in PAGE
    assert f"1,000 images, without any label, make {answers}." in PAGE


def test_numbers_of_controls(runs):
    def spared(*arm):
        return words(gain(runs, *arm))

    assert f"knows nothing spares {spared('hint', 'maps', 'untrained')}, at the" in PAGE
    assert f"same class, spare {spared('hint', 'last', 'class mates')}, and any" in PAGE
    cost = spared("hint", "last", "shuffled")
    assert (
        f"any other image's cost {cost.removeprefix('-')}." in PAGE and cost[0] == "-"
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

    assert f"With 100 labels alone {errors('labels')} errors." in PAGE
    hint, nobodys = errors("hint", "maps"), errors("hint", "maps", "untrained")
    assert (
        f"helps, {hint}, and it is knowledge: of the untrained net, as loud, {nobodys}."
        in PAGE
    )
    assert f"Attention ends at {errors('attention', 'maps')}." in PAGE
    late, alike = errors("hint", "last"), errors("similarity", "last")
    every = words(rows_of(runs, "labels")["test_errors"])
    assert (
        f"Late hint {late}, similarity {alike}; all 1,000 labels alone make {every}."
        in PAGE
    )


def test_equal_steps_and_five_seeds_for_all(runs):
    assert runs["epochs"].unique().tolist() == [20]
    assert runs["pictures"].unique().tolist() == [1000]
    kinds = ["method", "layer", "source", "soft_weight", "labels", "teacher"]
    assert (runs.groupby(kinds, dropna=False)["seed"].nunique() == 5).all()


def test_the_buttons_have_the_weights_of_the_stored_search(runs):
    for what, source, weight in PRESETS.values():
        if source == "the teacher":
            assert set(rows_of(runs, *WAYS[what])["weight"]) == {weight}
