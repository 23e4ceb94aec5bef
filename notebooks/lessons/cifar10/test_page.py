"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab import experiments as lab
from kdlab.data import load_images
from kdlab.figures import mean_spread
from kdlab.hints import class_means
from kdlab.metrics import effective_classes, soften
from kdlab.results import load_runs, spared
from lessons.samples import prose

from . import all_runs
from .experiments import RATES
from .stored import gains_by_class
from .students import SAME

PAGE = prose("06_cifar10")


@pytest.fixture(scope="module")
def runs():
    return all_runs()


def pairs(runs, training, query, student="convnet"):
    """Errors spared, of the runs of a query beside the twins on labels; their errors."""
    some = runs[(runs["training"] == training) & (runs["student"] == student)]
    alone = some[some["method"] == "labels"]
    return spared(some.query(query), alone), alone["test_errors"].mean()


def said(gains, digits=0):
    """'328 ± 80', as the page says it."""
    mean, spread = mean_spread(gains)
    return f"{mean:,.{digits}f} ± {spread:.{digits}f}"


def between(runs, training, one, other, student="convnet"):
    """Errors that the runs of one query have fewer than those of another."""
    some = runs[(runs["training"] == training) & (runs["student"] == student)]
    return spared(some.query(one), some.query(other))


def told(teacher="unsmoothed", heat=4, views="fixed views"):
    """The query of a way to teach."""
    how = f"method == 'teacher' and views == '{views}' and teacher == "
    return f"{how}'{teacher}' and temperature == {heat}"


FEW, NAMED = "5,000 labels", "1,000 labels, the teacher names 10,000 pictures"


def test_numbers_in_prose_on_teachers():
    found = load_runs("colour_teachers").query("dataset == 'cifar10'")
    first = found[found["seed"] == 0].set_index("name")["test_accuracy"]
    assert f"right on {100 * first['unsmoothed']:.1f} % of the test pictures" in PAGE
    assert f"and is right on {100 * first['course']:.1f} %" in PAGE
    errors = found.groupby("name")["test_errors"].apply(list)
    both = f"{said(errors['unsmoothed'])} and {said(errors['course'])} errors of 10,000"
    assert f"the two kinds make {both}" in PAGE
    labels = load_images("cifar10", "train")["labels"]
    sure = lab.told_by("unsmoothed", "cifar10")["train"].argmax(1) == labels
    assert f"right on {100 * sure.double().mean():.1f} % of them" in PAGE


def test_numbers_in_prose_on_what_is_a_pictures_own():
    labels = load_images("cifar10", "train")["labels"]
    plain, smoothed = (
        lab.told_by(name, "cifar10")["train"] for name in ("unsmoothed", "course")
    )

    def own(logits, heat):
        probs = soften(logits, heat)
        return (probs - class_means(probs, labels)).square().sum(1).mean().item()

    assert "from about the same at $T = 1$ to forty times less at 4" in PAGE
    assert 0.5 < own(plain, 1.0) / own(smoothed, 1.0) < 2
    assert 35 < own(plain, 4.0) / own(smoothed, 4.0) < 45
    open_to = [effective_classes(soften(z, 4.0)).mean() for z in (plain, smoothed)]
    assert (
        "opens the one to {:.1f} classes and the other to {:.1f}".format(*open_to)
        in PAGE
    )
    hot = [
        effective_classes(soften(*z)).mean() for z in ((plain, 8.0), (smoothed, 3.0))
    ]
    assert (
        abs(hot[0] - hot[1]) < 0.2
        and "At $T = 8$ for the one and 3 for the other both are equally open" in PAGE
    )
    assert 3 < own(plain, 8.0) / own(smoothed, 3.0) < 5


def test_numbers_in_prose_on_five_thousand_labels(runs):
    gains, errors = pairs(runs, FEW, told())
    assert f"{said(gains)} of {errors:,.0f} errors at $T = 4$" in PAGE
    assert "an eighth of its errors" in PAGE and 0.115 < sum(gains) / 5 / errors < 0.135
    smoothed, _ = pairs(runs, FEW, told("course"))
    assert f"the other {said(smoothed)}**" in PAGE and "a third of that" in PAGE
    assert 0.28 < sum(smoothed) / sum(gains) < 0.38
    apart = between(runs, FEW, told(), told("course"))
    assert f"seed by seed they are {said(apart)} apart" in PAGE
    alone, _ = pairs(runs, FEW, "method == 'smoothing 0.1'")
    assert f"Label smoothing, which needs no teacher, spares {said(alone)}" in PAGE
    cold = [pairs(runs, FEW, told(name, 1))[0] for name in ("unsmoothed", "course")]
    assert "{} and {}.".format(*map(said, cold)) in PAGE


def test_numbers_in_prose_on_a_thousand_labels(runs):
    hot, errors = pairs(runs, NAMED, told())
    cold, _ = pairs(runs, NAMED, told(heat=1))
    assert f"already spares {said(cold)} of the {said(hot)} errors" in PAGE
    assert (
        "In the stored runs half of the errors are gone" in PAGE
        and 0.43 < sum(hot) / 5 / errors < 0.57
    )
    assert "two fifths of the errors" in PAGE and 0.37 < sum(cold) / 5 / errors < 0.43
    more = [between(runs, t, told(), told(heat=1)) for t in (NAMED, FEW)]
    ends = "What softness adds, {} seed by seed, is about as much as it adds with 5,000 labels, {}."
    assert ends.format(*map(said, more)) in PAGE


def test_numbers_in_prose_on_crops(runs):
    found = {
        training: between(runs, training, told(views=SAME), told())
        for training in (
            FEW,
            "5,000 labels, three times as long",
            "50,000 labels, ten epochs",
        )
    }
    short, long, all_of = found.values()
    assert f"it makes no difference, {said(short)} errors" in PAGE
    assert f"the same crop spares {said(long)} more" in PAGE and min(long) > 0
    assert (
        f"all 50,000 labels {said(all_of)}, again in each" in PAGE and min(all_of) > 0
    )
    seconds = runs[runs["training"] == "5,000 labels, three times as long"]
    seconds = seconds.query("teacher == 'unsmoothed'").groupby("views")["train_seconds"]
    assert "one and a half times the length" in PAGE
    assert 1.3 < seconds.median()[SAME] / seconds.median()["fixed views"] < 1.7


def test_numbers_in_prose_on_the_mixer(runs):
    gains, errors = pairs(runs, FEW, told(), "mixer")
    mean, spread = mean_spread(gains)
    assert (
        f"takes nothing: {errors:,.0f} errors on labels" in PAGE and abs(mean) < spread
    )
    gains, errors = pairs(runs, NAMED, told(), "mixer")
    mean, _ = mean_spread(gains)
    assert f"it is spared {mean:,.0f} of {errors:,.0f} errors, a fifth" in PAGE
    assert 0.17 < mean / errors < 0.23
    (rate,) = runs[runs["student"] == "mixer"]["learning_rate"].unique()
    assert (
        rate == min(RATES["mixer"]) and f"learning rate, {rate}, is the lowest" in PAGE
    )


def test_numbers_in_prose_on_all_labels(runs):
    for training in ("50,000 labels, ten epochs", "50,000 labels, forty epochs"):
        gains, errors = pairs(runs, training, told())
        assert f"{said(gains)} of {errors:,.0f}" in PAGE
    short, long = (
        gains_by_class(runs)[training]
        for training in ("50,000 labels, ten epochs", "50,000 labels, forty epochs")
    )
    bird = [said([-gain for gain in some["bird"]]) for some in (short, long)]
    assert "*adds* {} %, and {} % in the long training".format(*bird) in PAGE
    for name in ("truck", "dog"):
        for some in (short, long):
            mean, spread = mean_spread(some[name])
            assert mean > 2 * spread


def test_what_is_said_of_calibration_and_agreement(runs):
    for training, worse in {
        "50,000 labels, ten epochs": True,
        "50,000 labels, forty epochs": False,
        FEW: True,
        "5,000 labels, three times as long": False,
    }.items():
        some = runs[(runs["training"] == training) & (runs["student"] == "convnet")]
        twins, taught = some.query("method == 'labels'"), some.query(told())
        gap = "test_calibration_error"
        assert (taught[gap].mean() > twins[gap].mean()) == worse
        more = [
            taught[m].mean() - twins[m].mean()
            for m in ("teacher_agreement", "test_accuracy")
        ]
        assert 0 < more[1] < more[0]
