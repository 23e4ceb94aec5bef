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
from kdlab.explorers.pair import LABELS, TAUGHT, Watch
from kdlab.metrics import accuracy
from kdlab.results import load_runs, spared
from kdlab.training import evaluate, last_of
from lessons.samples import pictures, result, sentence

from . import (
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
