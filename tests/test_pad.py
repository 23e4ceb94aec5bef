"""The drawing pad's Python half: values, refusals, and the explorer of a drawing."""

import base64
import math
import re

import pytest
import torch
import traitlets
from torch import nn

from kdlab.explorers import pad_explorer
from kdlab.metrics import entropy, soften
from kdlab.panels import drawing_pad, drawn_image, drawn_value, explore
from kdlab.panels.pad import REFUSED
from lessons.samples import pictures

IMAGE = (torch.arange(784) % 256).reshape(1, 28, 28).byte()
VALUE = drawn_value(IMAGE)


class Corner(nn.Module):
    """Says yes the surer the brighter the second pixel is; keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.given = []

    def forward(self, images):
        self.given.append(images)
        return torch.stack([images[:, 0, 0, 0] * 0, 4 * images[:, 0, 0, 1]], dim=1)


def test_a_value_is_the_image_row_by_row_and_back():
    assert base64.b64decode(VALUE) == bytes(n % 256 for n in range(784))
    assert torch.equal(drawn_image(VALUE), IMAGE)
    assert drawn_image(VALUE).dtype == torch.uint8
    turned = IMAGE.transpose(1, 2)  # its bytes lie in another order
    assert torch.equal(drawn_image(drawn_value(turned)), turned)
    drawn_image(VALUE).zero_()  # a copy: nobody else's picture changes
    assert torch.equal(drawn_image(VALUE), IMAGE)


@pytest.mark.parametrize("value", ["", "dot", "full"])
def test_what_is_no_digit_is_refused_in_a_sentence(value):
    with pytest.raises(ValueError, match=re.escape(REFUSED[value])):
        drawn_image(value)
    pad = drawing_pad()
    pad.value = value  # the browser may say so
    panel = explore(lambda drawing: drawn_image(drawing), tabulate=0, drawing=pad)
    assert panel.look(panel.values()) == (None, REFUSED[value])


@pytest.mark.parametrize("value", ["Dot", VALUE[:-4], VALUE + VALUE, "?" + VALUE[1:]])
def test_what_is_no_value_of_a_pad_is_refused(value):
    with pytest.raises(ValueError, match=r"784 bytes in base64.*drawn_value\(image\)"):
        drawn_image(value)
    with pytest.raises(traitlets.TraitError, match="784 bytes"):
        drawing_pad().value = value


@pytest.mark.parametrize("image", [IMAGE / 255, IMAGE[0], IMAGE[None], IMAGE[:, 1:]])
def test_only_images_in_bytes_can_be_shown(image):
    with pytest.raises(ValueError, match=r"A pad shows bytes \[1, 28, 28\], received"):
        drawn_value(image)


def test_a_preset_is_a_drawing():
    def view(drawing):
        return {"data": [], "layout": {}}, drawing[:4]

    presets = {"ramp": VALUE}
    panel = explore(view, tabulate=0, presets=presets, drawing=drawing_pad())
    reset, ramp = panel.picture.presets
    assert (reset, ramp) == (["Reset", {"drawing": ""}], ["ramp", {"drawing": VALUE}])
    with pytest.raises(ValueError, match="Preset 'bad': drawing cannot be 'cat'"):
        explore(view, tabulate=0, presets={"bad": "cat"}, drawing=drawing_pad())


def test_the_teacher_is_given_the_drawing_once_and_answers_at_every_temperature():
    teacher = Corner()
    panel = pad_explorer(teacher, ["no", "yes"])
    panel.controls["drawing"].value = drawn_value((IMAGE > 0).byte() * 255)
    teacher.given.clear()
    rows = pictures(panel)
    assert len(rows) == 43 and teacher.given == []  # one drawing, known already
    for row in rows:
        T = row.values["temperature"]
        for bars, t in zip(row.figure.data, (1.0, T), strict=True):
            probs = soften(torch.tensor([0.0, 4.0]), t)
            assert bars.x == pytest.approx(probs.tolist(), abs=1e-6)
            bits = entropy(probs).item() / math.log(2)
            assert f"{bits:.2f} " in row.sentence
        assert f"T = {T:.4g}: " in row.figure.layout.title.text
    panel.controls["drawing"].value = VALUE
    (given,) = teacher.given
    assert given.shape == (1, 1, 28, 28) and given.max() == 1  # scaled, as in training


def test_empty_paper_has_a_picture_and_a_dot_keeps_the_last_one():
    panel = pad_explorer(Corner())
    figure, says = panel.look({"temperature": 4.0, "drawing": ""})
    assert says == REFUSED[""]
    assert [trace["x"] for trace in figure["data"]] == [[0, 0], [0, 0]]
    assert [list(trace["y"]) for trace in figure["data"]] == [["0", "1"]] * 2
    assert panel.look({"temperature": 4.0, "drawing": "dot"}) == (None, REFUSED["dot"])


def test_each_class_has_a_name():
    with pytest.raises(ValueError, match="2 classes.*one name for each, no two alike"):
        pad_explorer(Corner(), ["no"])


def test_examples_have_buttons():
    panel = pad_explorer(Corner(), examples={"a ramp": IMAGE})
    assert dict(panel.picture.presets)["a ramp"] == {"drawing": VALUE}


def test_what_is_nearly_certain_is_not_said_to_be_exactly_so():
    class Sure(Corner):
        def forward(self, images):
            return 5 * super().forward(images)

    panel = pad_explorer(Sure(), ["no", "yes"])
    drawing = drawn_value((IMAGE > 0).byte() * 255)
    _, says = panel.look({"temperature": 4.0, "drawing": drawing})
    assert says.startswith("The teacher says yes with over 99.99 %, then no with 1 in ")
