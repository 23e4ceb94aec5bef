"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
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


@pytest.fixture(scope="module")
def loud():
    return load_runs("imitate_unchosen")


@pytest.fixture(scope="module")
def beside(runs, loud):
    """'spares 7 ± 8' or 'costs 7 ± 8', of what was not chosen, beside labels."""
    labels = rows_of(runs, "labels")

    def said(*arm, weight):
        found = words(spared(rows_of(loud, *arm, weight=weight), labels))
        verb = "costs" if found[0] == "-" else "spares"
        return f"{verb} {found.removeprefix('-')}"

    return said


def test_numbers_by_place(runs, beside):
    def spares(*arm, **more):
        return words(gain(runs, *arm, **more))

    early, smooth = spares("hint", "maps"), spares("smoothing 0.1")
    assert f"a hint spares {early}, no more than label smoothing, {smooth}, w" in PAGE
    far, angles = spares("distances", "last"), spares("angles", "last")
    assert f"twice that, from distances, {far}, to angles, {angles}." in PAGE
    assert f"nearly labels alone, {spares('attention', 'maps')}." in PAGE
    seen, theirs = (beside("attention", "maps", weight=w) for w in (10.0, 20.4))
    assert f"maps nearly equal and {seen}; at the" in PAGE
    assert f"exercise 2 translates, it {theirs}." in PAGE
    assert f"without a label, they spare {spares('teacher', **ANSWERS)} and" in PAGE
    other = {"teacher": "other 1"}
    hint, alike = (spares(name, "last", **other) for name in ("hint", "similarity"))
    answers = spares("teacher", **other, **ANSWERS)
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


def test_numbers_with_answers(runs, loud):
    def errors(table, *arm):
        return words(rows_of(table, *arm, **ANSWERS)["test_errors"])

    ways = ("hint", "last"), ("similarity", "last")
    fast, slow = errors(runs, "teacher"), errors(loud, "teacher")
    hint, alike = (errors(runs, *way) for way in ways)
    assert f"and leave {fast} errors." in PAGE
    said = f"they leave {slow}, with a late hint beside them {hint}, with similarity"
    assert f"{said} {alike}; at 0.04" in PAGE
    hint, alike = (errors(loud, *way) for way in ways)
    assert f"at 0.04 these make {hint} and {alike}." in PAGE
    gains = [
        words(
            spared(rows_of(more, *way, **ANSWERS), rows_of(alone, "teacher", **ANSWERS))
        )
        for way in ways
        for more, alone in ((runs, loud), (loud, runs))
    ]
    said = "a hint spares {} at 0.02 and {} at 0.04, similarity {} and {}: little"
    assert said.format(*gains) in PAGE
    assert f"1,000 images, without any label, make {fast}." in PAGE


def test_numbers_of_controls(runs, beside):
    def spares(*arm):
        return words(gain(runs, *arm))

    nobodys, mates = ("hint", "maps", "untrained"), ("hint", "last", "class mates")
    assert f"knows nothing {beside(*nobodys, weight=100.0)} when it is as" in PAGE
    assert f"turned it off (weight 0.01, {spares(*nobodys)})." in PAGE
    assert f"tried, 1, spare {spares(*mates)}: what smoothing" in PAGE
    verb, number = beside(*mates, weight=10.0).split(" ", 1)
    assert f"teacher's weight, 10, they {verb[:-1]} {number}." in PAGE
    cost = spares("hint", "last", "shuffled")
    assert cost[0] == "-" and f"at 10, cost {cost[1:]}: what" in PAGE
    sources = "teacher", "class mates", "pixels"
    own, mates, ink = (spares("distances", "last", source) for source in sources)
    assert f"the teacher's spare {own} at weight 100; of class" in PAGE
    assert f"turned off, and spare {mates} and {ink}." in PAGE


def test_what_was_turned_off_has_the_smallest_weight(runs):
    search = load_runs("imitate_tuning")
    for arm in (
        ("hint", "maps", "untrained"),
        ("hint", "last", "class mates"),
        ("distances", "last", "class mates"),
        ("distances", "last", "pixels"),
        ("attention", "maps"),
    ):
        (chosen,) = {*rows_of(runs, *arm)["weight"]}
        assert chosen == rows_of(search, *arm, teacher="other 1")["weight"].min(), arm


def test_numbers_of_few_labels(runs, loud):
    def errors(*arm, table=runs, **more):
        return words(rows_of(table, *arm, **FEW, **more)["test_errors"])

    every = words(rows_of(runs, "labels")["test_errors"])
    assert f"alone {errors('labels')} errors; with all 1,000 it is {every}." in PAGE
    late, alike = errors("hint", "last"), errors("similarity", "last")
    assert f"similarity of the rest make {alike}, a late hint {late}." in PAGE
    pixels, nobodys = (errors("similarity", "last", s) for s in ("pixels", "untrained"))
    assert f"Similarity of pixels makes {pixels}, of an untrained net {nobodys}" in PAGE
    hint, smooth = errors("hint", "last", "untrained"), errors("smoothing 0.1")
    assert f"its late hint {hint}, label smoothing {smooth}," in PAGE
    early = errors("hint", "maps", "untrained")
    assert f"which was not chosen for it, {early}." in PAGE
    slow, fast = (errors("labels", table=loud, learning_rate=r) for r in (0.01, 0.04))
    own = errors("labels", table=loud, pictures=100)
    assert f"at half the rate {slow}, at twice the rate {fast}, and in" in PAGE
    assert f"batches of their own {own}." in PAGE
    gains = words(gain(runs, "hint", "maps", **FEW))
    assert f"early hint spares {gains} here, attention still nothing." in PAGE
    mean, spread = mean_spread(gain(runs, "attention", "maps", **FEW))
    assert mean < spread


def test_equal_steps_and_five_seeds_for_all(runs):
    assert runs["epochs"].unique().tolist() == [20]
    assert runs["pictures"].unique().tolist() == [1000]
    kinds = ["method", "layer", "source", "soft_weight", "labels", "teacher"]
    assert (runs.groupby(kinds, dropna=False)["seed"].nunique() == 5).all()


def test_the_buttons_have_the_weights_of_the_stored_search(runs):
    for what, weight in BUTTONS.values():
        assert set(rows_of(runs, *WAYS[what])["weight"]) == {weight}
