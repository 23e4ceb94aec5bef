"""A still shows what the picture in the browser shows: ticks, marks, steps, words."""

import sys
from importlib import import_module
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from kdlab import figures as fig

sys.path.append(str(Path(__file__).resolve().parents[1] / "settings"))
still_pictures = import_module("still_pictures")
POWERS = {"type": "log", "range": [-12.1, 0.1], "dtick": 2}


def drawn(trace, x=None, y=None, kind="svg", **layout):
    """Its axes, of a figure with this trace."""
    trace = {"type": "scatter", "mode": "markers", "x": [1, 2], "y": [1, 2], **trace}
    axes = {"xaxis": x or {}, "yaxis": y or {}}
    figure = {"data": [trace], "layout": {**axes, **layout}}
    return still_pictures.drawn(figure, kind).axes[0]


def labels(part):
    """The numbers under the x axis that are within its ends."""
    part.figure.canvas.draw()
    low, high = sorted(part.get_xlim())
    return [t.get_text() for t in part.get_xticklabels() if low <= t._x <= high]


@pytest.mark.parametrize(
    ("ends", "step", "shown"),
    [
        ((-0.2, 0.4), 1, ["1", "2"]),
        ((2.05, 2.9), 1, ["200", "500"]),
        ((-2.1, 2.1), 1, 5),
        ((-4.1, 4.1), 2, 5),
        ((-12.1, 0.1), 1, 13),
    ],
)
def test_a_scale_of_powers_has_more_than_one_tick(ends, step, shown):
    axis = {"type": "log", "range": ends, "dtick": step}
    found = labels(drawn({"x": [10 ** ends[0], 10 ** ends[1]]}, x=axis))
    assert (found if isinstance(shown, list) else len(found)) == shown


def test_each_mark_of_the_course_has_a_shape_of_its_own():
    marks = [*fig.parts.SYMBOLS, "triangle-up", "line-ns"]
    shapes = []
    for mark in marks:
        (dots,) = drawn({"marker": {"symbol": mark}}).collections
        shapes.append(dots.get_paths()[0].vertices.tobytes())
    assert len(set(shapes)) == len(marks)


def test_a_line_of_steps_is_drawn_in_steps():
    line = {"mode": "lines", "line": {"shape": "hv"}}
    assert drawn(line).lines[0].get_drawstyle() == "steps-post"
    assert drawn({"mode": "lines"}).lines[0].get_drawstyle() == "default"


@pytest.mark.parametrize("scale", [{"range": [-1.05, 1.05]}, POWERS])
def test_words_of_a_slide_lie_apart(scale):
    wide = {**scale, "domain": [0, 0.3], "title": {"text": "weight"}}
    name = {"name": "a rather long name of a line", "showlegend": True}
    title = {"text": " ".join(["a long title that goes on"] * 8)}
    part = drawn(name, x=wide, title=title, showlegend=True, margin={"t": 84})
    paper = part.figure
    paper.canvas.draw()
    ruler = FigureCanvasAgg(paper).get_renderer()
    low, high = part.get_xlim()
    shown = [t for t in part.get_xticklabels() if low <= t._x <= high]
    words = [*shown, *part.get_legend().get_texts(), part.xaxis.label, *paper.texts]
    boxes = [(word.get_text(), word.get_window_extent(ruler)) for word in words]
    assert len(shown) > 3
    for (one, here), (other, there) in combinations(boxes, 2):
        assert not here.overlaps(there), f"{one!r} lies on {other!r}"
