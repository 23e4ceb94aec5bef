"""What the page says of its stored runs is what they hold."""

import math

import pytest

from kdlab.experiments import new_student
from kdlab.experiments.teachers import OTHERS
from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared
from kdlab.weights import load_teacher
from lessons.samples import prose

from . import (
    costs_of,
    hinton_rows,
)

PAGE = prose("05_teacher_and_student")


def gain(runs, query, twins="method == 'labels'"):
    """Mean and spread of the errors spared, of the runs of a query beside the twins."""
    return mean_spread(spared(runs.query(query), runs.query(twins)))


def at(runs, **values):
    """The runs with these values."""
    for name, value in values.items():
        runs = runs[runs[name] == value]
    return runs


def test_a_student_costs_half_of_the_parameters_and_far_less_time(digits):
    nets = {"teacher": load_teacher("mnist")[0], "student": new_student("mlp-128", 0)}
    table = costs_of(nets, digits[1]["images"])
    teacher, student = (table.loc[name] for name in nets)
    numbers = [int(row["parameters"].replace(",", "")) for row in (teacher, student)]
    assert "about half of the teacher's parameters" in PAGE
    assert 0.4 < numbers[1] / numbers[0] < 0.6 and teacher["kB"] == 828
    assert student["ms for 200"] < 0.25 * teacher["ms for 200"]
    assert 0 < student["ms for 1"] < student["ms for 200"]


def test_numbers_in_prose_on_labels():
    runs = load_runs("tuning").query("labels == 2000 and epochs == 15")
    alone = at(runs, student="mlp-128", method="labels")
    errors = alone.groupby("learning_rate")["test_errors"].mean()
    assert f"about 200 of {errors[0.001]:.0f} errors" in PAGE
    assert 190 < errors[0.001] - errors[0.01] < 210
    runs, shares = load_runs("label_counts"), {}
    for labels, some in runs.groupby("labels"):
        mean, spread = gain(some, "method == 'teacher'")
        shares[labels] = mean / at(some, method="labels")["test_errors"].mean()
        assert (abs(mean) < spread) == (labels == 100)
        assert mean > 2 * spread or labels < 300  # 'from a few hundred labels on'
    assert "about a third of the errors from 1,000 labels to 30,000" in PAGE
    assert all(0.29 < shares[n] < 0.36 for n in shares if 1000 <= n <= 30_000)
    assert (
        "still a fifth of its errors at 60,000" in PAGE and 0.18 < shares[60_000] < 0.22
    )
    assert 1000 <= max(shares, key=shares.get) <= 10_000
    mean, spread = gain(at(runs, labels=100), "method == 'smoothing 0.1'")
    assert "label smoothing does harm" in PAGE and mean < -2 * spread
    mean, spread = gain(at(runs, labels=60_000), "method == 'smoothing 0.1'")
    assert abs(mean) < spread  # 'spares nothing there', of the prediction


def test_numbers_in_prose_on_width_temperature_and_patience():
    runs = load_runs("crossing")
    gains = {
        (width, epochs, t): gain(
            at(runs, student=f"mlp-{width}", epochs=epochs), f"temperature == {t}"
        )[0]
        for width in (8, 32, 128, 512)
        for epochs in (8, 60)
        for t in (4, 8, 16, 32)
    }
    short, long = ([gains[w, n, 8] for w in (512, 128)] for n in (8, 60))
    said = (
        f"spares {short[0]:.0f} errors after eight epochs and {long[0]:.0f} after sixty"
    )
    assert f"{said} with 512 units, {short[1]:.0f} and {long[1]:.0f} with 128" in PAGE
    assert "eight epochs gain as much as sixty" in PAGE
    assert gains[32, 8, 8] > 0.9 * gains[32, 60, 8]
    assert "and for these it matters less which, once it is 4 or more" in PAGE
    hot = {w: [gains[w, 60, t] for t in (4, 8, 16, 32)] for w in (8, 512)}
    assert max(hot[512]) - min(hot[512]) < 60 < 0.2 * (max(hot[8]) - min(hot[8]))
    narrow = at(runs, student="mlp-8", epochs=60)
    assert "eight units at 60 epochs use the lowest that was tried" in PAGE
    assert narrow["learning_rate"].min() == load_runs("tuning")["learning_rate"].min()


@pytest.mark.parametrize("width", [512, 128])
def test_what_patience_adds_is_said_with_its_spread(width):
    gained = []
    for epochs in (8, 60):
        some = at(load_runs("crossing"), student=f"mlp-{width}", epochs=epochs)
        gained.append(spared(at(some, temperature=8), at(some, method="labels")))
    more = [long - short for short, long in zip(*gained, strict=True)]
    mean, spread = mean_spread(more)
    assert f"{mean:.0f} ± {spread:.0f}" in PAGE
    assert (mean > 2 * spread) == (width == 512)  # 'certain', 'only likely'


def test_with_one_rate_for_all_eight_epochs_seem_to_gain_next_to_nothing():
    runs = at(load_runs("tuning"), student="mlp-32", labels=2000)
    errors = runs.query("method == 'labels' or temperature == 8").pivot_table(
        "test_errors", ["epochs", "method"], "learning_rate"
    )
    short, long = (
        errors.loc[n].loc["labels"] - errors.loc[n].loc["teacher"] for n in (8, 60)
    )
    own = errors.loc[8].loc["labels"].min() - errors.loc[8].loc["teacher"].min()
    assert "worth next to nothing after eight epochs" in PAGE
    assert short[0.01] < 0.3 * long[0.01] and short[0.01] < 0.3 * own


def test_numbers_in_prose_on_teachers():
    recipes = [
        (OTHERS[name]["widths"], OTHERS[name]["epochs"]) for name in ("fair", "weak")
    ]
    assert recipes == [([64], 3), ([32], 2)]
    assert "64 units (three epochs on all 60,000 images) and of 32 (two epochs)" in PAGE
    runs = load_runs("fidelity").fillna({"temperature": 0})
    few, many = (at(runs, labels=n, epochs=15) for n in (2000, 20_000))
    fair, course = (
        gain(at(few, teacher=name), "temperature == 1", "temperature == 0")[0]
        for name in ("fair", "course")
    )
    assert (
        f"the fair one already spares {fair:.0f} errors, the course's {course:.0f}"
        in PAGE
    )
    hot = {
        name: at(few, temperature=8, teacher=name)
        for name in ("course", "fair", "weak")
    }
    mean, spread = mean_spread(spared(hot["weak"], hot["course"]))
    assert "even the one of 95 % about as much" in PAGE and abs(mean) < spread
    agreed = [
        100 * hot[name]["teacher_agreement"].mean() for name in ("course", "fair")
    ]
    said = f"on {agreed[0]:.0f} % of the images, those of the fair one on {agreed[1]:.0f} %"
    assert said in PAGE
    for name, level in (("fair", True), ("weak", False)):
        taught = at(many, teacher=name, temperature=8)
        gap = (taught["test_accuracy"] - taught["teacher_accuracy"]).mean()
        assert abs(gap) < 0.002  # 'it ends level with its teacher'
        mean, spread = gain(
            at(many, teacher=name), "temperature == 8", "temperature == 0"
        )
        assert abs(mean) < 2 * spread if level else mean < -2 * spread
    followed = (
        at(many, teacher="course").groupby("temperature")["agreement_on_errors"].mean()
    )
    assert "follow it in about half of the cases" in PAGE and 0.4 < followed[8] < 0.6
    assert followed[8] - followed[0] < 0.1  # 'and twins nearly as often'


def test_numbers_in_prose_on_what_the_teacher_had_seen():
    runs = load_runs("own_data")
    mean, spread = gain(runs, "teacher == 'same images' and temperature == 8")
    smooth, _ = gain(runs, "method == 'smoothing 0.1'")
    assert "spares is at best hardly more" in PAGE and 0 < mean - smooth < spread
    early = "teacher == 'same images, stopped early' and temperature == "
    cost = [gain(runs, early + str(t)) for t in (1, 4, 8)]
    ends = [f"{-pick(cost)[0]:.0f}" for pick in (max, min)]
    assert "{} to {} of them, with a spread of about 50".format(*ends) in PAGE
    assert all(40 < spread < 60 for _, spread in cost)
    mean, spread = gain(runs, "teacher == 'same images' and temperature == 1")
    assert abs(mean) < spread  # 'it says nothing but the labels', of the prediction


def test_numbers_in_prose_on_hintons():
    runs = load_runs("hinton")
    rows = hinton_rows(load_runs("hinton_teachers"), runs).values()
    (large, _), (alone, wide), (regular, _), (taught, narrow) = map(mean_spread, rows)
    assert "The large net and the small one alone come out as his did" in PAGE
    assert abs(large - 67) < math.sqrt(67) and abs(alone - 146) < wide
    assert "loses a third of its errors" in PAGE and 0.31 < 1 - taught / alone < 0.36
    assert taught > 74 + 2 * narrow and regular < taught
    assert f"{math.sqrt(67 + 74):.0f}" == "12" and r"\sqrt{67 + 74} \approx 12" in PAGE
    tuning = load_runs("hinton_tuning")
    short = tuning[tuning["epochs"] == 8].sort_values("test_errors")
    best = short.groupby("student").first()
    assert f"dropout of {best.loc['mlp-1200-1200', 'dropout']:g}" in PAGE
    rates = [best.loc[f"mlp-{n}", "learning_rate"] for n in ("800-800", "1200-1200")]
    assert f"{rates[0]:g} for the small net, {rates[1]:g} for the large one" in PAGE
    long = tuning[tuning["epochs"] == 40].sort_values("test_errors")
    long = long.groupby("method").first()["learning_rate"]
    assert long["teacher"] == rates[0] and long["labels"] == rates[1] / 2
