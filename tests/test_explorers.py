"""What the explorers show at each position is what the numbers say."""

import math
import re

import pytest
import torch
import torch.nn.functional as F

from kdlab import (
    explorers,
    explorers_blend,
    explorers_fidelity,
    explorers_omitted,
    explorers_runs,
    explorers_similarity,
    explorers_temperature,
    explorers_variance,
)
from kdlab.figures import percent
from kdlab.losses import logit_matching_loss, soft_target_loss
from kdlab.metrics import accuracy, effective_classes, entropy, soften
from kdlab.results import load_runs


@pytest.fixture(scope="module")
def columns():
    """Sixty images of ten classes and a teacher that hesitates on every fifth."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat(6)
    logits = torch.randn(60, 10, generator=generator) + 8 * F.one_hot(labels, 10)
    logits[::5] += 7 * F.one_hot(labels[::5].flip(0), 10)
    images = torch.randint(256, (60, 1, 28, 28), generator=generator).byte()
    return {"images": images, "labels": labels, "teacher_logits": logits}


@pytest.fixture(scope="module")
def student_logits(columns):
    noise = torch.Generator().manual_seed(1)
    return columns["teacher_logits"] / 3 + torch.randn(60, 10, generator=noise)


def every_explorer(columns, student_logits):
    rest = columns["labels"]
    yield explorers.answer_explorer(columns)
    yield explorers.label_explorer(columns)
    yield explorers.torn_explorer(columns)
    yield explorers.second_answer_explorer(columns)
    yield explorers.answer_explorer(columns, beside={"dog": 0.3, "cat": 0.2})
    yield explorers.uniform_mix_explorer(columns)
    yield explorers_temperature.temperature_explorer(columns)
    students = {"before": student_logits * 0, "after": student_logits}
    yield explorers_temperature.gradient_explorer(students, columns["teacher_logits"])
    yield explorers_temperature.limit_explorer(columns, student_logits)
    yield explorers_temperature.calibration_explorer(
        student_logits, rest, student_logits, rest
    )
    yield explorers_similarity.similarity_explorer(columns)
    yield explorers_similarity.neighbours_explorer(columns)
    yield explorers_omitted.bias_explorer(unseen(columns, student_logits))
    yield explorers_omitted.omitted_runs_explorer(load_runs("omitted"))
    yield explorers_blend.forces_explorer()
    yield explorers_blend.loudness_explorer(students, columns)
    yield explorers_variance.variance_explorer(samples=5)
    yield explorers_runs.label_counts_explorer(load_runs("label_counts"))
    yield explorers_runs.crossing_explorer(load_runs("crossing"))
    yield explorers_runs.own_data_explorer(load_runs("own_data"))
    yield explorers_fidelity.fidelity_explorer(load_runs("fidelity"))


def unseen(columns, logits):
    """Students of every arm who are more or less shy of the 3."""
    shy = F.one_hot(torch.tensor(3), 10)
    answers = {
        arm: logits - 2 * number * shy
        for number, arm in enumerate(explorers_omitted.ARMS)
    }
    labels = columns["labels"]
    return explorers_omitted.Unseen([3], answers, labels, answers, labels)


def test_every_position_of_every_explorer_has_a_picture_a_title_and_a_sentence(
    columns, student_logits
):
    for panel in every_explorer(columns, student_logits):
        rows = panel.pictures()
        assert len(rows) > 1
        for row in rows:
            assert row.figure is not None, row.sentence
            assert row.figure.layout.title.text
            assert re.search(r"\d", row.sentence) and "nan" not in row.sentence
        assert len({row.figure.to_json() for row in rows}) > 1


def test_the_scale_does_not_move_with_the_slider(columns, student_logits):
    for panel in every_explorer(columns, student_logits):
        ranges = {}
        for row in panel.pictures():
            still = {
                n: v for n, v in row.values.items() if n in ("image_number", "log")
            }
            layout = row.figure.to_plotly_json()["layout"]
            axes = {n: a.get("range") for n, a in layout.items() if "axis" in n}
            assert ranges.setdefault(str(still), axes) == axes
            shown = [
                a for a in layout.values() if isinstance(a, dict) and "anchor" in a
            ]
            assert all(
                "range" in a or a.get("type") in ("log", "category") for a in shown
            )


def test_the_temperature_explorer_draws_the_softened_answer(columns):
    panel = explorers_temperature.temperature_explorer(columns)
    panel.controls["image_number"].value = 7
    for row in panel.pictures()[::5]:
        chosen = explorers.picked_images(columns)[row.values["image_number"]]
        logits = columns["teacher_logits"][chosen]
        probs = soften(logits, row.values["temperature"])
        assert row.figure.data[0].x == pytest.approx(probs.tolist(), abs=1e-6)
        classes = effective_classes(probs).item()
        assert f"{classes:.2f} effective classes" in row.sentence
        assert row.figure.data[2].y[0] == pytest.approx(classes, rel=1e-4)


def test_the_label_explorer_puts_the_one_hot_label_beside_the_answer(columns):
    for row in explorers.label_explorer(columns).pictures():
        chosen = explorers.picked_images(columns)[row.values["image_number"]]
        label, teacher = row.figure.data
        hot = columns["labels"][chosen].item()
        assert max(range(10), key=lambda i: label.customdata[i]) == hot
        assert sum(label.customdata) == 1
        probs = soften(columns["teacher_logits"][chosen], 1.0)
        assert teacher.customdata == pytest.approx(probs.tolist(), rel=1e-5)
        assert row.figure.layout.xaxis.type == ("log" if row.values["log"] else None)


def test_picked_images_are_one_of_each_class_then_the_most_torn(columns):
    picked = explorers.picked_images(columns, torn=4)
    assert columns["labels"][picked[:10]].tolist() == list(range(10))
    opened = entropy(soften(columns["teacher_logits"], 4.0))
    assert (
        opened[picked[10:]].tolist() == opened.sort(descending=True).values[:4].tolist()
    )


def test_the_torn_explorer_walks_down_the_ranks(columns):
    panel = explorers.torn_explorer(columns)
    panel.controls["ranked_at"].value = "T = 1"
    as_trained = panel.pictures()[0]
    probs = soften(columns["teacher_logits"].double(), 1.0)
    most = entropy(probs).max().item() / math.log(2)
    assert as_trained.sentence.startswith(f"Rank 1 at T = 1: {most:.2f} bits")
    panel.controls["ranked_at"].value = "T = 4"
    rows = panel.pictures()
    ranks = [int(re.match(r"Rank (\d+)", row.sentence)[1]) for row in rows]
    assert ranks[0] == 1 and ranks[-1] == 55 and ranks == sorted(ranks)
    opened = [float(re.search(r"([\d.]+) bits", row.sentence)[1]) for row in rows]
    assert opened == sorted(opened, reverse=True)
    assert all(len(row.figure.layout.images) == 6 for row in rows)


def test_the_second_answers_are_counted(columns):
    second = soften(columns["teacher_logits"], 1.0).sort(dim=1).values[:, -2]
    for row in explorers.second_answer_explorer(columns).pictures():
        counted = int((second > row.values["threshold"] / 100).sum())
        assert f"on {counted:,} of 60 images" in row.sentence
        assert row.figure.data[1].y[0] == counted


def test_mixing_with_uniform_raises_entropy_until_nothing_tells_images_apart(columns):
    rows = explorers.uniform_mix_explorer(columns).pictures()
    opened = [float(re.search(r"([\d.]+) bits", row.sentence)[1]) for row in rows]
    assert opened == sorted(opened) and opened[-1] == pytest.approx(
        math.log2(10), abs=5e-3
    )
    assert rows[-1].figure.data[0].x == pytest.approx(rows[-1].figure.data[1].x)
    assert rows[0].figure.data[0].x != pytest.approx(rows[0].figure.data[1].x, abs=0.1)


def test_gradient_lengths_are_those_of_automatic_differentiation(
    columns, student_logits
):
    z = student_logits.clone().requires_grad_()
    for T in (0.5, 4.0):
        loss = soft_target_loss(z, columns["teacher_logits"], T) * len(z)
        (gradient,) = torch.autograd.grad(loss, z)
        ours = explorers.gradient_length(student_logits, columns["teacher_logits"], T)
        assert ours == pytest.approx(gradient.norm(dim=1).mean().item(), rel=1e-4)
    panel = explorers_temperature.gradient_explorer(
        {"after": student_logits}, columns["teacher_logits"]
    )
    scaled, _, plain, _, mark = panel.pictures()[-1].figure.data
    spread = columns["teacher_logits"].std(dim=1).median().item()
    assert list(mark.x) == pytest.approx([spread, spread])
    at_4 = list(scaled.x).index(4.0)
    assert scaled.y[at_4] == pytest.approx(ours, rel=1e-4)
    assert plain.y[at_4] == pytest.approx(ours / 16, rel=1e-4)


def test_at_the_hot_end_the_loss_and_the_gradient_are_those_of_logit_matching(
    columns, student_logits
):
    hottest = explorers_temperature.limit_explorer(columns, student_logits).pictures()[
        -1
    ]
    bars, diamonds, curve, _, limit, _ = hottest.figure.data
    assert bars.x == pytest.approx(diamonds.x, abs=0.01)
    assert curve.y[-1] == pytest.approx(limit.y[-1], rel=0.01)
    chosen = explorers.picked_images(columns)[0]
    pair = student_logits[[chosen]], columns["teacher_logits"][[chosen]]
    assert limit.y[0] == pytest.approx(logit_matching_loss(*pair).item(), rel=1e-4)


def test_no_bar_of_the_gradient_is_cut_at_any_temperature(columns, student_logits):
    panel = explorers_temperature.limit_explorer(columns, student_logits)
    for number in (0, 3, 12):
        panel.controls["image_number"].value = number
        for row in panel.pictures():
            left, right = row.figure.layout.xaxis.range
            for trace in row.figure.data[:2]:
                assert all(left <= x <= right for x in trace.x)


def test_calibration_keeps_the_accuracy_and_chooses_t_on_held_out(
    columns, student_logits
):
    labels = columns["labels"]
    panel = explorers_temperature.calibration_explorer(
        student_logits * 4, labels, student_logits, labels
    )
    right = accuracy(student_logits, labels).item()
    assert all(f"right on {percent(right)}" in row.sentence for row in panel.pictures())
    twin = explorers_temperature.calibration_explorer(
        student_logits, labels, student_logits, labels
    )
    chosen = [
        float(re.search(r"choose T = ([\d.]+)\.$", p.pictures()[0].sentence)[1])
        for p in (panel, twin)
    ]
    assert chosen[0] == pytest.approx(4 * chosen[1], rel=0.02)  # four times as sure
