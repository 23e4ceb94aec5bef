"""What this lesson shows is what the runs say; its live pair is two students."""

import math
import time

import pytest
import torch
import torch.nn.functional as F

from kdlab import figures as fig
from kdlab.data import sample
from kdlab.experiments import HINTON as KEPT
from kdlab.experiments import new_student, setting, student_run, student_steps
from kdlab.experiments.teachers import OTHERS
from kdlab.figures import mean_spread
from kdlab.metrics import accuracy
from kdlab.results import load_runs, spared
from kdlab.training import evaluate, last_of
from kdlab.weights import load_teacher
from lessons.samples import pictures, prose, result, sentence

from . import (
    costs_of,
    crossing_explorer,
    fidelity_explorer,
    hinton_picture,
    hinton_rows,
    label_counts_explorer,
    own_data_explorer,
    pair_explorer,
    reliability_picture,
)
from .experiments import fidelity_run, hinton, hinton_teachers
from .pair import LABELS, TAUGHT, Watch
from .stored import HINTON


def explorers(columns, student_logits):
    """{name: function that makes the explorer}; all show stored runs of MNIST."""
    return {
        "label_counts": lambda: label_counts_explorer(load_runs("label_counts")),
        "crossing": lambda: crossing_explorer(load_runs("crossing")),
        "own_data": lambda: own_data_explorer(load_runs("own_data")),
        "fidelity": lambda: fidelity_explorer(load_runs("fidelity")),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    return {"pair": lambda: pair_explorer(train_set, test_set, epochs=4)}


def means(row):
    """{name: mean of its dots} of the first part of a picture of twins."""
    (marks,) = [t for t in row.figure.data if t.name == "mean"]
    return dict(zip(marks.text, marks.customdata, strict=True))


# --- stored runs ---------------------------------------------------------------------


def test_shares_of_errors_are_those_of_the_twins_with_as_many_labels():
    runs = load_runs("label_counts")
    for row in pictures(label_counts_explorer(runs)):
        some = runs[runs["labels"] == row.values["labels"]]
        twins, taught = (some[some["method"] == n] for n in ("labels", "teacher"))
        errors, gains = twins["test_errors"].mean(), spared(taught, twins)
        shares = [100 * gain / errors for gain in gains]
        assert means(row)["teacher"] == pytest.approx(sum(shares) / 5)
        assert f"On labels {errors:.0f} errors of 10,000" in row.sentence


def test_gains_over_temperature_are_those_of_the_table():
    runs = load_runs("crossing")
    some = runs[(runs["student"] == "mlp-8") & (runs["epochs"] == 60)]
    panel = crossing_explorer(runs)
    row = next(r for r in pictures(panel) if r.values == {"width": 8, "epochs": 60})
    errors = some.groupby(some["temperature"].fillna(0))["test_errors"].mean()
    of_row = means(row)
    assert list(of_row) == [f"T = {t}" for t in (1, 2, 4, 8, 16, 32)]
    assert of_row["T = 32"] == pytest.approx(errors[0] - errors[32])
    cells, frame = row.figure.data[-2:]
    assert cells.z[0] == pytest.approx([*of_row.values()])  # 8 units: the first row
    best = max(range(6), key=lambda i: cells.z[0][i])
    assert (frame.x[0], frame.y[0]) == (best - 0.5, -0.5)
    assert f"T = {2**best} for 8," in row.figure.layout.title.text


def test_a_teacher_of_the_same_images_is_compared_at_its_own_temperature():
    runs = load_runs("own_data")
    twins = runs[runs["method"] == "labels"]
    for row in pictures(own_data_explorer(runs)):
        is_own = (runs["teacher"] == "same images") & (runs["method"] == "teacher")
        own = runs[is_own & (runs["temperature"] == row.values["temperature"])]
        gains = spared(own, twins)
        found = means(row)
        assert found["the student's 2,000"] == pytest.approx(sum(gains) / 5)
        smoothed = spared(runs[runs["method"] == "smoothing 0.1"], twins)
        assert found["no teacher: smoothing 0.1"] == pytest.approx(sum(smoothed) / 5)


def test_fidelity_is_shown_for_the_teacher_and_the_training_that_are_chosen():
    runs = load_runs("fidelity")
    rows = pictures(fidelity_explorer(runs))
    assert len(rows) == 9
    last = rows[-1]  # a weak one, 20,000 images
    some = runs[(runs["teacher"] == "weak") & (runs["labels"] == 20_000)]
    hot, told = some[some["temperature"] == 8], some["teacher_accuracy"].iloc[0]
    assert list(last.figure.data[-1].x) == pytest.approx(100 * hot["test_accuracy"])
    assert list(last.figure.data[-1].y) == pytest.approx(100 * hot["teacher_agreement"])
    assert f"Teacher {100 * told:.1f} % right" in last.figure.layout.title.text
    assert f"{hot['teacher_kl'].mean():.3f}" in last.sentence


def test_hintons_table_has_three_teachers_and_five_students_of_each_kind():
    runs = load_runs("hinton_teachers"), load_runs("hinton")
    assert [len(errors) for errors in hinton_rows(*runs).values()] == [3, 5, 5, 5]
    figure, words = hinton_picture(*runs)
    diamonds = figure["data"][-1]
    own = str([t["marker"]["color"] for t in figure["data"] if "marker" in t])
    assert all(color in own for color in (fig.TEACHER, fig.LABELS, fig.STUDENT))
    assert list(diamonds["x"]) == [67, 146, 74]
    assert diamonds["error_x"]["array"][0] == pytest.approx(math.sqrt(67))
    assert list(HINTON)[-1] in words


def test_the_best_calibrated_model_is_named():
    labels = torch.arange(200) % 10
    sure = 9.0 * F.one_hot(labels.roll(1) * (labels > 4) + labels * (labels < 5), 10)
    fair = sure / 9 * math.log(9)  # half are right, and it says one half
    figure, words = reliability_picture({"sure": sure, "fair": fair}, labels)
    assert figure["layout"]["title"]["text"] == "Best calibrated: fair"
    assert "On 200 test images sure is" in words


# --- what the page says ----------------------------------------------------------------

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


# --- the experiments -----------------------------------------------------------------


def test_the_first_large_net_is_kept_and_teaches_all_of_hintons_students():
    kept = [hinton_teachers.keeps(run) for run in hinton_teachers.settings()]
    assert kept == [KEPT.name, None, None]
    assert {run["teacher"] for run in hinton.settings()} == {"hinton"}
    assert "hinton_teachers" in hinton.after


def test_a_row_of_fidelity_says_how_often_the_teacher_is_right(digits):
    size = {"dataset": "digits", "labels": 100, "epochs": 1, "student": "mlp-8"}
    wanted = setting("teacher", 8.0, **size)
    found, plain = fidelity_run(wanted), student_run(wanted)
    right = accuracy(digits[1]["teacher_logits"], digits[1]["labels"]).item()
    assert found.pop("teacher_accuracy") == pytest.approx(right, abs=1e-6)
    assert {**found, "train_seconds": 0} == {**plain, "train_seconds": 0}


# --- the pair ------------------------------------------------------------------------


def test_the_pair_is_two_students_from_the_same_weights(digits):
    small = {"labels": 200, "width": 16, "epochs": 2, "temperature": 4.0}
    twins = {}
    panel = pair_explorer(*digits, twins=twins, **small)
    errors = result(panel)
    told = {"epochs": 2, "student": "mlp-16", "learning_rate": 1e-2}
    for name, how in (
        (LABELS, {"method": "labels"}),
        (TAUGHT, {"temperature": 4.0, "soft_weight": 0.9}),
    ):
        alone = last_of(student_steps(sample(digits[0], 200), **told, **how))
        assert errors[name] == evaluate(alone, digits[1])["errors"]
        kept = twins[name].state_dict()
        assert all(torch.equal(v, kept[k]) for k, v in alone.state_dict().items())
    assert "After 2 of 2 epochs" in sentence(panel)


def test_a_pair_that_diverges_says_so_and_one_that_is_stopped_keeps_its_nets(digits):
    twins = {}
    panel = pair_explorer(*digits, twins=twins, epochs=2, learning_rate=10.0)
    assert result(panel) is None
    assert "diverges. Try a smaller learning rate." in sentence(panel)
    twins.clear()
    panel = pair_explorer(*digits, twins=twins, epochs=60)
    while "After 0 of" in sentence(panel):
        time.sleep(0.01)
    panel.stop()
    assert set(result(panel)) == set(twins) == {LABELS, TAUGHT}  # so far


def test_a_pair_can_pause_and_the_errors_stand_still(digits):
    panel = pair_explorer(*digits, epochs=60)
    while "After 0 of" in sentence(panel):
        time.sleep(0.01)
    panel.pause()
    time.sleep(0.2)
    before = sentence(panel)
    time.sleep(0.3)
    assert sentence(panel) == before and panel.picture.state == "paused"
    panel.stop()
    result(panel)


def test_losses_are_averaged_over_steps_and_one_that_is_not_used_has_no_curve(digits):
    twins = {name: new_student("mlp-8", seed=0) for name in (LABELS, TAUGHT)}
    seen = Watch(digits[1], 0, twins, every=2)
    for step, loss in enumerate((1.0, 3.0, 2.0, 4.0, 9.0), start=1):
        term = torch.tensor(loss)
        seen.note(step / 2, {"hard": term}, {"soft": 2 * term})
    alone, hard, soft = seen.losses.values()
    assert alone == [(1.0, 2.0), (2.0, 3.0)] and hard == []
    assert soft == [(1.0, 4.0), (2.0, 6.0)]
    with pytest.raises(FloatingPointError, match="grown from 3 to"):
        seen.note(3.0, {"hard": torch.tensor(torch.inf)}, {"soft": term})
