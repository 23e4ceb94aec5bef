"""The first explorer of the course shows what the teacher's logits say."""

import pytest

from kdlab.experiments.teachers import TEACHER_RECIPES
from kdlab.explorers.answers import picked_images
from kdlab.metrics import effective_classes, soften
from kdlab.results import load_runs
from lessons.samples import pictures, prose

from . import answer_explorer


def explorers(columns, student_logits):
    return {"answer": lambda: answer_explorer(columns)}


def test_the_answer_explorer_draws_the_softened_answer(columns):
    panel = answer_explorer(columns)
    panel.controls["image_number"].value = 7
    chosen = picked_images(columns)[7]
    for row in pictures(panel)[::5]:
        probs = soften(columns["teacher_logits"][chosen], row.values["temperature"])
        (bars,) = row.figure.data
        assert bars.x == pytest.approx(probs.tolist(), abs=1e-6)
        classes = effective_classes(probs).item()
        open_as = f"{classes:.2f} equally likely classes" in row.sentence
        assert open_as != ("as good as certain" in row.sentence)
        assert open_as == (classes >= 1.005)
        label = columns["labels"][chosen]
        assert row.sentence.startswith(f"Label {label}. The teacher says ")


def test_numbers_in_prose():
    runs, text = load_runs("teachers"), prose("00_start_here")
    saw = runs.groupby("dataset")["labels"].first()
    assert f"{saw['mnist']:,} of MNIST ({saw['digits']:,} of the digits)" in text
    moved = {name: recipe["shift"] for name, recipe in TEACHER_RECIPES.items()}
    assert moved == {"mnist": 1, "digits": 2}
    assert "moved by up to a pixel (two for the digits)" in text
    tested = runs["test_errors"] / (1 - runs["test_accuracy"])
    of = tested.round().groupby(runs["dataset"]).first()
    assert f"{of['mnist']:,.0f} images of MNIST and {of['digits']:.0f}" in text
    assert set(runs.groupby("dataset")["seed"].count()) == {5} and "five such" in text
    (few,) = load_runs("gain")["labels"].unique()
    assert f"often get no more than {few:,} labels" in text
