"""What the page says of its stored runs is what they hold."""

from bisect import bisect_left
from pathlib import Path

import pytest

from kdlab.exercises.quiz import load_words
from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from lessons.samples import prose, words

from . import gain, rows_of
from .experiments import IN_TURN
from .live import PRESETS
from .students import WAYS

PAGE, ANSWERS, FEW = prose("10_what_to_imitate"), {"soft_weight": 1.0}, {"labels": 100}


@pytest.fixture(scope="module")
def runs():
    return load_runs("imitate")


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
    said = f"a hint spares {early} errors of 10,000, no more than label smoothing, {smooth}"
    assert said in PAGE
    pairs = spared(rows_of(runs, "hint", "last"), rows_of(runs, "hint", "maps"))
    assert f"late hint spares {words(pairs)} more than the early one." in PAGE
    assert rows_of(runs, "attention", "maps")["weight"].unique() == [0.01]
    seen, theirs = (beside("attention", "maps", weight=w) for w in (10.0, 20.4))
    assert f"maps nearly equal and {seen}; at the" in PAGE
    assert f"20.4 here by exercise 2, it {theirs}." in PAGE
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
    chosen = rows_of(runs, "teacher", **ANSWERS)
    assert {*chosen["temperature"]} == {32} and {*chosen["learning_rate"]} == {0.04}
    at_16 = [rows_of(loud, "teacher", **ANSWERS, learning_rate=r) for r in (0.02, 0.04)]
    late = [rows_of(runs, method, "last") for method in ("hint", "similarity")]
    hint, alike = (words(spared(chosen, rows)) for rows in late)
    said = f"spare {words(gain(runs, 'teacher', **ANSWERS))}; pair by pair {hint} more"
    assert f"{said} than the late hint and {alike} more than similarity." in PAGE
    hint, alike = (words(spared(at_16[0], rows)) for rows in late)
    assert f"answers are still {hint} and {alike} ahead, of" in PAGE
    for method in ("hint", "similarity"):
        gains = [
            words(spared(rows_of(table, method, "last", **ANSWERS), alone))
            for table, alone in zip((runs, loud), at_16, strict=True)
        ]
        assert f"| late {method} | {gains[0]} | {gains[1]} |" in PAGE
    left = words(chosen["test_errors"])
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

    loud = beside("hint", "maps", "untrained", weight=100.0)
    assert f"knows nothing {loud} when it is as" in PAGE
    mates, cost = (spares("hint", "last", s) for s in ("class mates", "shuffled"))
    assert f"class spares {mates}: what smoothing" in PAGE
    assert cost[0] == "-" and f"Any other image costs {cost[1:]}: what" in PAGE
    ink, own = (spares("attention", "maps", source) for source in ("pixels", "teacher"))
    assert f"Ink in its place spares {ink}, the teacher's own {own}, both" in PAGE
    for source in ("class mates", "pixels", "untrained"):
        mean, spread = mean_spread(gain(runs, "distances", "last", source))
        assert mean < max(spread, 25), "only the teacher's spare something"


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
    said = f"1,000 labels alone it is {every} errors, with 100 {errors('labels')}; simi"
    assert said in PAGE
    late, alike = errors("hint", "last"), errors("similarity", "last")
    assert f"rest makes {alike} of these, a late hint {late} (in" in PAGE
    slow, fast, own = (
        f"{rows_of(loud, 'labels', **FEW, **more)['test_errors'].mean():,.0f}"
        for more in (
            {"learning_rate": 0.01},
            {"learning_rate": 0.04},
            {"pictures": 100},
        )
    )
    assert f"(half, twice: {slow} and {fast}), nor that" in PAGE
    assert f"(batches of labelled images only: {own})." in PAGE
    for arm in [("hint", "maps"), ("hint", "last"), ("similarity", "last")]:
        for source in ("untrained", "pixels"):
            if len(rows_of(runs, *arm, source, **FEW)):
                mean, spread = mean_spread(gain(runs, *arm, source, **FEW))
                assert mean < spread, "what knows nothing does not come near"
    ways = "hint", "attention", "flow", "gram"
    early, *nulls = (words(gain(runs, way, "maps", **FEW)) for way in ways)
    smooth = words(gain(runs, "smoothing 0.1", **FEW))
    assert f"The early hint does: it spares {early}." in PAGE
    said = "Attention, {}, flow, {}, and Gram, {}, do not; label smoothing spares {}."
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
