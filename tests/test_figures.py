"""Figures: what is drawn is what was given, on scales that stay."""

import base64
import inspect
import io
import json
import math

import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

from kdlab import figures as fig
from kdlab.metrics import reliability

NAMES = ["top", "coat", "boot"]
PROBS = torch.tensor([0.7, 0.2, 0.1])


def drawn(*parts, **options):
    """The picture as plotly reads it, which refuses a key that it does not know."""
    return go.Figure(fig.picture("finding", *parts, says="so it is", **options).figure)


# Pictures


def test_a_picture_is_plain_data_and_its_sentence():
    figure, sentence = found = fig.picture(
        "finding", fig.class_bars(PROBS, NAMES), says="so"
    )
    assert sentence == found.sentence == "so" and found.figure is figure
    assert set(figure) == {"data", "layout"}
    assert json.loads(json.dumps(figure)) == figure  # no tensor, no tuple, no Figure
    assert figure["layout"]["title"]["text"] == "finding"


def test_a_legend_has_room_under_the_title_and_the_height_is_the_one_asked_for():
    bars = fig.class_bars(PROBS, NAMES)
    plain, named = drawn(bars).layout, drawn(bars, legend=True, height=500).layout
    assert (plain.showlegend, named.showlegend) == (False, True)
    assert named.margin.t > plain.margin.t
    assert (plain.height, named.height) == (360, 500)


def left_margin(*names):
    part = fig.dots({name: [1.0] for name in names}, fig.axis("x"))
    return drawn(part).layout.margin.l


def test_the_left_margin_follows_from_the_names_of_the_rows():
    assert left_margin("a") == left_margin("blend") == 60  # there is room for these
    long = 2 * "with the teacher"
    assert 60 < left_margin("with the teacher") < left_margin("a", long)
    assert left_margin("a", long) >= 8 * len(long)  # pixels


def test_the_left_margin_is_that_of_the_first_part():
    short = fig.dots({"a": [1.0]}, fig.axis("x"))
    long = fig.dots({"with the teacher": [1.0]}, fig.axis("x"))
    assert drawn(short, long).layout.margin.l == 60 < drawn(long, short).layout.margin.l
    assert drawn(fig.image(torch.zeros(1, 4, 4)), long).layout.margin.l == 60


TABLE = reliability(torch.tensor([[4.0, 0.0]] * 9), torch.zeros(9).long(), bins=5)
X = fig.axis("errors", [0, 10], ticks={"five": 5})
EVERY_PART = {
    "image": lambda: fig.image(torch.zeros(1, 4, 4)),
    "gallery": lambda: fig.gallery(torch.rand(3, 3, 4, 4), list("abc"), columns=2),
    "class_bars": lambda: fig.class_bars(PROBS, NAMES, log=True, scale=(-8, 0)),
    "grouped_bars": lambda: fig.grouped_bars({"a": (PROBS, "#000")}, NAMES),
    "curves": lambda: fig.curves(
        [1, 2],
        {"a": [0.1, 0.2]},
        1.0,
        (fig.temperature_axis(), X),
        ["#000"],
        fig.upright(1.5, [0, 1], "here"),
    ),
    "reliability_bars": lambda: fig.reliability_bars(TABLE, "#000"),
    "dots": lambda: fig.dots({"a": [1.0, 2.0]}, X, {"a": "#000"}, {"a": [1.0, 3.0]}),
    "spared_dots": lambda: fig.spared_dots({"a": [1.0, 2.0]}, X, {}),
    "unnamed": lambda: fig.unnamed(fig.class_bars(PROBS, NAMES)),
    "lines_with_spread": lambda: fig.lines_with_spread(
        [1, 2], {"a": [[1, 3], [5, 5]]}, (X, X), ["red"]
    ),
    "heat_map": lambda: fig.heat_map(
        torch.tensor([[1.0, math.nan]]),
        ["1", "2"],
        ["3"],
        ("x", "y"),
        scale=(0, 1),
        title="errors",
        colors=fig.DIVERGING,
        here=(0, 1),
    ),
}
WITHIN_PARTS = {"axis", "temperature_axis", "upright"}  # made by those above


@pytest.mark.parametrize("name", EVERY_PART)
def test_plotly_knows_every_key_of_every_part(name):
    part = EVERY_PART[name]()
    figure = drawn(part, fig.class_bars(PROBS, NAMES), legend=True)
    assert figure.data and json.dumps(fig.picture("x", part, says="").figure)


def test_a_key_that_is_misspelt_is_noticed():
    bars = fig.class_bars(PROBS, NAMES)
    with pytest.raises(ValueError, match="colour"):
        drawn({**bars, "traces": [{**bars["traces"][0], "colour": "red"}]})
    with pytest.raises(ValueError, match="rnage"):
        drawn({**bars, "x": {**bars["x"], "rnage": [0, 1]}})


def test_no_part_is_left_out_above():
    functions = inspect.getmembers(fig, inspect.isfunction)
    made = {name for name, f in functions if f.__annotations__["return"] is fig.Part}
    assert made == set(EVERY_PART) | WITHIN_PARTS


# Parts


def test_bars_show_the_values_in_class_order_on_a_fixed_scale():
    figure = drawn(fig.class_bars(PROBS, NAMES))
    bar = figure.data[0]
    assert list(bar.x) == pytest.approx([0.7, 0.2, 0.1]) and list(bar.y) == NAMES
    assert figure.layout.xaxis.range == (0, 1)
    assert figure.layout.yaxis.autorange == "reversed"  # the first class on top
    assert figure.layout.title.text == "finding"
    assert bar.marker.color == fig.TEACHER


def test_bars_in_powers_of_ten_start_at_the_left_end():
    part = fig.class_bars(
        torch.tensor([1.0, 1e-3, 0.0]), NAMES, log=True, scale=(-8, 0)
    )
    figure = drawn(part)
    assert list(figure.data[0].x) == pytest.approx([1, 1e-3, 1e-8])
    assert list(figure.data[0].customdata) == pytest.approx([1, 1e-3, 0])  # on hover
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis.range == (-8, 0)


def test_parts_stand_side_by_side_without_overlap_and_keep_their_axes():
    image = torch.zeros(1, 4, 4)
    figure = drawn(
        fig.class_bars(PROBS, NAMES),
        fig.image(image),
        fig.class_bars(1 - PROBS, NAMES, title="second"),
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
    kind, _, code = fig.image_address(pixels).partition(",")
    assert kind == "data:image/png;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(code)))
    assert shown.size == (7, 5)
    assert shown.getpixel((6, 0)) == (
        int(pixels[0, 0, 6]) if channels == 1 else tuple(pixels[:, 0, 6].tolist())
    )
    assert fig.image_address(pixels / 255) == fig.image_address(pixels)


def test_a_gallery_has_each_picture_over_its_caption_in_rows():
    pictures = torch.rand(5, 1, 4, 4)
    figure = drawn(fig.gallery(pictures, list("abcde"), columns=3))
    assert list(figure.data[0].text) == list("abcde")
    images = figure.layout.images
    assert len({image.source for image in images}) == 5
    for image, x, y in zip(images, figure.data[0].x, figure.data[0].y, strict=True):
        assert image.x == x and image.xanchor == "center"
        assert y < image.y - image.sizey
        assert (image.xref, image.yref) == ("x", "y")
    assert images[0].y > images[3].y and images[0].x == images[3].x


def test_a_curve_has_a_dot_where_the_slider_is_and_two_differ_without_colour():
    part = fig.curves(
        [1, 2, 4],
        {"a": [0.1, 0.2, 0.3], "b": [3, 2, 1]},
        2.1,
        (fig.temperature_axis(), fig.axis("height", [0, 3])),
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
    bars, diagonal = drawn(fig.reliability_bars(table, "#D55E00")).data
    assert list(bars.y) == [0, 0, 1, 0, 1] and list(diagonal.x) == [0, 1]
    assert bars.marker.opacity[4] == 1 > bars.marker.opacity[2]


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
    assert fig.percent(share) == words
