"""What this page's explorers show at each position is what the numbers say."""

import math
import re

import pytest

from kdlab.explorers.answers import picked_images
from kdlab.metrics import entropy, soften
from kdlab.models import build_model
from kdlab.panels import drawn_value
from lessons.samples import pictures, prose

from . import (
    answer_explorer,
    between_explorer,
    label_explorer,
    pad_explorer,
    second_answer_explorer,
    torn_explorer,
    uniform_mix_explorer,
)
from .between import POSITIONS


def explorers(columns, student_logits):
    told = {"dog": 0.3, "cat": 0.2}
    teacher = build_model(
        "mlp", widths=(8,), classes=columns["teacher_logits"].shape[1]
    )
    return {
        "between": lambda: between_explorer(columns, teacher),
        "pad": lambda: shown_on(
            pad_explorer(teacher, examples={"another": columns["images"][1]}),
            columns["images"][0],
        ),
        "answer": lambda: answer_explorer(columns),
        "answer_beside": lambda: answer_explorer(columns, beside=told),
        "label": lambda: label_explorer(columns),
        "torn": lambda: torn_explorer(columns),
        "second_answer": lambda: second_answer_explorer(columns),
        "uniform_mix": lambda: uniform_mix_explorer(columns),
    }


def shown_on(panel, image):
    panel.controls["drawing"].value = drawn_value(image)
    return panel


def test_the_answer_of_a_story_stays_beside_the_real_one(columns):
    rows = pictures(answer_explorer(columns, beside={"dog": 0.3, "cat": 0.2}))
    picked = columns["teacher_logits"][picked_images(columns)[0]]
    for row in rows:
        told, real = row.figure.data
        assert list(told.y) == ["dog", "cat"]
        assert told.x == pytest.approx([0.3, 0.2])
        probs = soften(picked, row.values["temperature"])
        assert real.x == pytest.approx(probs.tolist(), abs=1e-6)


def test_the_label_explorer_puts_the_one_hot_label_beside_the_answer(columns):
    for row in pictures(label_explorer(columns)):
        chosen = picked_images(columns)[row.values["image_number"]]
        label, teacher = row.figure.data
        hot = columns["labels"][chosen].item()
        assert max(range(10), key=lambda i: label.customdata[i]) == hot
        assert sum(label.customdata) == 1
        probs = soften(columns["teacher_logits"][chosen], 1.0)
        assert teacher.customdata == pytest.approx(probs.tolist(), rel=1e-5)
        assert row.figure.layout.xaxis.type == ("log" if row.values["log"] else None)
        assert ("bar that is missing" in row.sentence) == row.values["log"]


def test_picked_images_are_one_of_each_class_then_the_most_torn(columns):
    picked = picked_images(columns, torn=4)
    assert columns["labels"][picked[:10]].tolist() == list(range(10))
    opened = entropy(soften(columns["teacher_logits"], 4.0))
    assert (
        opened[picked[10:]].tolist() == opened.sort(descending=True).values[:4].tolist()
    )


def test_the_torn_explorer_walks_down_the_ranks(columns):
    panel = torn_explorer(columns)
    panel.controls["ranked_at"].value = "T = 1"
    as_trained = pictures(panel)[0]
    probs = soften(columns["teacher_logits"].double(), 1.0)
    most = entropy(probs).max().item() / math.log(2)
    assert as_trained.sentence.startswith(f"Rank 1 at T = 1: {most:.2f} bits")
    panel.controls["ranked_at"].value = "T = 4"
    rows = pictures(panel)
    ranks = [int(re.match(r"Rank (\d+)", row.sentence)[1]) for row in rows]
    assert ranks[0] == 1 and ranks[-1] == 55 and ranks == sorted(ranks)
    opened = [float(re.search(r"([\d.]+) bits", row.sentence)[1]) for row in rows]
    assert opened == sorted(opened, reverse=True)
    assert all(len(row.figure.layout.images) == 6 for row in rows)


def test_the_second_answers_are_counted(columns):
    second = soften(columns["teacher_logits"], 1.0).sort(dim=1).values[:, -2]
    for row in pictures(second_answer_explorer(columns)):
        counted = int((second > row.values["threshold"] / 100).sum())
        assert f"on {counted:,} of 60 images" in row.sentence
        assert row.figure.data[1].y[0] == counted


def test_mixing_with_uniform_raises_entropy_until_nothing_tells_images_apart(columns):
    rows = pictures(uniform_mix_explorer(columns))
    opened = [float(re.search(r"([\d.]+) bits", row.sentence)[1]) for row in rows]
    assert opened == sorted(opened) and opened[-1] == pytest.approx(
        math.log2(10), abs=5e-3
    )
    assert rows[-1].figure.data[0].x == pytest.approx(rows[-1].figure.data[1].x)
    assert rows[0].figure.data[0].x != pytest.approx(rows[0].figure.data[1].x, abs=0.02)


def test_numbers_in_prose():
    text = prose("01_soft_targets")
    told = [float(n) for n in re.findall(r"([\d.]+)% (?:chance )?that", text)]
    assert told == [30, 20, 5, 0.5]  # as Quanta has them
    assert f"the other {100 - sum(told):.1f} %" in text
    assert f"{math.log2(10):.2f}" in text
    assert POSITIONS == 41 and "in forty steps" in text  # halfway is 20, in its cell
