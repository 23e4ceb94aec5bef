"""What the page says of its stored runs is what they hold."""

import pytest
import torch

from kdlab.data import data_folder, load_images, sample
from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from lessons.samples import prose

from . import stored
from .experiments import NARROW, WIDE
from .mutants import RIGHT
from .ridge import NOISES, RIDGES, WEIGHTS, errs

PAGE = prose("12_how_it_goes_wrong")


def said(errors):
    """'1,897 ± 472', as the page says it."""
    mean, spread = mean_spread(errors)
    return f"{mean:,.0f} ± {spread:,.0f}"


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
        f"missing $T^2$ costs {said(half['no T²'])} errors, nearly two thirds" in PAGE
    )
    worth = said(half["teacher against itself"])
    assert f"*against itself* costs ({worth})" in PAGE
    assert f"*against itself* to {said(own['teacher against itself'])}." in PAGE
    share = (
        mean_spread(half["no T²"])[0] / mean_spread(half["teacher against itself"])[0]
    )
    assert 0.6 < share < 0.67
    one, other = said(half["T on one side"]), said(own["T on one side"])
    assert f"right code, {one} errors more" in PAGE and f"{other} are left" in PAGE
    one, other = said(half["cache not aligned"]), said(own["cache not aligned"])
    assert f"cache goes from {one} to {other}," in PAGE


def fewer(these, than):
    """How many errors fewer, seed by seed."""
    return [b - a for a, b in zip(these, than, strict=True)]


def test_numbers_on_wrong_labels():
    runs, cost = load_runs("wrong_labels"), {}
    for noise in (0.2, 0.4, 0.6):
        arms, over, weight = stored.wrongly_told(runs, noise)
        assert weight == {0.2: 0, 0.4: 0.5, 0.6: 0.8}[noise]
        cost[noise] = fewer(over[weight], over[1.25])
        means = {name: mean_spread(found)[0] for name, found in arms.items()}
        assert min(means, key=means.get) == "hard, smoothed 0.6"
        assert means["hard, smoothed 0.6"] < mean_spread(over[weight])[0]
    one, other = said(cost[0.2]), said(cost[0.4])
    assert f"{one} errors beside the best weight at 20 % wrong labels, {other}" in PAGE
    low, high = min(cost[0.6]), max(cost[0.6])
    assert low > 0 and f"in every seed ({low:,} to {high:,})" in PAGE
    arms, over, weight = stored.wrongly_told(runs, 0.4)
    for some in (0.5, 0.8, 1.0):  # what the explanation of the prediction says
        mean, spread = mean_spread(fewer(over[some], over[0.0]))
        assert abs(mean) < spread
    one, other = said(over[weight]), said(arms["labels"])
    assert f"{one} errors at the best weight, on labels alone {other}." in PAGE
    hard, smoothed = arms["hard answers"], arms["hard, smoothed 0.6"]
    gain, soft = fewer(smoothed, over[weight]), arms["soft, smoothed 0.6"]
    assert f"{said(smoothed)} errors, pair by pair {said(gain)} fewer than" in PAGE
    assert f"and {said(fewer(smoothed, soft))} fewer than soft answers" in PAGE
    assert f"Unsmoothed they make {said(hard)};" in PAGE
    few, *_ = stored.wrongly_told(runs, 0.2)
    one, other = said(few["smoothing 0.6"]), said(few["hard answers"])
    assert f"as well, {one} against {other}." in PAGE
    end = stored.best(runs.query("teacher == 'itself, to the end'"))
    ended = stored.by_value(end, "soft_weight", "test_errors")
    first, second, third = (said(ended[w]) for w in (0.8, 1.0, 1.5))
    assert f"{first} errors at 0.8, {second} at 1, {third} at 1.5." in PAGE
    alone = "method.str.startswith('labels') and teacher == 'itself, stopped early'"
    rates = stored.best(runs.query(alone)).groupby("method")["learning_rate"]
    assert rates.min().eq(0.001).all()


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


def test_numbers_on_smoothed_teachers():
    runs = load_runs("smoothed_teachers")
    kinds = {
        name: runs[runs["teacher"] == kind] for name, kind in stored.TEACHERS.items()
    }

    def at(name, heat):
        return kinds[name][kinds[name]["temperature"] == heat]

    def errors(name, heat):
        return said(stored.errors_of(at(name, heat)))

    plain, smooth, early = "plain", "smoothed 0.1", "plain, one epoch"
    less = said(spared(at(smooth, 1), at(plain, 1)))
    assert f"{errors(smooth, 1)} errors against {errors(plain, 1)}, pair by" in PAGE
    assert f"against {errors(plain, 1)}, pair by pair {less} fewer." in PAGE
    more = said(spared(at(plain, 8), at(smooth, 8)))
    one = f"{errors(smooth, 8)} against {errors(plain, 8)}, pair by pair {more} more."
    assert one in PAGE
    held = {
        n: k.groupby("temperature")["held_out_errors"].mean() for n, k in kinds.items()
    }
    assert held[plain].idxmin() == 8 and held[smooth].idxmin() == 2
    assert f"{errors(plain, 8).split()[0]} against {errors(smooth, 2)}. And" in PAGE
    own = {n: at(n, 1).sort_values("seed")["teacher_errors"].tolist() for n in kinds}
    more = said(fewer(own[smooth], own[plain]))
    assert f"errs {said(own[smooth])} times itself, the plain one {more} times" in PAGE
    assert f"one epoch {said(own[early])} times." in PAGE
    alone = stored.best(load_runs("gap").query("student == 'mlp-32'"))
    labels = said(stored.errors_of(alone, "method == 'labels'"))
    told = said(stored.errors_of(alone, "method == 'smoothing 0.1'"))
    assert f"make {labels} errors on labels, {told} with label smoothing." in PAGE
    for heat in (2, 4, 8, 16):
        assert mean_spread(spared(at(early, heat), at(smooth, heat)))[0] > 0


def test_numbers_on_the_gap_and_the_assistant():
    runs = stored.best(stored.best(load_runs("assistant")), "temperature")
    ways = {
        name: runs.query("teacher == @teacher and epochs == @epochs")
        for name, (teacher, epochs) in stored.WAYS.items()
    }
    assert all(sorted(some["seed"]) == [*range(20)] for some in ways.values())
    narrow, wide, narrow30, wide30, equal, more_steps = ways

    def errors(name):
        return said(stored.errors_of(ways[name]))

    def more(one, other):
        return [-n for n in spared(ways[one], ways[other])]

    gap, longer = more(wide, narrow), more(wide30, narrow30)
    text = f"{errors(wide)} errors taught by 800, {errors(narrow)} by 64, pair by pair"
    assert f"{text} {said(gap)} more" in PAGE
    assert f"With 30 epochs it is {said(longer)} more." in PAGE
    gains = more(wide30, equal), more(wide30, more_steps)
    for some in (gap, longer, *gains):
        assert abs(mean_spread(some)[0]) < mean_spread(some)[1]
    assert f"steps: {errors(equal)} errors with 15" in PAGE
    text = f"{errors(wide30)} with all 30 at the teacher of 800, pair by pair"
    assert f"{text} {said(gains[0])} fewer" in PAGE
    assert f"besides, {said(gains[1])} fewer." in PAGE


def test_numbers_on_the_map():
    cold = stored.gap_runs(load_runs("gap"), 2.0).query("student == 'mlp-8'")
    wide, narrow = (cold[cold["teacher"] == t] for t in (WIDE, NARROW))
    gap = [-n for n in spared(wide, narrow)]
    assert f"told a gap, {said(gap)} more." in PAGE
    assert mean_spread(gap)[0] > 2 * mean_spread(gap)[1]
