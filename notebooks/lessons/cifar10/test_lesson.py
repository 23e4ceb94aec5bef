"""What this lesson shows is what its teachers said, and what the runs say."""

import pytest
import torch
from torch.testing import assert_close

from kdlab import experiments as lab
from kdlab import figures as fig
from kdlab.data import count, load_images, sample
from kdlab.experiments.sweep import key_of
from kdlab.metrics import effective_classes, soften
from kdlab.results import spared
from kdlab.training import last_of, predict
from kdlab.weights import load_model
from lessons.samples import pictures

from . import (
    all_runs,
    classes_explorer,
    colour_pair_explorer,
    students,
    teachers_explorer,
    two_teachers_explorer,
    views_explorer,
)
from .experiments import LONG, by_labels, by_views
from .stored import TRAININGS
from .students import SAME, new_student, student_steps, told_set


def explorers(columns, student_logits):
    """{name: function that makes the explorer}; but for the first, stored runs."""
    runs = all_runs()
    return {
        "two_teachers": lambda: two_teachers_explorer(columns, student_logits),
        "teachers": lambda: teachers_explorer(runs),
        "views": lambda: views_explorer(runs),
        "classes": lambda: classes_explorer(runs),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""

    def in_colour(columns):
        images = columns["images"].repeat(1, 3, 1, 1)
        images = torch.nn.functional.pad(images, (2, 2, 2, 2))
        told = {"images": images, "mirrored_logits": columns["teacher_logits"]}
        return {**columns, **told}

    def made():
        return colour_pair_explorer(
            in_colour(train_set), in_colour(test_set), steps=300
        )

    return {"colour_pair": made}


@pytest.fixture(scope="module")
def runs():
    return all_runs()


def means(row):
    """{name: mean of its dots} of the picture of twins."""
    (marks,) = [t for t in row.figure.data if t.name == "mean"]
    return dict(zip(marks.text, marks.customdata, strict=True))


# --- teachers -------------------------------------------------------------------------


@pytest.mark.parametrize("teacher", lab.TEACHERS)
def test_what_is_stored_as_a_teachers_answers_is_what_it_answers(teacher):
    model, facts = load_model(lab.colour_file("colour_digits", teacher))
    told = told_set("test", teacher, "colour_digits")
    answers = predict(model, told["images"][:100])
    assert_close(answers, told["teacher_logits"][:100], atol=0.02, rtol=0.01)
    right = (told["teacher_logits"].argmax(1) == told["labels"]).double().mean()
    assert facts["test_accuracy"] == pytest.approx(right.item(), abs=0.002)
    learnt = told_set("train", teacher, "colour_digits")
    mirrored = predict(model, learnt["images"][:100].flip(3))
    assert_close(mirrored, learnt["mirrored_logits"][:100], atol=0.02, rtol=0.01)


def test_the_answers_of_a_split_are_those_to_its_images():
    whole = told_set("train", dataset="colour_digits")
    fit, held = (told_set(s, dataset="colour_digits") for s in ("fit", "held_out"))
    for name in ("images", "labels", "teacher_logits", "mirrored_logits"):
        assert torch.equal(whole[name], torch.cat([fit[name], held[name]])), name


def test_the_teachers_facts_and_sizes():
    for teacher, smoothing in lab.TEACHERS.items():
        path = lab.colour_file("cifar10", teacher)
        assert path.stat().st_size < 10e6
        model, facts = load_model(path)
        assert model[3].weight.dtype == torch.float32 and not model.training
        assert facts["epochs"] == lab.RECIPES["cifar10"]["epochs"]
        assert facts["method"] == ("smoothing 0.2" if smoothing else "labels")
        assert facts["test_accuracy"] > 0.93
        told = lab.told_by(teacher, "cifar10")
        assert [len(told[name]) for name in ("train", "mirrored", "test")] == [
            50_000,
            50_000,
            10_000,
        ]


def test_two_teachers_stand_beside_each_other_in_their_colours(columns, student_logits):
    panel = explorers(columns, student_logits)["two_teachers"]()
    for row in pictures(panel)[::20]:
        plain, smoothed = row.figure.data
        assert plain.marker.color == fig.TEACHER != smoothed.marker.color
        logits = columns["teacher_logits"], student_logits
        number = panel.controls["image_number"].names[row.values["image_number"]]
        place = int(number.split()[1].strip(","))
        for bars, told in zip((plain, smoothed), logits, strict=True):
            probs = soften(told[place], row.values["temperature"])
            assert_close(torch.tensor(bars.x), probs, check_dtype=False)
            like = f"{effective_classes(probs):.1f}"
            assert like in row.figure.layout.title.text


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_teacher_is_trained_here_only_where_there_is_a_gpu(
    device, monkeypatch, capsys
):
    columns = {k: v[:256] for k, v in load_images("colour_digits", "train").items()}
    monkeypatch.setattr(students, "best_device", lambda: device)  # the loop stays here
    short = lab.RECIPES["colour_digits"] | {"epochs": 1}
    monkeypatch.setitem(lab.RECIPES, "colour_digits", short)
    model = students.own_teacher("colour_digits", columns)
    said = capsys.readouterr().out
    stored = students.model_of("colour_digits", "unsmoothed")
    assert ("no GPU" in said) == (device == "cpu") == (model is stored)
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert device == "cpu" or "of the test pictures" in said


# --- students -------------------------------------------------------------------------


def test_a_student_is_taught_on_moved_pictures_by_who_was_told_so():
    columns = told_set("held_out", dataset="colour_digits")
    columns = {name: column[:40] for name, column in columns.items()}
    how = {"epochs": 1, "batch_size": 20, "learning_rate": 1e-3}
    found = {}
    asked = []

    class Teacher(torch.nn.Module):
        def forward(self, images):
            asked.append(images)
            return columns["teacher_logits"][: len(images)]

    for name, teacher in {"fixed": None, "same": Teacher()}.items():
        student = last_of(student_steps(columns, teacher=teacher, **how))
        found[name] = student[1].bias.detach()
    assert len(asked) == 2 and not torch.equal(*found.values())
    moved = asked[0].sum(dim=(1, 2, 3)).sort().values
    assert not torch.isin(moved, columns["images"].div(255).sum(dim=(1, 2, 3))).all()


@pytest.mark.parametrize("method", ["labels", "teacher"])
@pytest.mark.parametrize("views", ["fixed views", SAME])
def test_a_run_sees_its_own_pictures_and_its_own_teacher(method, views, monkeypatch):
    seen = {}

    def steps(columns, **how):
        seen.update(how, columns=columns)
        return how["model"]
        yield

    monkeypatch.setattr(students, "student_steps", steps)
    monkeypatch.setattr(students.lab, "way_here", lambda *given: students.PLAIN)
    setting = {"dataset": "colour_digits", "split": "held_out", "teacher": "course"}
    setting |= {"student": "convnet", "method": method, "temperature": 4.0}
    setting |= {"labels": 30, "pictures": 50, "views": views, "epochs": 2, "seed": 3}
    row = students.colour_run(setting)
    whole = told_set("fit", "course", "colour_digits")
    expected = sample(whole, 30 if method == "labels" else 50, 3)
    assert torch.equal(seen["columns"]["images"], expected["images"])
    assert torch.equal(seen["columns"]["teacher_logits"], expected["teacher_logits"])
    assert (seen.get("teacher") is not None) == (views == SAME)
    assert seen["seed"] == 3 and seen["temperature"] == 4.0 and row["device"] == "cpu"
    assert setting.items() <= row.items() and row["way"] == "float32, 1 thread"
    assert sum(row[f"errors_{k}"] for k in range(10)) == row["test_errors"]


def test_students_have_at_most_300_000_parameters():
    columns = told_set("held_out", dataset="colour_digits")
    for name in ("convnet", "mixer", "resnet"):
        student = new_student(name, columns, 0)
        assert sum(p.numel() for p in student.parameters()) <= 300_000, name


# --- stored runs ----------------------------------------------------------------------


def test_twins_take_equally_many_steps(runs):
    seen = runs["pictures"].where(runs["method"] == "teacher", runs["labels"])
    steps = seen / runs["batch_size"] * runs["epochs"]
    assert runs.assign(steps=steps).groupby("training")["steps"].nunique().eq(1).all()
    assert set(runs["training"]) == set(TRAININGS.values())


def test_every_setting_is_one_run_and_has_five_seeds_or_three():
    settings = by_labels() + by_views()
    keys = {key_of(s, [*s]) for s in settings}
    assert len(keys) == len(settings)
    seeds = {}
    for one in settings:
        rest = key_of(one, [name for name in one if name != "seed"])
        seeds.setdefault(rest, set()).add(one["seed"])
    long = [len(found) for rest, found in seeds.items() if "40" in rest]
    assert {len(found) for found in seeds.values()} == {5, 3} and long == [3, 3]
    assert {s["views"] for s in settings if s["epochs"] == LONG["epochs"]} >= {SAME}


def test_gains_are_those_of_the_table(runs):
    for row in pictures(teachers_explorer(runs)):
        some = runs[(runs["training"] == "5,000 labels")]
        some = some[some["student"] == "convnet"]
        told = some[some["temperature"] == row.values["temperature"]]
        told = told[(told["teacher"] == "course") & (told["views"] == "fixed views")]
        alone = some[some["method"] == "labels"]
        share = (
            20 * sum(spared(told, alone)) / alone["test_errors"].mean()
        )  # %, of five
        name = "teacher of smoothed labels"
        assert means(row)[name] == pytest.approx(share)


def test_errors_by_class_add_up(runs):
    by_class = runs[[f"errors_{label}" for label in range(10)]].sum(axis=1)
    # counted in 16 bits, which may change an answer or two
    assert (by_class - runs["test_errors"]).abs().max() <= 30
    assert count(load_images("colour_digits", "test")) == 1080
