"""Ways from one image to another are what they say, and what is told of them is so."""

import math

import pytest
import torch
from torch import nn

from kdlab import figures as fig
from kdlab.metrics import entropy, soften
from lessons.samples import pictures

from . import between_explorer, moved
from .between import GRAINS, POSITIONS, faded, grains

DIGIT = torch.zeros(28, 28)
DIGIT[6:12, 4:7], DIGIT[6:8, 4:12] = 1.0, 0.6
STEPS = [2.5 * step for step in range(POSITIONS)]


def beside(image, by):
    return torch.roll(image, by, dims=(0, 1))


class Sides(nn.Module):
    """Tells how much ink is on the left, on the right, and below; counts questions."""

    def __init__(self):
        super().__init__()
        self.weight, self.asked = nn.Parameter(torch.ones(1)), []

    def forward(self, images):
        self.asked.append(len(images))
        ink = images[:, 0].mean(dim=1)
        halves = ink[:, :14].sum(1), ink[:, 14:].sum(1), images[:, 0, 20:].sum((1, 2))
        return 4 * self.weight * torch.stack(halves, dim=1)


@pytest.fixture
def columns():
    """Two images with ink on the left, two on the right, and one below."""
    shifts = (0, 0), (2, 15), (1, 0), (0, 15), (14, 0)
    images = torch.stack([beside(DIGIT, by) for by in shifts])[:, None]
    logits = Sides()(images).detach()
    labels = torch.tensor([0, 1, 0, 1, 2])
    return {"images": images, "labels": labels, "teacher_logits": logits}


@pytest.mark.parametrize("way", [moved, faded])
def test_a_way_begins_and_ends_with_the_images_themselves(way):
    torch.manual_seed(0)
    start, end = torch.rand(2, 28, 28) ** 4
    steps = way(start, end)
    assert steps.shape == (POSITIONS, 28, 28)
    assert steps[0].numpy() == pytest.approx(start.numpy(), abs=1e-5)
    assert steps[-1].numpy() == pytest.approx(end.numpy(), abs=1e-5)
    assert steps.min() >= 0 and steps.max() <= 1


def test_ink_that_only_moves_keeps_its_form_and_a_faded_one_does_not():
    start, end = DIGIT, beside(DIGIT, (4, 12))
    for place, by in ((10, (1, 3)), (20, (2, 6)), (30, (3, 9))):
        wanted = beside(DIGIT, by)
        assert (moved(start, end)[place] - wanted).abs().max() < 0.1
        assert (faded(start, end)[place] - wanted).abs().max() > 0.5
    assert torch.equal(faded(start, end)[20], (start + end) / 2)


def test_grains_go_to_what_is_near_not_in_the_order_of_the_rows():
    def blots(left, right):
        image = torch.zeros(28, 28)
        image[left : left + 3, 4:7] = image[right : right + 3, 20:23] = 1
        return image

    half = moved(blots(10, 12), blots(14, 8))[20]
    assert (half - blots(12, 10)).abs().max() < 0.1


def test_ink_grows_evenly_on_the_way():
    end = torch.maximum(DIGIT, beside(DIGIT, (8, 8)))  # twice as much
    ink = moved(DIGIT, end).sum(dim=(1, 2)) / DIGIT.sum()
    assert ink.tolist() == pytest.approx([1 + p / 100 for p in STEPS], rel=0.05)


def test_grains_are_as_many_where_the_ink_is_as_much():
    places = grains(DIGIT)
    assert places.shape == (GRAINS, 2)
    on = (places == torch.tensor([9.0, 5.0])).all(dim=1).sum()
    assert on == pytest.approx(GRAINS / DIGIT.sum().item(), abs=1)


def test_the_explorer_shows_each_place_with_one_question_to_the_teacher(columns):
    teacher = Sides()
    panel = between_explorer(columns, teacher)
    rows = pictures(panel)
    assert teacher.asked == [POSITIONS] * 2 and len(rows) == 2 * POSITIONS
    rows = [row for row in rows if row.values["how"] == "its ink moves"]
    assert len(rows) == POSITIONS
    steps = moved(columns["images"][0, 0], columns["images"][3, 0])[:, None]
    logits = Sides()(steps).detach()
    for place, row in enumerate(rows):
        assert row.values["percent"] == pytest.approx(STEPS[place])
        shown = row.figure.layout.images[0].source
        assert shown == fig.image_address(steps[place])
        for bars, t in zip(row.figure.data[6:], (1.0, 4.0), strict=True):
            wanted = soften(logits[place], t).tolist()
            assert bars.x == pytest.approx(wanted, abs=1e-6)
        probs = soften(logits[: place + 1], 1.0).T  # what lies ahead is not drawn
        for curve, wanted in zip(row.figure.data[:6:2], probs, strict=True):
            assert curve.x == pytest.approx(STEPS[: place + 1])
            assert curve.y == pytest.approx(wanted.tolist(), abs=1e-6)
        here = [trace.x[0] for trace in row.figure.data[1:6:2]]
        assert here == pytest.approx([STEPS[place]] * 3)


def test_it_says_how_torn_the_teacher_is_here_and_what_it_changed_on_the_way(columns):
    panel = between_explorer(columns, Sides())
    panel.controls["how"].label = "it fades"
    logits = Sides()(faded(*columns["images"][[0, 3], 0])[:, None]).detach()
    cold, warm = (soften(logits, t) for t in (1.0, 4.0))
    bits, softened = (entropy(probs) / math.log(2) for probs in (cold, warm))
    at = 21  # halfway both are the same, and the first in order is the first answer
    for place in (0, at - 1, at, POSITIONS - 1):
        figure, says = panel.look({**panel.values(), "percent": STEPS[place]})
        first, second = (f"{100 * p:.0f} %" for p in cold[place].topk(2).values)
        names = "01" if place < at else "10"
        assert figure["layout"]["title"]["text"] == (
            f"{STEPS[place]:g} % of the way: {names[0]} with {first} and {names[1]} "
            f"with {second}, {bits[place]:.1f} bits"
        )
        assert says.startswith(
            f"{STEPS[place]:g} % of the way from 0 to 1. The teacher "
        )
        assert f"leaves {bits[place]:.2f} bits open" in says
        assert f"T = 4, {softened[place]:.2f} of at most {math.log2(3):.2f}." in says
        told = f"So far its first answer changed to 1 at 52.5 % ({bits[at]:.2f} bits)."
        assert says.endswith(told) == (place >= at)
        assert ("changed" in says) == (place >= at)


def test_two_images_of_one_class_are_a_way_too(columns):
    panel = between_explorer(columns, Sides())
    panel.controls["end"].value = 0
    traces = len(panel.look({**panel.values(), "end": 1})[0]["data"])
    figure, says = panel.look({**panel.values(), "percent": 100.0})
    assert len(figure["data"]) == traces
    assert "changed" not in says
    one, other, rest = (trace["y"] for trace in figure["data"][:6:2])
    assert one == other and rest == pytest.approx([1 - p for p in one], abs=1e-6)


def test_the_buttons_go_from_one_digit_to_the_other():
    labels = torch.arange(10).repeat(2)
    columns = {"images": torch.rand(20, 1, 28, 28), "labels": labels}
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    columns["teacher_logits"] = teacher(columns["images"]).detach()
    panel = between_explorer(columns, teacher)
    buttons = dict(panel.picture.presets)
    assert list(buttons) == ["Reset", "4 to 9", "3 to 8", "1 to 7", "2 to 5"]
    assert buttons["3 to 8"] == {"percent": 0.0, "start": 3, "end": 8}
    assert panel.controls["start"].names[3] == "image 3, a 3"
    assert panel.controls["end"].names[8] == "image 18, an 8"
