"""Retraining on release: what is drawn is what student_steps gives, and it can stop."""

import asyncio

import pytest

from kdlab import explorers_retrain
from kdlab.experiments import student_steps
from kdlab.explorers_retrain import (
    LABELS,
    SMOOTHING,
    TEACHER,
    retrain_explorer,
    twins_picture,
)
from kdlab.teachers import images_of, some_of, teacher_of
from kdlab.training import evaluate, last_of, predict

BLEND = {"temperature": 4.0, "soft_weight": 1.0}


@pytest.fixture(scope="module")
def sets():
    teacher = teacher_of("digits", "course", 0, 0)
    sets = some_of(images_of("digits", "train"), 300), dict(images_of("digits", "test"))
    for columns in sets:
        columns["teacher_logits"] = predict(teacher, columns["images"])
    return sets


@pytest.fixture
def trained(monkeypatch):
    """The settings of every student that is trained."""
    seen = []

    def steps(columns, **what):
        seen.append(what)
        return student_steps(columns, **what)

    monkeypatch.setattr(explorers_retrain, "student_steps", steps)
    return seen


def explorer(sets, **start):
    small = {"labels": 200, "width": 16, "epochs": 2}
    return retrain_explorer(*sets, seeds=2, **{**small, **start})


def test_the_dots_are_the_errors_of_twins_of_the_same_seeds(sets):
    panel = explorer(sets, temperature=4.0, smoothing=True)
    errors = asyncio.run(panel.finished())
    for arm, method in ((TEACHER, "teacher"), (LABELS, LABELS), (SMOOTHING, SMOOTHING)):
        for seed in (0, 1):
            student = last_of(
                student_steps(
                    some_of(sets[0], 200),
                    student="mlp-16",
                    method=method,
                    epochs=2,
                    seed=seed,
                    **BLEND,
                )
            )
            assert errors[arm][seed] == evaluate(student, sets[1])["errors"]


def test_what_needs_no_teacher_is_trained_once_for_all_temperatures(sets, trained):
    panel = explorer(sets)
    asyncio.run(panel.finished())
    assert [what["method"] for what in trained] == ["teacher", "labels"] * 2
    panel.controls["temperature"].value = 2.0
    asyncio.run(panel.finished())
    assert [what["method"] for what in trained[4:]] == ["teacher"] * 2
    assert {what["temperature"] for what in trained[4:]} == {2.0}
    panel.controls["label_noise"].value = 0.3  # that the twins hear, too
    asyncio.run(panel.finished())
    assert len(trained) == 10


def test_a_new_position_stops_the_training_under_way(sets, trained):
    panel = explorer(sets, epochs=60, labels=300)
    panel.controls["temperature"].value = 2.0
    panel.controls["epochs"].value = 2
    asyncio.run(panel.finished())
    assert [what["epochs"] for what in trained].count(60) <= 2
    assert panel.picture.state == "ended"


def test_all_images_there_are_can_be_chosen_and_no_more(sets):
    panel = explorer(sets)
    labels = panel.controls["labels"]
    assert labels.options[-1] == ("300 (all)", 300)
    with pytest.raises(Exception, match="Invalid"):
        labels.value = 301
    panel.stop()


def test_the_picture_pairs_the_seeds_and_says_so():
    errors = {TEACHER: [480, 470, 475], LABELS: [730, 720, 740], SMOOTHING: [600, 620]}
    figure, sentence = twins_picture(errors, 10_000, 5, BLEND)
    assert (
        figure.layout.title.text == "The teacher spares 255 ± 9 errors (3 of 5 seeds)"
    )
    assert "In 3 of 3 pairs the teacher helps: 255 on average" in sentence
    assert "Label smoothing spares 115." in sentence
    right = [t for t in figure.data if t.xaxis == "x2" and t.name == "one run"]
    assert right[0].x == (250, 250, 265, 130, 100)


def test_a_teacher_that_costs_errors_is_named_so_and_one_that_is_not_heard():
    errors = {TEACHER: [800, 790], LABELS: [730, 720]}
    blend = {"temperature": 4.0, "soft_weight": 0.0}
    figure, sentence = twins_picture(errors, 10_000, 2, blend)
    assert figure.layout.title.text == "The teacher costs 70 ± 0 errors"
    assert "T does nothing" in sentence


def test_a_difference_beyond_the_axis_is_drawn_at_its_edge():
    errors = {TEACHER: [500, 520], LABELS: [4000, 4100]}
    figure, sentence = twins_picture(errors, 10_000, 2, BLEND)
    right = next(t for t in figure.data if t.xaxis == "x2" and t.name == "one run")
    assert right.x == (800, 800) and figure.layout.xaxis2.range == (-800, 800)
    assert "3540 on average" in sentence
