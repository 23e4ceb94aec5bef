"""What this lesson shows and judges is what the numbers say."""

import re

import plotly.graph_objects as go
import pytest
import torch

from kdlab import figures as fig
from kdlab.exercises.checks import verdict
from kdlab.explorers.answers import TEMPERATURES, picked_images, soft_pulls
from kdlab.figures import percent
from kdlab.losses import logit_matching_loss, soft_target_loss
from kdlab.metrics import accuracy, effective_classes, soften
from lessons.samples import pictures

from . import (
    calibration_explorer,
    gradient_explorer,
    limit_explorer,
    temperature_explorer,
)
from .exercises import TASKS
from .explorers import marked


def explorers(columns, student_logits):
    """{name: function that makes the explorer}."""
    labels, teacher_logits = columns["labels"], columns["teacher_logits"]
    students = {"before": student_logits * 0, "after": student_logits}
    judged = student_logits, labels, student_logits, labels
    return {
        "temperature": lambda: temperature_explorer(columns),
        "gradient": lambda: gradient_explorer(students, teacher_logits),
        "limit": lambda: limit_explorer(columns, student_logits),
        "calibration": lambda: calibration_explorer(*judged),
    }


def test_the_temperature_explorer_draws_the_softened_answer(columns):
    panel = temperature_explorer(columns)
    panel.controls["image_number"].value = 7
    for row in pictures(panel)[::5]:
        chosen = picked_images(columns)[row.values["image_number"]]
        logits = columns["teacher_logits"][chosen]
        probs = soften(logits, row.values["temperature"])
        assert row.figure.data[0].x == pytest.approx(probs.tolist(), abs=1e-6)
        classes = effective_classes(probs).item()
        assert f"{classes:.2f} effective classes" in row.sentence
        assert row.figure.data[2].y[0] == pytest.approx(classes, rel=1e-4)


def test_gradient_lengths_are_those_of_automatic_differentiation(
    columns, student_logits
):
    pulls = soft_pulls(student_logits, columns["teacher_logits"])
    z = student_logits.clone().requires_grad_()
    for T in (0.5, 4.0):
        loss = soft_target_loss(z, columns["teacher_logits"], T) * len(z)
        (gradient,) = torch.autograd.grad(loss, z)
        length = gradient.norm(dim=1).mean().item()
        ours = pulls["T² · KL"][TEMPERATURES.index(T)]
        assert ours == pytest.approx(length, rel=1e-4)
    panel = gradient_explorer({"after": student_logits}, columns["teacher_logits"])
    scaled, _, plain, _, mark = pictures(panel)[-1].figure.data
    spread = columns["teacher_logits"].std(dim=1).median().item()
    assert list(mark.x) == pytest.approx([spread, spread])
    at_4 = list(scaled.x).index(4.0)
    assert scaled.y[at_4] == pytest.approx(ours, rel=1e-4)
    assert plain.y[at_4] == pytest.approx(ours / 16, rel=1e-4)


def test_the_gradient_is_compared_with_that_of_t_1(columns, student_logits):
    teacher_logits = columns["teacher_logits"]
    panel = gradient_explorer({"after": student_logits}, teacher_logits)
    squared, alone = soft_pulls(student_logits, teacher_logits).values()
    one = TEMPERATURES.index(1.0)
    for at, row in enumerate(pictures(panel)):
        more, less = (line[at] / line[one] for line in (squared, alone))
        assert f"T² · KL is {more:.3g} times as long" in row.sentence
        assert f"Without T² it is {less:.3g} times as long" in row.sentence
        for dot, line in zip(row.figure.data[1:4:2], (squared, alone), strict=True):
            assert dot.x[0] == pytest.approx(row.values["temperature"])
            assert dot.y[0] == line[at]


def test_at_the_hot_end_the_loss_and_the_gradient_are_those_of_logit_matching(
    columns, student_logits
):
    hottest = pictures(limit_explorer(columns, student_logits))[-1]
    bars, diamonds, curve, _, limit, _ = hottest.figure.data
    assert bars.x == pytest.approx(diamonds.x, abs=0.01)
    assert curve.y[-1] == pytest.approx(limit.y[-1], rel=0.01)
    chosen = picked_images(columns)[0]
    pair = student_logits[[chosen]], columns["teacher_logits"][[chosen]]
    assert limit.y[0] == pytest.approx(logit_matching_loss(*pair).item(), rel=1e-4)


def test_no_bar_of_the_gradient_is_cut_at_any_temperature(columns, student_logits):
    panel = limit_explorer(columns, student_logits)
    for number in (0, 3, 12):
        panel.controls["image_number"].value = number
        for row in pictures(panel):
            left, right = row.figure.layout.xaxis.range
            for trace in row.figure.data[:2]:
                assert all(left <= x <= right for x in trace.x)


def test_calibration_keeps_the_accuracy_and_chooses_t_on_held_out(
    columns, student_logits
):
    labels = columns["labels"]
    panel = calibration_explorer(student_logits * 4, labels, student_logits, labels)
    right = accuracy(student_logits, labels).item()
    assert all(f"right on {percent(right)}" in row.sentence for row in pictures(panel))
    twin = calibration_explorer(student_logits, labels, student_logits, labels)
    chosen = [
        float(re.search(r"choose T = ([\d.]+)\.$", pictures(p)[0].sentence)[1])
        for p in (panel, twin)
    ]
    assert chosen[0] == pytest.approx(4 * chosen[1], rel=0.02)  # four times as sure


def test_a_loss_without_a_gradient_is_noticed():
    def detached(student_logits, teacher_logits, temperature):
        return soft_target_loss(student_logits.detach(), teacher_logits, temperature)

    found = verdict(TASKS["soft_loss"], detached)
    said = "The number is right, but no gradient reaches the student"
    assert found.text.startswith(said)


def test_marks_add_a_diamond_on_each_bar():
    probs, names = torch.tensor([0.7, 0.2, 0.1]), ["a", "b", "c"]
    part = marked(fig.class_bars(probs, names), 1 - probs, "goal", "#000")
    _, diamonds = go.Figure(fig.picture("marks", part, says="").figure).data
    assert list(diamonds.x) == pytest.approx([0.3, 0.8, 0.9])
    assert list(diamonds.y) == names
