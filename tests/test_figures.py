"""Figures: what is drawn is what was given, on scales that stay."""

import base64
import io

import pytest
import torch
from PIL import Image

from kdlab import figures
from kdlab.metrics import reliability

NAMES = ["top", "coat", "boot"]
PROBS = torch.tensor([0.7, 0.2, 0.1])


def drawn(*parts, **options):
    return figures.side_by_side("finding", *parts, **options)


def test_bars_show_the_values_in_class_order_on_a_fixed_scale():
    figure = drawn(figures.class_bars(PROBS, NAMES))
    bar = figure.data[0]
    assert list(bar.x) == pytest.approx([0.7, 0.2, 0.1]) and list(bar.y) == NAMES
    assert figure.layout.xaxis.range == (0, 1)
    assert figure.layout.yaxis.autorange == "reversed"  # the first class on top
    assert figure.layout.title.text == "finding"
    assert bar.marker.color == figures.TEACHER_COLOR


def test_bars_in_powers_of_ten_start_at_the_left_end():
    part = figures.class_bars(
        torch.tensor([1.0, 1e-3, 0.0]), NAMES, log=True, scale=(-8, 0)
    )
    figure = drawn(part)
    assert list(figure.data[0].x) == pytest.approx([1, 1e-3, 1e-8])
    assert list(figure.data[0].customdata) == pytest.approx([1, 1e-3, 0])  # on hover
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis.range == (-8, 0)


def test_parts_stand_side_by_side_without_overlap_and_keep_their_axes():
    image = torch.zeros(1, 4, 4)
    figure = drawn(
        figures.class_bars(PROBS, NAMES),
        figures.image(image),
        figures.class_bars(1 - PROBS, NAMES, title="second"),
        widths=[1, 1, 2],
    )
    first, second = figure.layout.xaxis, figure.layout.xaxis2
    picture = figure.layout.images[0]
    assert first.domain[1] < picture.x < picture.x + picture.sizex < second.domain[0]
    width = first.domain[1] - first.domain[0]
    assert second.domain[1] - second.domain[0] == pytest.approx(2 * width)
    assert second.domain[1] == pytest.approx(1) and second.title.text == "second"
    assert (figure.data[0].xaxis, figure.data[1].xaxis) == ("x", "x2")


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_stands_in_its_own_address_pixel_by_pixel(channels):
    pixels = torch.randint(256, (channels, 5, 7), dtype=torch.uint8)
    kind, _, code = figures.image_address(pixels).partition(",")
    assert kind == "data:image/png;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(code)))
    assert shown.size == (7, 5)
    assert shown.getpixel((6, 0)) == (
        int(pixels[0, 0, 6]) if channels == 1 else tuple(pixels[:, 0, 6].tolist())
    )
    assert figures.image_address(pixels / 255) == figures.image_address(pixels)


def test_a_gallery_has_each_picture_over_its_caption_in_rows():
    pictures = torch.rand(5, 1, 4, 4)
    figure = drawn(figures.gallery(pictures, list("abcde"), columns=3))
    assert list(figure.data[0].text) == list("abcde")
    images = figure.layout.images
    assert len({image.source for image in images}) == 5
    for image, x, y in zip(images, figure.data[0].x, figure.data[0].y, strict=True):
        assert image.x == x and image.xanchor == "center"
        assert y < image.y - image.sizey
        assert (image.xref, image.yref) == ("x", "y")
    assert images[0].y > images[3].y and images[0].x == images[3].x


def test_a_curve_has_a_dot_where_the_slider_is_and_two_differ_without_colour():
    part = figures.curves(
        [1, 2, 4],
        {"a": [0.1, 0.2, 0.3], "b": [3, 2, 1]},
        2.1,
        (figures.temperature_axis(), figures.axis("height", [0, 3])),
        ["#000000", "#000000"],
    )
    line_a, dot_a, line_b, dot_b = drawn(part, legend=True).data
    assert list(line_a.y) == [0.1, 0.2, 0.3]
    assert (dot_a.x, dot_a.y, dot_b.y) == ((2,), (0.2,), (2,))
    assert line_a.line.dash != line_b.line.dash
    assert dot_a.marker.symbol != dot_b.marker.symbol
    assert dot_a.showlegend is False


def test_reliability_bars_are_pale_where_few_examples_are():
    logits = torch.tensor([[4.0, 0.0]] * 9 + [[0.1, 0.0]])
    table = reliability(logits, torch.zeros(10, dtype=torch.long), bins=5)
    bars, diagonal = drawn(figures.reliability_bars(table, "#D55E00")).data
    assert list(bars.y) == [0, 0, 1, 0, 1] and list(diagonal.x) == [0, 1]
    assert bars.marker.opacity[4] == 1 > bars.marker.opacity[2]


def test_targets_add_a_diamond_on_each_bar():
    part = figures.targets(figures.class_bars(PROBS, NAMES), 1 - PROBS, "goal", "#000")
    _, diamonds = drawn(part).data
    assert list(diamonds.x) == pytest.approx([0.3, 0.8, 0.9])
    assert list(diamonds.y) == NAMES


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0.0 %"),
        (1e-9, "under 0.1 %"),
        (0.0384, "3.8 %"),
        (0.99999, "over 99.9 %"),
        (1, "100.0 %"),
    ],
)
def test_a_share_in_words_is_never_rounded_to_nothing_or_to_all(share, words):
    assert figures.percent(share) == words
