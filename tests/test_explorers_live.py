"""Explorers that train: their dots are runs of `student_steps`, and they can stop."""

import asyncio
import gzip
import json
import time

import pytest
import torch

from kdlab import (
    explorers_cell,
    explorers_omitted,
    explorers_pair,
    explorers_playground,
    explorers_similarity,
)
from kdlab.experiments import new_student, student_steps
from kdlab.explorers_pair import LABELS, TAUGHT, pair_explorer
from kdlab.explorers_playground import BLEND, plane_points, playground_explorer
from kdlab.omitted import only_classes
from kdlab.results import load_runs
from kdlab.teachers import images_of, some_of, teacher_of
from kdlab.training import evaluate, last_of, predict


@pytest.fixture(scope="module")
def sets():
    teacher = teacher_of("digits", "course", 0, 0)
    sets = some_of(images_of("digits", "train"), 300), dict(images_of("digits", "test"))
    for columns in sets:
        columns["teacher_logits"] = predict(teacher, columns["images"])
    return sets


def result(panel):
    return asyncio.run(panel.finished())


def sentence(panel):
    """What the panel says now."""
    while not panel.picture.now:
        time.sleep(0.01)
    return json.loads(gzip.decompress(panel.picture.now))["sentences"][0]


# --- the gain's table ----------------------------------------------------------------


def test_every_arm_of_the_gain_takes_its_stored_rate_and_temperature():
    stored = load_runs("gain")
    arms = {
        arm: (how, found) for arm, how, found in explorers_similarity.arms_of(stored)
    }
    assert len(arms) == 14 and all(len(found) == 20 for _, found in arms.values())
    assert arms["labels"][0]["method"] == "labels"
    assert arms["teacher, T = 4"][0]["temperature"] == 4
    own, whole = (
        arms[k][0] for k in (f"{explorers_similarity.OWN}, T = 8", "teacher, T = 8")
    )
    assert own == whole  # only the teacher differs
    rows = stored[stored["method"] == "class means"]
    assert (
        arms["class means, T = 8"][0]["learning_rate"] == rows["learning_rate"].iloc[0]
    )
    assert arms["class means, T = 8"][1] == rows["test_errors"].tolist()


def test_the_gain_is_trained_seed_by_seed_with_its_own_teacher(sets):
    stored = load_runs("gain")
    some = stored[stored["method"].isin(["labels", "teacher"])].copy()
    some["epochs"] = 2
    errors = result(explorers_similarity.gain_explorer(*sets, some, seeds=2))
    assert {len(found) for found in errors.values()} == {2}
    how = next(
        how for arm, how, _ in explorers_similarity.arms_of(some) if arm == "labels"
    )
    twin = last_of(student_steps(sets[0], seed=1, **how))
    assert errors["labels"][1] == evaluate(twin, sets[1])["errors"]
    own = errors[f"{explorers_similarity.OWN}, T = 8"]
    assert own != errors["teacher, T = 8"]  # also its first one has the other teacher


def test_the_gain_says_which_share_each_hint_has():
    errors = {"labels": [740, 760], "teacher, T = 8": [500, 520]}
    errors |= {"class means, T = 8": [630], "shuffled, T = 8": [9000]}
    words = explorers_similarity.gain_words(errors, 10_000)
    assert "labels 750, teacher 510" in words and "class means 50 %" in words
    assert "9,000 errors" in words
    figure, _ = explorers_similarity.gain_picture(errors, errors, 10_000, 5)
    assert max(figure.data[1].x) == pytest.approx(
        850
    )  # the far one is drawn at the edge


# --- the omitted digit ---------------------------------------------------------------


def test_students_never_see_the_omitted_digit_and_their_answers_are_kept(sets):
    train, test = sets
    panel = explorers_omitted.omitted_explorer(train, test, test, epochs=2)
    found = result(panel)
    assert found.unseen == [3] and set(found.answers) == set(explorers_omitted.ARMS)
    shown = only_classes(train, set(range(10)) - {3})
    options = {"method": "teacher", "temperature": 20.0, "epochs": 2}
    twin = last_of(student_steps(shown, **options))
    assert torch.equal(found.answers["teacher, T = 20"], predict(twin, test["images"]))
    assert "labels: 0 %" in sentence(panel)
    panel.controls["hidden"].index = 10
    assert sorted(set(range(10)) - set(result(panel).unseen)) == [7, 8]


def test_the_bias_of_held_out_images_has_the_fewest_errors_and_is_near_the_middle(sets):
    labels = torch.tensor([3, 3, 5])
    logits = torch.zeros(3, 10)
    logits[:, 5] = torch.tensor([1.05, 2.05, 9.0])
    found = explorers_omitted.Unseen([3], {"a": logits}, labels, {"a": logits}, labels)
    assert 2.05 < explorers_omitted.chosen_biases(found)["a"] < 9
    with pytest.raises(ValueError, match="train to its end"):
        explorers_omitted.bias_explorer(None)


def test_rows_of_stored_runs_are_named_by_what_was_left_out():
    words = explorers_omitted.hidden_words
    assert words(10_000, "mlp-128", 123456789) == "0 left out"
    assert words(10_000, "mlp-128", 23456789) == "1 left out"  # 023456789 as a number
    assert words(10_000, "mlp-128", 78) == "only 7, 8"
    assert words(50_000, "mlp-128", 12456789) == "3 left out of 50,000"
    assert words(50_000, "mlp-800-800", 78) == "only 7, 8 of 50,000, 2×800"


# --- the blend's cells ---------------------------------------------------------------


def test_a_cell_is_trained_only_when_asked_and_with_its_stored_settings(
    sets, monkeypatch
):
    seen = []

    def steps(columns, **how):
        seen.append(how)
        return student_steps(columns, **{**how, "epochs": 1})

    monkeypatch.setattr(explorers_cell, "student_steps", steps)
    runs = load_runs("blend")
    panel = explorers_cell.cell_explorer(runs, *sets)
    result(panel)
    panel.controls["temperature"].value = 4.0
    result(panel)
    assert seen == [] and "(live)" not in sentence(panel)
    panel._on_message(panel.picture, "start", [])
    live = result(panel)
    cell = runs[(runs["temperature"] == 4) & (runs["soft_weight"] == 0.9)]
    assert [how["seed"] for how in seen] == [0, 1, 2, 3, 4] and len(live) == 5
    assert {how["learning_rate"] for how in seen} == set(cell["learning_rate"])
    assert "(live)" in sentence(panel) and "not of MNIST" in sentence(panel)


def test_the_best_learning_rate_is_read_from_the_held_out_runs():
    figure, words = explorers_cell.rates_picture(load_runs("tuning"))
    assert "labels at 0.01" in words and "labels at 0.001" in words
    assert {trace.name for trace in figure.data} == {
        "labels",
        "smoothing 0.1",
        "teacher",
    }
    for name in ("x", "y"):  # no rate and no mean lies beyond the picture
        low, high = (10**end for end in figure.layout[f"{name}axis"].range)
        assert all(low < v < high for trace in figure.data for v in trace[name])


# --- the pair ------------------------------------------------------------------------


def test_the_pair_is_two_students_from_the_same_weights(sets):
    small = {"labels": 200, "width": 16, "epochs": 2, "temperature": 4.0}
    panel = pair_explorer(*sets, **small)
    errors = result(panel)
    told = {"epochs": 2, "student": "mlp-16", "learning_rate": 1e-2}
    for name, how in (
        (LABELS, {"method": "labels"}),
        (TAUGHT, {"temperature": 4.0, "soft_weight": 0.9}),
    ):
        twin = last_of(student_steps(some_of(sets[0], 200), **told, **how))
        assert errors[name] == evaluate(twin, sets[1])["errors"]
        kept = panel.twins[name].state_dict()
        assert all(torch.equal(v, kept[k]) for k, v in twin.state_dict().items())
    assert "After 2 of 2 epochs" in sentence(panel)


def test_a_pair_that_diverges_says_so_and_one_that_is_stopped_keeps_its_nets(sets):
    panel = pair_explorer(*sets, epochs=2, learning_rate=10.0)
    assert result(panel) is None
    assert "diverges. Try a smaller learning rate." in sentence(panel)
    panel.controls["learning_rate"].value = 1e-2
    panel.controls["epochs"].value = 60
    panel.twins.clear()
    time.sleep(0.3)
    panel.stop()
    assert result(panel) is None and set(panel.twins) == {LABELS, TAUGHT}


def test_a_pair_can_pause_and_the_errors_stand_still(sets):
    panel = pair_explorer(*sets, epochs=60)
    while "After 0 of" in sentence(panel):
        time.sleep(0.01)
    panel.pause()
    time.sleep(0.2)
    before = sentence(panel)
    time.sleep(0.3)
    assert sentence(panel) == before and panel.picture.state == "paused"
    panel.stop()
    result(panel)


def test_losses_are_averaged_over_steps_and_one_that_is_not_used_has_no_curve(sets):
    twins = {name: new_student("mlp-8", seed=0) for name in (LABELS, TAUGHT)}
    seen = explorers_pair.Watch(sets[1], 0, twins, every=2)
    for step, loss in enumerate((1.0, 3.0, 2.0, 4.0, 9.0), start=1):
        term = torch.tensor(loss)
        seen.note(step / 2, [{"hard": term}, {"soft": 2 * term}])
    alone, hard, soft = seen.losses.values()
    assert alone == [(1.0, 2.0), (2.0, 3.0)] and hard == []
    assert soft == [(1.0, 4.0), (2.0, 6.0)]
    with pytest.raises(FloatingPointError, match="grown from 3 to"):
        seen.note(3.0, [{"hard": torch.tensor(torch.inf)}, {"soft": term}])


# --- the playground ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["blobs", "moons", "spirals"])
def test_the_teacher_of_plenty_beats_few_labels(kind):
    right = result(playground_explorer(kind=kind))
    assert right["teacher"] > 0.9
    assert right["teacher"] >= right[explorers_playground.LABELS] - 0.01


def test_at_weight_0_students_are_the_same_and_with_wrong_labels_the_teacher_helps():
    right = result(playground_explorer(soft_weight=0.0))
    assert right[BLEND] == right[explorers_playground.LABELS]
    noisy = result(playground_explorer(kind="moons", labels=50, label_noise=0.3))
    assert noisy[BLEND] > noisy[explorers_playground.LABELS] + 0.05


def test_wrong_labels_that_leave_a_class_out_can_be_learnt():
    options = {"kind": "blobs", "labels": 5, "label_noise": 0.4}
    options["seed"] = 1
    few, _ = explorers_playground.samples(**options)
    assert few["labels"].unique().tolist() == [0, 2]
    few, _ = explorers_playground.samples(**options | {"seed": 9, "label_noise": 0.5})
    assert few["labels"].unique().tolist() == [0, 1]
    assert set(
        result(playground_explorer(**options | {"seed": 9, "label_noise": 0.5}))
    ) == {
        explorers_playground.LABELS,
        "teacher",
        BLEND,
    }


def test_a_new_position_trains_students_anew_but_no_teacher(monkeypatch):
    trained = []
    steps = explorers_playground.net_steps

    def counted(columns, widths, *rest, **options):
        trained.append(widths)
        return steps(columns, widths, *rest, **options)

    monkeypatch.setattr(explorers_playground, "net_steps", counted)
    panel = playground_explorer()
    result(panel)
    panel.controls["temperature"].value = 4.0
    result(panel)
    assert trained == [[64, 64], [16], [16], [16], [16]]
    assert "of 2,000 fresh points" in sentence(panel).lower()


def test_shades_are_the_classes_where_the_net_is_sure():
    points = plane_points("blobs", 300, seed=0)
    steps = explorers_playground.net_steps(
        points, [16], explorers_playground.blended_loss(1.0, 0.0), epochs=60,
        batch_size=100, learning_rate=0.03,
    )  # fmt: skip
    colors = explorers_playground.plane_colors(last_of(steps))
    top, left, right = colors[:, 2, 32], colors[:, -8, 4], colors[:, -8, -4]
    for place, shade in zip(
        (left, right, top), explorers_playground.SHADES, strict=True
    ):
        assert (place - shade).abs().max() < 0.15
