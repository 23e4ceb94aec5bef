"""Retraining on release: what is drawn is what student_steps gives, and it can stop."""

import asyncio

import pytest

from kdlab.data import load_images, sample
from kdlab.experiments import best_rates, nearest_rate, student_steps
from kdlab.explorers import twins
from kdlab.explorers.twins import (
    ALONE,
    SMOOTHING,
    TAUGHT,
    in_turns,
    retrain_explorer,
    twins_picture,
)
from kdlab.training import evaluate, last_of, predict
from kdlab.weights import load_teacher
from lessons.samples import sentence


@pytest.fixture(scope="module")
def sets():
    """Training (300) and test images of the digits, with the teacher's answers."""
    teacher, _ = load_teacher("digits")
    sets = sample(load_images("digits", "train"), 300), load_images("digits", "test")
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

    monkeypatch.setattr(twins, "student_steps", steps)
    return seen


def explorer(sets, **start):
    small = {"labels": 200, "width": 16, "epochs": 2}
    return retrain_explorer(*sets, seeds=2, **{**small, **start})


def test_arms_take_turns_seed_by_seed_and_each_is_drawn_once_it_is_there():
    def train(arm, seed):
        yield "a place to stop"
        return f"{arm}{seed}"

    steps, drawn = in_turns("ab", 2, train, lambda found: str(found)), []
    with pytest.raises(StopIteration) as end:
        while True:
            step = next(steps)
            drawn += [step()] if callable(step) else []
    assert end.value.value == {"a": ["a0", "a1"], "b": ["b0", "b1"]}
    assert drawn[0] == "{'a': [], 'b': []}" and drawn[2] == "{'a': ['a0'], 'b': ['b0']}"
    assert len(drawn) == 5 and drawn[-1] == str(end.value.value)


def test_the_dots_are_the_errors_of_twins_of_the_same_seeds(sets):
    panel = explorer(sets, temperature=4.0, smoothing=True)
    errors = asyncio.run(panel.finished())
    how = {"student": "mlp-16", "epochs": 2, "temperature": 4.0, "soft_weight": 1.0}
    for arm, method in ((TAUGHT, "teacher"), (ALONE, ALONE), (SMOOTHING, SMOOTHING)):
        near = nearest_rate(best_rates(), {"labels": 200, "method": method, **how})
        for seed in (0, 1):
            told = {**how, "method": method, "seed": seed, "learning_rate": near}
            steps = student_steps(sample(sets[0], 200), **told)
            assert errors[arm][seed] == evaluate(last_of(steps), sets[1])["errors"]


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


def test_each_arm_learns_at_the_rate_that_was_tuned_or_all_at_one(sets, trained):
    panel = retrain_explorer(*sets, seeds=1, labels=200, width=32, epochs=8)
    asyncio.run(panel.finished())
    assert [what["learning_rate"] for what in trained] == [0.04, 0.02]  # 32 units
    assert "Learning rates: with the teacher 0.04, labels 0.02." in sentence(panel)
    panel.controls["one_rate"].value = True
    asyncio.run(panel.finished())
    assert [what["learning_rate"] for what in trained[2:]] == [0.01, 0.01]
    assert "Learning rate: 0.01 for all." in sentence(panel)


def test_the_teacher_has_no_say_at_weight_0(sets):
    panel = explorer(sets, soft_weight=0.0)
    asyncio.run(panel.finished())
    assert "T does nothing" in sentence(panel)


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


def dots_on_the_right(figure):
    """The differences of twins that are drawn."""
    traces = (t for t in figure["data"] if t["xaxis"] == "x2")
    (dots,) = (t for t in traces if t["name"] == "one run")
    return dots["x"]


def test_the_picture_pairs_the_seeds_and_says_so():
    errors = {TAUGHT: [480, 470, 475], ALONE: [730, 720, 740], SMOOTHING: [600, 620]}
    figure, sentence = twins_picture(10_000, 5, "At 0.01.", errors)
    title = figure["layout"]["title"]["text"]
    assert title == "The teacher spares 255 ± 9 errors (3 of 5 seeds)"
    assert "In 3 of 3 pairs the teacher helps: 255 on average" in sentence
    assert "Label smoothing spares 115." in sentence
    assert dots_on_the_right(figure) == [250, 250, 265, 130, 100]


def test_a_teacher_that_costs_errors_is_named_so():
    errors = {TAUGHT: [800, 790], ALONE: [730, 720]}
    figure, sentence = twins_picture(10_000, 2, "At 0.01.", errors)
    title = figure["layout"]["title"]["text"]
    assert title == "The teacher costs 70 ± 0 errors"
    assert sentence.endswith("At 0.01.")


def test_a_difference_beyond_the_axis_is_drawn_at_its_edge():
    errors = {TAUGHT: [500, 520], ALONE: [4000, 4100]}
    figure, sentence = twins_picture(10_000, 2, "At 0.01.", errors)
    assert dots_on_the_right(figure) == [800, 800]
    assert figure["layout"]["xaxis2"]["range"] == [-800, 800]
    assert "3540 on average" in sentence
