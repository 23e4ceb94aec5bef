"""What the page says of its stored runs is what they hold."""

import pytest
import torch

from kdlab.data import load_images, sample
from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from lessons.samples import NO_MNIST, pictures, prose, words

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
    runs, rows = load_runs("wrong_labels"), {}
    for noise in (0.2, 0.4, 0.6):
        arms, over, weight = stored.wrongly_told(runs, noise)
        assert weight == {0.2: 0, 0.4: 0.5, 0.6: 0.5}[noise]
        assert min(fewer(over[weight], over[1.25])) > 0, "in every seed"
        for some in (1.25, 1.5, 2.0):
            assert mean_spread(fewer(over[some], over[weight]))[0] < 0
        gain = fewer(arms["hard, smoothed 0.6"], over[weight])
        assert mean_spread(gain)[0] > 2 * mean_spread(gain)[1]
        means = {name: mean_spread(found)[0] for name, found in arms.items()}
        assert min(means, key=means.get) == "hard, smoothed 0.6"
        found = {f"*{name}*": fewer(some, over[0.0]) for name, some in arms.items()}
        found |= {"*the best weight*": fewer(over[weight], over[0.0])}
        found |= {"weight 1.25": fewer(over[1.25], over[0.0])}
        told = {name: words(some) for name, some in found.items()}
        told |= {"*labels*: all errors": words(arms["labels"])}
        told["*the best weight*"] += f" ({weight:g})"
        told |= {} if weight else {"*the best weight*": "0 (weight 0)"}
        for name, said in told.items():
            rows.setdefault(name, []).append(said)
    for name in rows.keys() - {"*labels*"}:
        assert f"| {name} | {' | '.join(rows[name])} |" in PAGE, rows
    stops = rows["*stopped early*"]
    assert all(abs(float(said.split()[0])) < 7 for said in stops), "hardly changes"
    assert f"at 40 % this teacher errs {words(itself(runs))} times, as pl" in PAGE
    adds = fewer(arms["hard, smoothed 0.6"], arms["hard answers"])
    assert f"to hard answers it adds only {words(adds)};" in PAGE
    arms, over, weight = stored.wrongly_told(runs, 0.4)
    for some in (0.5, 0.8, 1.0):  # what the explanation of the prediction says
        mean, spread = mean_spread(fewer(over[some], over[0.0]))
        assert abs(mean) < spread
    soft = words(fewer(arms["hard, smoothed 0.6"], arms["soft, smoothed 0.6"]))
    assert f"At 40 % soft answers, smoothed as much, make {soft} errors more." in PAGE


def itself(runs):
    """What the teacher that was stopped errs at 40 % wrong labels, seed by seed."""
    some = runs.query("label_noise == 0.4 and teacher == @stored.STOP")
    return some.groupby("seed")["teacher_errors"].first().tolist()


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
    most = some[(some["label_noise"] >= 0.4) & (some["temperature"] == 1)]
    alone = most["soft_weight"] == 1
    assert most[alone]["learning_rate"].eq(0.01).all()
    assert most[~alone]["learning_rate"].eq(0.0003).all()
    longer = stored.best(load_runs("assistant")).query("epochs == 30")
    assert longer["learning_rate"].eq(0.005).all()


@pytest.mark.skipif(NO_MNIST, reason="MNIST is not there")
def test_numbers_on_the_linear_student():
    sets = load_images("mnist", "train"), sample(load_images("mnist", "test"), 2000)
    found = torch.stack([errs(*sets, seed) for seed in range(5)], 1)
    chosen = found[..., ::2].sum(-1).double().mean(1)[NOISES.index(0.4)]
    none = WEIGHTS.index(0.0)
    best = [WEIGHTS[place] for place in chosen.argmin(1)]
    low = {ridge: best[row] for row, ridge in enumerate(RIDGES) if ridge <= 100}
    assert min(low.values()) > 1 and RIDGES[chosen[:, none].argmin()] == 300
    free = found[NOISES.index(0.0), ..., ::2].sum(-1).double().mean(0)
    assert WEIGHTS[free[RIDGES.index(3)].argmin()] == 2
    errors = found[..., 1::2].sum(-1)  # [noises, seeds, ridges, weights]
    at = errors[NOISES.index(0.0), :, RIDGES.index(3)].T.tolist()
    one, two = (at[WEIGHTS.index(weight)] for weight in (1.0, 2.0))
    assert f"weight 2 makes {words(fewer(two, one))} errors fewer than w" in PAGE
    at = errors[NOISES.index(0.0), :, RIDGES.index(10)].T.tolist()
    one, other = (at[WEIGHTS.index(weight)] for weight in (1.0, 1.5))
    assert 0 < mean_spread(fewer(other, one))[0] < 3, "hardly any"
    at = errors[NOISES.index(0.4), :, RIDGES.index(100)].T.tolist()
    one, other = (at[WEIGHTS.index(weight)] for weight in (1.0, 1.5))
    assert mean_spread(fewer(other, one))[0] < 0, "without gain"
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
    assert f"The CNN errs 59 times, the net of 64 units {errs['64']} times (" in PAGE
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
    assert f"five tell a gap between 64 and 800, {words(gap)} more" in PAGE
    five = stored.best(runs.query("student == 'mlp-8' and temperature == 2"))
    five = five[five["teacher"].isin([KINDS["64"], KINDS["800"]])]
    assert five["learning_rate"].eq(0.02).all()
    assert more(few[2.0], "800", "64") == at_rate(15, 2, 0.02)[:5], "the same five"
    twenty = words(at_rate(15, 2, 0.02))
    assert f"the same five and fifteen others have {twenty}." in PAGE
    hot, own = (words(more(few[heat], "800", "64")) for heat in (16.0, stored.OWN))
    text = (
        f"with 800, 8 units make {hot} errors more than with 64 at $T = 16$ for both,"
    )
    assert f"{text} {own} with each at its own." in PAGE


def at_rate(epochs, heat, rate):
    """Errors more with 800 than with 64 at this temperature and rate, twenty seeds."""
    where = "epochs == @epochs and temperature == @heat and learning_rate == @rate"
    here = load_runs("assistant").query(where)
    wide, narrow = (here[here["teacher"] == KINDS[name]] for name in ("800", "64"))
    return [-n for n in spared(wide, narrow)]


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

    def sure(pairs):
        return mean_spread(pairs)[1] / len(pairs) ** 0.5

    gap, longer = more(wide, narrow), more(wide30, narrow30)
    slower, faster = more(equal, wide30), more(wide30, more_steps)
    for said, name, pairs, than in (
        ("800 (15)", wide, gap, "more than by 64"),
        ("800 (30)", wide30, longer, "more than by 64"),
        ("800, then 64 (15 + 15)", equal, slower, "more than by 800 (30)"),
        ("800, then 64 (15 + 30)", more_steps, faster, "fewer than by 800 (30)"),
    ):
        row = f"| {said} | {errors(name)} | {words(pairs)} {than} | ± {sure(pairs):.0f}"
        assert f"{row} |" in PAGE, row
        assert abs(mean_spread(pairs)[0]) < mean_spread(pairs)[1]
    for said, name in (("64 (15)", narrow), ("64 (30)", narrow30)):
        assert f"| {said} | {errors(name)} | | |" in PAGE
    assert 2 < mean_spread(longer)[0] / sure(longer) < 3 and 26 < sure(gap)
    chosen = {name: [*some["learning_rate"].unique()] for name, some in ways.items()}
    assert chosen[narrow] == [0.01] and chosen[wide] == [0.02]
    assert (
        max(stored.errors_of(ways[narrow])) > 1400 < max(stored.errors_of(ways[wide]))
    )
    low = at_rate(15, 2, 0.005)
    assert f"both it is {words(low)}, known to ± {sure(low):.0f}. **Af" in PAGE
    chosen = {name: [*some["temperature"].unique()] for name, some in ways.items()}
    assert chosen[narrow30] == [2] and chosen[wide30] == [4]
    two, four = (words(at_rate(30, heat, 0.005)) for heat in (2, 4))
    assert f"At 2 for both it is {two}, at 4 for both, where 64 is w" in PAGE
    assert f"is worse, {four}." in PAGE
    hot = stored.best(load_runs("assistant")).query("epochs == 30 and temperature == 4")
    hot = hot[hot["teacher"] == KINDS["64"]]
    assert sum(hot["test_errors"]) > sum(stored.errors_of(ways[narrow30]))
    own = {name: ways[name].sort_values("seed") for name in (equal, narrow)}
    own = {name: words(some["teacher_errors"].tolist()) for name, some in own.items()}
    assert f"and errs {own[equal]} times; 64, from 50,000 labels, errs " in PAGE
    assert f"50,000 labels, errs {own[narrow]} times." in PAGE


def test_no_run_lies_beyond_the_pictures_of_wrong_labels():
    for row in pictures(stored.weight_explorer(load_runs("wrong_labels"))):
        figure = row.figure.to_dict()
        low, high = figure["layout"]["xaxis"]["range"]
        dots = [
            x
            for trace in figure["data"]
            if trace.get("mode") == "markers" and trace.get("xaxis", "x") == "x"
            for x in trace["x"]
        ]
        assert len(dots) >= 40 and 10**low < min(dots) and max(dots) < 10**high


def test_no_run_lies_beyond_the_picture_of_the_assistant():
    figure, says = stored.assistant_picture(load_runs("assistant"))
    least, most = figure["layout"]["xaxis"]["range"]
    dots = [x for t in figure["data"] if t["mode"] == "markers" for x in t["x"]]
    assert len(dots) >= 20 * len(stored.WAYS)
    assert least < min(dots) and max(dots) < most
