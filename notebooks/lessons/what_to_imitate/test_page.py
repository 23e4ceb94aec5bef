"""What the page says of its stored runs is what they hold."""

from bisect import bisect_left
from pathlib import Path

import pytest

from kdlab.exercises.quiz import load_words
from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from lessons.samples import prose

from . import gain, rows_of
from .experiments import IN_TURN
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
    assert {*rows_of(runs, "teacher", **ANSWERS)["temperature"]} == {32}
    at_16 = [rows_of(loud, "teacher", **ANSWERS, learning_rate=r) for r in (0.02, 0.04)]
    chosen = words(gain(runs, "teacher", **ANSWERS))
    cooler = words(spared(at_16[1], rows_of(runs, "labels")))
    said = f"they spare {chosen} ($T = 32$, as chosen; at $T = 16$ {cooler})."
    assert said in PAGE
    gains = [
        words(spared(rows_of(table, method, "last", **ANSWERS), alone))
        for method in ("hint", "similarity")
        for table, alone in zip((runs, loud), at_16, strict=True)
    ]
    said = "a late hint spares {} at the rate 0.02, of all features, and {} at 0.04"
    said += ", of answers; similarity {} and {}: little"
    assert said.format(*gains) in PAGE
    left = words(rows_of(runs, "teacher", **ANSWERS)["test_errors"])
    assert f"1,000 images, without any label, make {left}." in PAGE


def test_numbers_in_turn(runs, loud):
    early, late = (
        words(spared(rows_of(loud, IN_TURN, place), rows_of(runs, "labels")))
        for place in ("maps", "last")
    )
    said = f"early hint spares {early}, no more than at once, and the late one {late}:"
    assert said in PAGE
    few = words(rows_of(loud, IN_TURN, "last", **FEW)["test_errors"])
    assert f"(in two stages {few})." in PAGE


def test_numbers_of_controls(runs, beside):
    def spares(*arm):
        return words(gain(runs, *arm))

    nobodys, mates = ("hint", "maps", "untrained"), ("hint", "last", "class mates")
    assert f"knows nothing {beside(*nobodys, weight=100.0)} when it is as" in PAGE
    assert f"turned it off (weight 0.01, {spares(*nobodys)})." in PAGE
    assert f"class spares {spares(*mates)} at its best weight, 1: what sm" in PAGE
    assert f"at the teacher's, 10, it {beside(*mates, weight=10.0)}." in PAGE
    cost = spares("hint", "last", "shuffled")
    assert cost[0] == "-" and f"at 10, cost {cost[1:]}, as you saw" in PAGE
    sources = "teacher", "class mates", "pixels", "untrained"
    own, *others = (spares("distances", "last", source) for source in sources)
    assert f"the teacher's spare {own} at weight 100; those of class" in PAGE
    assert "turned off, and spare {}, {} and {}.".format(*others) in PAGE


def test_what_was_turned_off_has_the_smallest_weight(runs):
    search = load_runs("imitate_tuning")
    for arm in (
        ("hint", "maps", "untrained"),
        ("hint", "last", "untrained"),
        ("distances", "last", "class mates"),
        ("distances", "last", "pixels"),
        ("distances", "last", "untrained"),
        ("attention", "maps"),
        ("attention", "maps", "pixels"),
    ):
        (chosen,) = {*rows_of(runs, *arm)["weight"]}
        assert chosen == rows_of(search, *arm, teacher="other 1")["weight"].min(), arm


def test_numbers_of_few_labels(runs, loud):
    def errors(*arm, table=runs, **more):
        return words(rows_of(table, *arm, **FEW, **more)["test_errors"])

    every = words(rows_of(runs, "labels")["test_errors"])
    assert (
        f"alone make {errors('labels')} errors; with all 1,000 it is {every}." in PAGE
    )
    late, alike = errors("hint", "last"), errors("similarity", "last")
    assert f"similarity of the rest make {alike}, a late hint {late} (in" in PAGE
    pixels, nobodys = (errors("similarity", "last", s) for s in ("pixels", "untrained"))
    assert f"Similarity of pixels makes {pixels}, of an untrained net {nobodys}" in PAGE
    hint, smooth = errors("hint", "last", "untrained"), errors("smoothing 0.1")
    early = errors("hint", "maps", "untrained")
    said = f"its hint {hint} late and {early} early, label smoothing {smooth}, each"
    assert said in PAGE
    slow, fast = (errors("labels", table=loud, learning_rate=r) for r in (0.01, 0.04))
    own = errors("labels", table=loud, pictures=100)
    assert f"at half the rate {slow}, at twice the rate {fast}, and in" in PAGE
    assert f"batches of their own {own}." in PAGE
    ways = "hint", "attention", "flow", "gram"
    early, *nulls = (words(gain(runs, way, "maps", **FEW)) for way in ways)
    smooth = words(gain(runs, "smoothing 0.1", **FEW))
    assert f"The early hint does: it spares {early}." in PAGE
    said = "Attention, {}, flow, {}, and Gram, {}, do not; smoothing has {}."
    assert said.format(*nulls, smooth) in PAGE
    for way in ways[1:]:
        mean, spread = mean_spread(gain(runs, way, "maps", **FEW))
        assert mean < spread


@pytest.mark.parametrize(
    ("name", "found", "right"),
    [
        ("turned", 3, "three"),
        ("layer", 0.35, "less than half"),
        ("untrained", -4.7, "harms"),
        ("few", 1.03, "nearly all, or more"),
        ("crowd", 0.1, "about one time in ten"),
    ],
)
def test_what_is_found_is_the_choice_that_the_page_explains(name, found, right):
    asked = load_words(Path(__file__).parent / "words.toml")["predict"][name]
    assert asked["choices"][bisect_left(asked["bounds"], found)] == right


def test_equal_steps_and_five_seeds_for_all(runs):
    assert runs["epochs"].unique().tolist() == [20]
    assert runs["pictures"].unique().tolist() == [1000]
    kinds = ["method", "layer", "source", "soft_weight", "labels", "teacher"]
    assert (runs.groupby(kinds, dropna=False)["seed"].nunique() == 5).all()


def test_the_buttons_have_the_weights_of_the_stored_search(runs):
    for what, weight in map(dict.values, PRESETS.values()):
        assert set(rows_of(runs, *WAYS[what])["weight"]) == {weight}
