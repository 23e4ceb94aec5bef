"""What the page says of its stored runs is what they hold."""

import pytest
import torch

from kdlab.data import data_folder, load_images, sample
from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from lessons.samples import prose, words

from . import stored
from .experiments import MORE, TEACHERS
from .mutants import RIGHT
from .ridge import NOISES, RIDGES, WEIGHTS, errs

PAGE, KINDS = prose("12_how_it_goes_wrong"), TEACHERS | MORE


@pytest.fixture(scope="module")
def bugs():
    return load_runs("bugs")


def test_numbers_on_bugs(bugs):
    half, alone = (stored.damage(bugs, weight) for weight in (0.5, 1.0))
    some = stored.best(bugs[bugs["soft_weight"] == 0.5])
    kinds = {name: some[some["method"] == name] for name in half}
    own = {n: [-s for s in spared(k, kinds[RIGHT])] for n, k in kinds.items()}
    means = {name: mean_spread(more) for name, more in alone.items()}
    silent = [n for n, (mean, spread) in means.items() if abs(mean) < 2 * spread]
    assert silent == ["no T²", "mean over all elements", "KL arguments swapped"]
    assert (
        f"missing $T^2$ costs {words(half['no T²'])} errors, nearly two thirds" in PAGE
    )
    worth = words(half["teacher against itself"])
    assert f"*against itself* costs ({worth})" in PAGE
    assert f"*against itself* to {words(own['teacher against itself'])}." in PAGE
    share = (
        mean_spread(half["no T²"])[0] / mean_spread(half["teacher against itself"])[0]
    )
    assert 0.6 < share < 0.67
    one, other = words(half["T on one side"]), words(own["T on one side"])
    assert f"right code, {one} errors more" in PAGE and f"{other} are left" in PAGE
    one, other = words(half["cache not aligned"]), words(own["cache not aligned"])
    assert f"cache goes from {one} to {other}," in PAGE


def fewer(these, than):
    """How many errors fewer, seed by seed."""
    return [b - a for a, b in zip(these, than, strict=True)]


def test_numbers_on_wrong_labels():
    runs, cost, gain = load_runs("wrong_labels"), {}, {}
    for noise in (0.2, 0.4, 0.6):
        arms, over, weight = stored.wrongly_told(runs, noise)
        assert weight == {0.2: 0, 0.4: 0.5, 0.6: 0.5}[noise]
        cost[noise] = fewer(over[weight], over[1.25])
        assert min(cost[noise]) > 0, "in every seed"
        gain[noise] = fewer(arms["hard, smoothed 0.6"], over[weight])
        assert mean_spread(gain[noise])[0] > 2 * mean_spread(gain[noise])[1]
        means = {name: mean_spread(found)[0] for name, found in arms.items()}
        assert min(means, key=means.get) == "hard, smoothed 0.6"
    few, half, most = map(words, cost.values())
    assert f"{few} at 20 % wrong labels, {half} at 40 %, {most} at 60 %." in PAGE
    few, half, most = map(words, gain.values())
    assert f"pair by pair {half} fewer than at the best weight; at 20 % {few} f" in PAGE
    assert f"fewer, at 60 % {most}." in PAGE
    arms, over, weight = stored.wrongly_told(runs, 0.4)
    for some in (0.5, 0.8, 1.0):  # what the explanation of the prediction says
        mean, spread = mean_spread(fewer(over[some], over[0.0]))
        assert abs(mean) < spread
    one, other = words(over[weight]), words(arms["labels"])
    less = words(fewer(over[weight], over[0.0]))
    text = (
        f"{one} errors at the best weight, on labels alone {other}, pair by pair {less}"
    )
    assert text in PAGE
    hard, smoothed = arms["hard answers"], arms["hard, smoothed 0.6"]
    assert f"at 40 % {words(smoothed)} errors, pair by" in PAGE
    assert f"Unsmoothed they spare {words(fewer(hard, over[weight]))} at 40 %" in PAGE
    soft, longer = (
        words(fewer(smoothed, arms[name]))
        for name in ("soft, smoothed 0.6", "labels, 30 epochs")
    )
    assert f"make {soft} errors more than hard ones" in PAGE
    assert f"30 epochs of labels {longer} more." in PAGE


def test_numbers_on_who_was_not_stopped_and_on_temperatures():
    runs = load_runs("wrong_labels")
    end = stored.best(runs.query("teacher == 'itself, to the end'"))
    ended = stored.by_value(end, "soft_weight", "test_errors")
    first, second, third = (words(ended[w]) for w in (0.8, 1.0, 1.5))
    assert f"{first} errors at 0.8, {second} at 1, {third} at 1.5." in PAGE
    stopped = "method == 'teacher' and teacher == 'itself, stopped early'"
    some = stored.best(runs.query(stopped))
    held = some.groupby(["label_noise", "soft_weight", "temperature"])
    held = held["held_out_errors"].mean().unstack()
    assert (held[1.0] < held[4.0]).all()
    most = stored.best(runs.query("label_noise == 0.6"))
    alone = most["soft_weight"] == 1
    assert most[alone]["learning_rate"].eq(0.01).mean() > 0.6  # but one of three
    assert most[~alone]["learning_rate"].eq(0.0003).mean() > 0.6


@pytest.mark.skipif(not (data_folder() / "MNIST").exists(), reason="no MNIST")
def test_numbers_on_the_linear_student():
    sets = load_images("mnist", "train"), sample(load_images("mnist", "test"), 2000)
    found = torch.stack([errs(*sets, seed) for seed in range(5)], 1)
    chosen = found[..., ::2].sum(-1).double().mean(1)[NOISES.index(0.4)]
    none = WEIGHTS.index(0.0)
    best = [WEIGHTS[place] for place in chosen.argmin(1)]
    low = {ridge: best[row] for row, ridge in enumerate(RIDGES) if ridge <= 30}
    assert min(low.values()) > 1 and RIDGES[chosen[:, none].argmin()] == 300
    free = found[NOISES.index(0.0), ..., ::2].sum(-1).double().mean(0)
    assert WEIGHTS[free[RIDGES.index(10)].argmin()] > 1
    over = found[NOISES.index(0.4), ..., ::2].sum(-1).double().mean(0)
    assert WEIGHTS[over[RIDGES.index(1000)].argmin()] < 0
    assert chosen.min(1).values[RIDGES.index(300)] > 0.97 * chosen[:, none].min()


def test_numbers_on_the_map():
    runs = load_runs("gap")
    heats = (*stored.TEMPERATURES, stored.OWN)
    small, few = (
        {heat: stored.by_teacher(runs, student, heat) for heat in heats}
        for student in ("mlp-32", "mlp-8")
    )

    def more(at, one, other):
        return [-n for n in fewer(at[one], at[other])]

    cold, hot, own = (small[heat] for heat in (1.0, 8.0, stored.OWN))
    smooth, plain = words(cold["256 smooth"]), words(cold["256"])
    less = words(more(cold, "256", "256 smooth"))
    assert f"{smooth} errors of 10,000 against {plain}, pair by pair {less} few" in PAGE
    smooth, plain = words(hot["256 smooth"]), words(hot["256"])
    worse = words(more(hot, "256 smooth", "256"))
    assert f"{smooth} against {plain}, pair by pair {worse} more." in PAGE
    assert f"slogan holds, {words(more(own, '256 smooth', '256'))} more" in PAGE
    errs = {name: words(teacher_errors(runs, kind)) for name, kind in KINDS.items()}
    assert f"{errs['256 smooth']} times against {errs['256']}." in PAGE
    assert f"The CNN errs 59 times, the net of 64 units {errs['64']} times" in PAGE
    assert f"make {words(more(own, 'CNN', '64'))} errors more" in PAGE
    apart = [more(small[heat], "CNN", "64") for heat in stored.TEMPERATURES]
    least = min(apart, key=lambda some: mean_spread(some)[0])
    assert f"at every common one at least {words(least)}." in PAGE
    assert mean_spread(least)[0] > 3 * mean_spread(least)[1]
    early = words(more(few[stored.OWN], "800", "256 early"))
    assert f"than 800 does, {early} errors fewer" in PAGE
    assert f"{words(more(own, '256 early', '800'))} more. And mind" in PAGE
    gap = more(few[2.0], "800", "64")
    assert f"between 64 and 800, {words(gap)} more" in PAGE
    assert mean_spread(gap)[0] > 2 * mean_spread(gap)[1]
    cold = stored.best(load_runs("assistant")).query(
        "epochs == 15 and temperature == 2"
    )
    wide, narrow = (cold[cold["teacher"] == KINDS[name]] for name in ("800", "64"))
    assert f"where twenty have {words(spared(narrow, wide))}." in PAGE


def teacher_errors(runs, kind):
    """What a teacher errs itself, a number a seed."""
    some = runs[(runs["teacher"] == kind) & (runs["method"] == "teacher")]
    return some.groupby("seed")["teacher_errors"].first().tolist()


def test_numbers_on_the_gap_and_the_assistant():
    runs = stored.best(stored.best(load_runs("assistant")), "temperature")
    ways = {
        name: runs.query("teacher == @teacher and epochs == @epochs")
        for name, (teacher, epochs) in stored.WAYS.items()
    }
    assert all(sorted(some["seed"]) == [*range(20)] for some in ways.values())
    narrow, wide, narrow30, wide30, equal, more_steps = ways

    def errors(name):
        return words(stored.errors_of(ways[name]))

    def more(one, other):
        return [-n for n in spared(ways[one], ways[other])]

    gap, longer = more(wide, narrow), more(wide30, narrow30)
    text = f"{errors(wide)} errors taught by 800, {errors(narrow)} by 64, pair by pair"
    assert f"{text} {words(gap)} more" in PAGE
    sure = mean_spread(longer)[1] / 20**0.5
    first = mean_spread(gap)[1] / 20**0.5
    assert (
        f"{words(gap)} more, and the mean of twenty pairs is known to ± {first:.0f}."
        in PAGE
    )
    assert f"a small one**: {words(longer)} more, known to ± {sure:.0f}." in PAGE
    assert 2 < mean_spread(longer)[0] / sure < 3
    gains = more(wide30, equal), more(wide30, more_steps)
    for some in (gap, longer, *gains):
        assert abs(mean_spread(some)[0]) < mean_spread(some)[1]
    assert f"steps: {errors(equal)} errors with 15" in PAGE
    text = f"{errors(wide30)} with 30 epochs at the teacher of 800, pair by pair"
    assert f"{text} {words([-n for n in gains[0]])} more" in PAGE
    assert f"besides, {words(gains[1])} fewer." in PAGE


def test_no_run_lies_beyond_the_picture_of_the_assistant():
    figure, says = stored.assistant_picture(load_runs("assistant"))
    least, most = figure["layout"]["xaxis"]["range"]
    dots = [x for t in figure["data"] if t["mode"] == "markers" for x in t["x"]]
    assert len(dots) >= 20 * len(stored.WAYS)
    assert least < min(dots) and max(dots) < most
