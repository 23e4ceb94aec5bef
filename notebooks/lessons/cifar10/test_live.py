"""The live pair: equal steps, whole epochs, and what is told of the whole test set."""

import threading
import time

import pytest
import torch
from torch import nn

from kdlab import figures as fig
from kdlab.data import sample
from kdlab.explorers.pair import LABELS, TAUGHT, Watch, pair_picture
from kdlab.speed import PLAIN
from kdlab.training import evaluate, last_of
from lessons.samples import result, sentence

from . import live
from .live import PICTURES, STEPS, colour_pair_explorer, controls_of
from .students import new_student, student_steps

CLASSES = ["cat", "dog", "truck"]
SMALL = {"labels": 6, "pictures": 48, "student": "mixer", "steps": 8, "way": PLAIN}


def colours(examples, seed=0):
    """So many noisy pictures of three classes, and a teacher that knows them."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(examples) % 3
    images = torch.randint(256, (examples, 3, 32, 32), generator=draw).byte()
    logits = 6 * torch.eye(3)[labels] + torch.randn(examples, 3, generator=draw)
    told = {"teacher_logits": logits, "mirrored_logits": logits.clone()}
    return {"images": images, "labels": labels, **told}


@pytest.fixture
def told(monkeypatch):
    """How each twin is trained, as it begins; the panel offers small numbers."""
    small = {"PICTURES": (6, 12, 24, 48), "STEPS": (8, 600), "BATCH_SIZE": 12}
    for name, value in {**small, "TESTS": 4, "JUDGES": 9}.items():
        monkeypatch.setattr(live, name, value)
    found, steps = [], live.student_steps

    def seen(columns, **how):
        first = {k: v.clone() for k, v in how["model"].state_dict().items()}
        found.append(how | {"columns": columns, "first": first, "steps": 0})
        own = found[-1]
        for step in steps(columns, **how):
            own["steps"] += 1
            yield step

    monkeypatch.setattr(live, "student_steps", seen)
    return found


def pair(**start):
    return colour_pair_explorer(colours(60), colours(30, 1), CLASSES, **SMALL | start)


@pytest.mark.parametrize("labels, student", [(6, "convnet"), (48, "mixer")])
def test_twins_begin_alike_take_equal_steps_and_see_the_same_labelled(
    told, labels, student
):
    result(pair(labels=labels, pictures=24, student=student))
    alone, taught = told
    assert alone["steps"] == taught["steps"] == 8
    few, many = alone["columns"]["images"], taught["columns"]["images"]
    assert (len(few), len(many)) == (labels, max(24, labels))
    assert torch.equal(few, many[:labels])
    assert all(torch.equal(v, taught["first"][k]) for k, v in alone["first"].items())


def test_the_taught_twin_is_the_student_that_no_label_reaches(told):
    twins = {}
    result(pair(twins=twins, temperature=2.0, learning_rate=5e-3))
    many = sample(colours(60), 48)
    many["labels"] = torch.zeros_like(many["labels"])
    how = {"temperature": 2.0, "learning_rate": 5e-3, "epochs": 2, "batch_size": 12}
    net = new_student("mixer", many, 0)
    alone = last_of(student_steps(many, model=net, **how)).state_dict()
    kept = twins[TAUGHT].state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in alone.items())


def test_a_teacher_that_is_given_is_asked_by_one_of_the_twins(told):
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3)).eval()
    result(pair(teacher=teacher))
    assert [how.get("teacher") for how in told] == [None, teacher]


def test_a_sample_judges_while_they_train_and_all_test_images_in_the_end(told):
    twins, test_set = {}, colours(30, 1)
    panel = pair(twins=twins)
    errors = result(panel)
    assert errors == {n: evaluate(t, test_set)["errors"] for n, t in twins.items()}
    assert [*errors] == [LABELS, TAUGHT]
    numbers = (
        f"{errors[LABELS]:,} errors on labels, {errors[TAUGHT]:,} with the teacher"
    )
    assert f"After 8 of 8 steps: {numbers}, of 30." in sentence(panel)
    assert "One saw 6 labels, one 48 answers of the teacher." in sentence(panel)


def test_stopped_it_gives_what_the_sample_tells(told):
    twins = {}
    panel = pair(twins=twins, steps=600)
    while "After" not in (says := sentence(panel)):
        time.sleep(0.01)
    panel.stop()
    assert "of 30, as 9 of them tell." in says and "steps: about" in says
    errors = result(panel)
    assert set(errors) == set(twins) == {LABELS, TAUGHT}
    assert {*errors.values()} <= {round(wrong / 9 * 30) for wrong in range(10)}


def test_the_first_picture_waits_for_nothing_and_a_net_is_measured_once(
    told, monkeypatch
):
    measured, go, test = [], threading.Event(), Watch.test

    def way_here(model, columns):
        measured.append(model)
        return PLAIN._replace(channels_last=True)

    def waits(seen, step):
        assert go.wait(60)
        test(seen, step)

    monkeypatch.setattr(live.lab, "way_here", way_here)
    monkeypatch.setattr(Watch, "test", waits)
    panel = pair(way=None)
    assert "no test errors yet" in sentence(panel) and not (told or measured)
    go.set()
    result(panel)
    panel.controls["labels"].value = 12
    result(panel)
    assert len(measured) == 1 and len(told) == 4
    assert all(how["way"].channels_last for how in told)


def test_all_that_is_offered_is_whole_epochs_of_what_exists():
    for steps in STEPS:
        assert all(n <= 100 or 100 * steps % n == 0 for n in PICTURES)
    for examples in (2, 60, 100, 8622, 50_000):
        controls, presets = controls_of(examples)
        for values in presets.values():
            for name, value in values.items():
                control = controls[name]
                assert value in dict(control.options).values(), (examples, name)
        counts = dict(controls["pictures"].options).values()
        assert max(counts) <= examples
        assert controls["labels"].value <= controls["pictures"].value
    assert "the same 5,000 pictures for both" in presets
    assert presets["few labels, many pictures"]["pictures"] == 10_000


def test_the_image_stands_beside_the_answers_if_it_is_wanted():
    test_set = colours(30)
    twins = {name: new_student("mixer", test_set, 0) for name in (LABELS, TAUGHT)}
    seen = Watch(test_set, 7, twins, 1, "step")
    plain, shows = (pair_picture(seen, CLASSES, 8, shows=s) for s in (False, True))
    (image,) = shows.figure["layout"]["images"]
    assert image["source"] == fig.image_address(test_set["images"][7])
    assert image["xref"] == "x" and not plain.figure["layout"]["images"]
