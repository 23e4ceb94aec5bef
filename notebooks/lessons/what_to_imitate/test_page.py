"""What the page says of its stored runs is what they hold."""

from bisect import bisect_left
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kdlab.data import load_images, sample, scaled
from kdlab.exercises.quiz import load_words
from kdlab.figures import mean_spread
from kdlab.relations import attention_map
from kdlab.results import load_runs, spared
from kdlab.weights import load_teacher
from lessons.samples import NO_MNIST, prose, words

from . import features, gain, rows_of
from .experiments import IN_TURN, OTHERS
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
    hint, apart, alike = (
        words(spared(rows_of(runs, way, "last"), rows_of(runs, way, "maps")))
        for way in ("hint", "distances", "similarity")
    )
    said = f"ahead by {hint} (hint), {apart} (distances), {alike} (similarity)."
    assert said in PAGE
    assert rows_of(runs, "attention", "maps")["weight"].unique() == [0.01]
    seen, theirs = (beside("attention", "maps", weight=w) for w in (10.0, 20.4))
    assert f"picture above, 10, attention {seen}; at the" in PAGE
    assert f"(20.4 in our units, exercise 2) {theirs[6:]}." in PAGE
    hint, alike, answers = (
        [gain(runs, *way, teacher=who, **more) for who in OTHERS]
        for way, more in (
            (("hint", "last"), {}),
            (("similarity", "last"), {}),
            (("teacher",), ANSWERS),
        )
    )
    said = f"with four other teachers, five seeds each, {words(sum(answers, []))}, the"
    assert said in PAGE
    said = f"the late hint {words(sum(hint, []))}, similarity {words(sum(alike, []))}."
    assert said in PAGE
    for other in zip(answers, hint, alike, strict=True):  # whoever teaches
        best, *features = (mean_spread(found)[0] for found in other)
        assert best > max(features)


def test_in_the_search_the_early_hint_spared_nothing():
    search, other = load_runs("imitate_tuning"), {"teacher": "other 1"}
    alone = rows_of(search, "labels", learning_rate=0.02, **other)["test_errors"].mean()
    tried = rows_of(search, "hint", "maps", **other).groupby("weight")
    assert (tried["test_errors"].mean() >= alone).all()
    assert "(In the search it spared nothing at any weight.)" in PAGE


def test_edges_are_flat_but_that_of_temperature(runs, loud):
    def errors(table, **more):
        return rows_of(table, "teacher", **ANSWERS, learning_rate=0.04, **more)[
            "test_errors"
        ].mean()

    search, other = load_runs("imitate_tuning"), {"teacher": "other 1"}
    ahead = errors(search, temperature=16, **other) - errors(
        search, temperature=32, **other
    )
    behind = errors(runs, temperature=32) - errors(loud, temperature=16)
    said = f"has it {ahead:.0f} errors ahead of 16, test images {behind:.0f} behind."
    assert said in PAGE
    ways = (("distances", "maps"), {}), (("similarity", "last"), FEW)
    for way, more in ways:
        tried = rows_of(search, *way, **other, **more).groupby("weight")
        *_, before, last = tried["test_errors"].mean()
        assert 0 <= before - last <= 2
    alike = rows_of(search, "similarity", "last", **other, **FEW).groupby("weight")
    found = alike["test_errors"].mean()
    said = (
        f"{found[PRESETS['late similarity']['weight']]:.0f} errors to {min(found):.0f};"
    )
    assert said in PAGE
    late, early = (
        rows_of(runs, "hint", place, **FEW)["weight"].iloc[0]
        for place in ("last", "maps")
    )
    assert f"hints want {late:.0f} late, {early:,.0f} early). But" in PAGE


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
    assert f"they spare {words(gain(runs, 'teacher', **ANSWERS))}; with" in PAGE
    for method in ("hint", "distances", "angles", "similarity"):
        late = rows_of(runs, method, "last")
        cells = [words(spared(alone, late)) for alone in (chosen, at_16[0])]
        cells += [
            words(spared(beside, alone)) if len(beside) else ""
            for table, alone in zip((runs, loud), at_16, strict=True)
            for beside in [rows_of(table, method, "last", **ANSWERS)]
        ]
        row = " ".join(" | ".join(["", method, *cells, ""]).split())
        assert row in PAGE, row
    beside = spared(rows_of(loud, "similarity", "last", **ANSWERS), chosen)
    assert f"at 0.04, is {words(beside)} ahead of the answers at T" in PAGE
    left = words(chosen["test_errors"])
    assert f"1,000 images, without any label, make {left}." in PAGE


def test_numbers_in_turn(runs, loud):
    early, late = (
        words(spared(rows_of(loud, IN_TURN, place), rows_of(runs, "labels")))
        for place in ("maps", "last")
    )
    assert f"only labels, spares {early} early, {late} late." in PAGE
    few = words(rows_of(loud, IN_TURN, "last", **FEW)["test_errors"])
    assert f"(in two stages only to {few})." in PAGE


def test_numbers_of_controls(runs, loud, beside):
    def spares(*arm):
        return words(gain(runs, *arm))

    nobodys = beside("hint", "maps", "untrained", weight=100.0)
    assert f"knows nothing {nobodys} when it is as" in PAGE
    mates = spares("hint", "last", "class mates")
    same = beside("hint", "last", "class mates", weight=10.0)
    assert f"class spares {mates} at its best weight, {same[7:]} at the" in PAGE
    own = rows_of(runs, "hint", "last")
    at_best = rows_of(runs, "hint", "last", "class mates")
    at_10 = rows_of(loud, "hint", "last", "class mates", weight=10.0)
    ahead = " and ".join(words(spared(own, rows)) for rows in (at_best, at_10))
    assert f"the right image is {ahead} ahead: so" in PAGE
    ink, own = (spares("attention", "maps", source) for source in ("pixels", "teacher"))
    assert f"Ink in its place spares {ink}, the teacher's own {own}, both" in PAGE
    own, mates = (spares("distances", "last", s) for s in ("teacher", "class mates"))
    assert f"Distances of another image of the class spare {mates}, at" in PAGE
    assert f"not nothing, beside the teacher's {own}." in PAGE
    for source in ("pixels", "untrained"):
        mean, spread = mean_spread(gain(runs, "distances", "last", source))
        assert mean < spread, "of these nothing is left"


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
    said = f"1,000 labels alone it is {every} errors, with 100 labels {errors('labels')}. S"
    assert said in PAGE
    late, alike = errors("hint", "last"), errors("similarity", "last")
    assert f"brings these down to {alike}, a late hint to {late} (in" in PAGE
    slow, fast, own = (
        errors("labels", table=loud, **more)
        for more in (
            {"learning_rate": 0.01},
            {"learning_rate": 0.04},
            {"pictures": 100},
        )
    )
    assert f"At half the rate they make {slow}, at twice {fast}, in" in PAGE
    assert f"in batches of labelled images only {own}." in PAGE
    for arm in [("hint", "maps"), ("hint", "last"), ("similarity", "last")]:
        for source in ("untrained", "pixels"):
            if len(rows_of(runs, *arm, source, **FEW)):
                mean, spread = mean_spread(gain(runs, *arm, source, **FEW))
                assert mean < spread, "what knows nothing does not come near"
    ways = "hint", "attention", "flow", "gram"
    early, *nulls = (words(gain(runs, way, "maps", **FEW)) for way in ways)
    smooth = words(gain(runs, "smoothing 0.1", **FEW))
    assert f"The early hint helps here: it spares {early}." in PAGE
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


@pytest.mark.skipif(NO_MNIST, reason="MNIST is not there")
def test_ink_and_mean_map_are_as_far_from_the_teacher_as_is_said():
    judges, teacher = (
        sample(load_images("mnist", "test"), 500),
        load_teacher("mnist")[0],
    )
    with torch.no_grad():
        maps = features(teacher, scaled(judges["images"]))["maps"]
    own, ink = map(attention_map, (maps, F.avg_pool2d(scaled(judges["images"]), 4)))
    mean = F.normalize(own.mean(dim=0), dim=0)
    far = [(x - own).square().sum(dim=1).mean() for x in (ink, mean)]
    assert "The ink has {:.2f}, the mean map, which knows no image, {:.2f}.".format(
        *far
    ) in " ".join(PAGE.split())
