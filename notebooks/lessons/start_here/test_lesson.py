"""The first explorer of the course shows what the teacher's logits say."""

import pytest

from kdlab.explorers.answers import picked_images
from kdlab.metrics import effective_classes, soften
from lessons.samples import pictures

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
