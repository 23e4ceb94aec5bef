"""Panels without a browser: their tables, presets, refusals, and runs of generators."""

import asyncio
import base64
import gzip
import io
import itertools
import json
import subprocess
import sys
import threading
import time

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

from kdlab.panels import explore, explore_steps, image_picker, show
from kdlab.tables import as_json, leaves


def bars(height):
    if height == 0:
        raise ValueError("height must be positive")
    return go.Figure(go.Bar(y=[height])), f"{height} high"


def heights(least=1):
    return widgets.IntSlider(2, min=least, max=4)


def test_every_position_of_the_slider_is_drawn_by_the_view():
    table = explore(bars, height=heights()).pictures()
    assert [row.sentence for row in table] == ["1 high", "2 high", "3 high", "4 high"]
    assert [row.figure.data[0].y for row in table] == [(1,), (2,), (3,), (4,)]
    assert [row.values for row in table] == [{"height": n} for n in (1, 2, 3, 4)]


def test_a_view_that_refuses_says_why_and_the_picture_stays():
    zero, *_ = explore(bars, height=heights(least=0)).pictures()
    assert zero.figure is None and "must be positive" in zero.sentence


# --- the packed table, read as the browser reads it -----------------------------------


def put(node, path, value):
    """`node` with `value` at `path`: `put` of panels.js."""
    if not path:
        return value
    key, *rest = path
    if isinstance(key, int):
        node = list(node or [])
        node += [None] * (key + 1 - len(node))
    else:
        node = dict(node or {})
    child = node[key] if isinstance(key, int) else node.get(key)
    node[key] = put(child, rest, value)
    return node


def unpacked(packed):
    """(places, figure or None, sentence) of every row."""
    table = json.loads(gzip.decompress(packed))
    values, first = table["values"], {}
    for path, number in table["first"]:
        first = put(first, path, values[number])
    places = itertools.product(*table["axes"].values())
    rows = zip(places, table["rows"], table["sentences"], strict=True)
    for place, row, sentence in rows:
        figure = None if row is None else first
        for path, number in zip(table["paths"], row or [], strict=row is not None):
            figure = put(figure, path, values[number])
        yield place, figure, sentence


def at(node, path):
    for key in path:
        node = node[key]
    return node


PIXELS = np.zeros((2, 2), dtype=np.uint8)


def data_uri(shade):
    png = io.BytesIO()
    Image.fromarray(PIXELS + np.uint8(shade)).save(png, "PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def everything(scale, kind, flag):
    """All that a figure may hold: arrays, lists, tensors, holes, images, colours."""
    if kind == "refused" and flag:
        raise ValueError("this pair is refused")
    curve = np.array([scale, 1 / 3, 0, np.nan, 1e-300]) * (1 + flag)
    image = {"source": data_uri(int(scale)), "x": 0, "y": 1, "sizex": 1, "sizey": 1}
    data = [
        {"type": "scatter", "x": [0, 0.5, 1], "y": curve, "marker": {"color": "red"}},
        {"type": "heatmap", "z": np.arange(6, dtype="f4").reshape(2, 3) / 7 * scale},
        {"type": "bar", "x": ["a", "NaN"], "y": np.array([scale, 2])},
    ]
    if kind == "marked":
        data[0]["marker"] = {"size": [1, 2, 3], "line": {"width": scale}}
    layout = {"title": {"text": f"{kind} {scale:.3f}"}, "images": [image]}
    return go.Figure(data, layout) if flag else {"data": data, "layout": layout}, kind


@pytest.mark.parametrize("tabulate", [["scale"], ["scale", "kind"], ["kind", "flag"]])
def test_every_picture_of_a_packed_table_is_what_the_view_draws(tabulate, monkeypatch):
    monkeypatch.setenv("KDLAB_EXPORT", "1")  # the table at once, nobody need ask
    controls = {
        "scale": widgets.FloatLogSlider(1, min=-0.3, max=1.3, step=0.1),
        "kind": widgets.Dropdown(options=["plain", "marked", "refused"]),
        "flag": widgets.Checkbox(),
    }
    panel = explore(everything, tabulate=tabulate, **controls)
    assert len(panel.picture.plotly_code.code) > 1e6
    rows = list(unpacked(panel.picture.table))
    assert len(rows) == len(panel.pictures()) > 5
    for (place, figure, sentence), row in zip(rows, panel.pictures(), strict=True):
        kinds = controls["kind"].options
        assert (place[0], kinds[place[1]], place[2]) == tuple(row.values.values())
        assert sentence == row.sentence
        if row.figure is None:
            assert figure is None and "refused" in sentence
            continue
        drawn, _ = everything(**row.values)
        drawn = drawn if isinstance(drawn, dict) else drawn.to_plotly_json()
        drawn["layout"].pop("template", None)
        for path, value in leaves({"data": list(drawn["data"]), **drawn}):
            assert json.dumps(at(figure, path)) == as_json(value), path
    assert any(figure is None for _, figure, _ in rows) == (tabulate[0] == "kind")


def test_arrays_keep_six_digits_and_holes_are_null():
    array = np.array([1 / 3, 123456.789, 0, np.nan, np.inf, -2e-9], dtype=float)
    assert as_json(array) == "[0.333333, 123457.0, 0.0, null, null, -2e-09]"
    assert as_json(torch.tensor([1 / 3, 2.0])) == "[0.333333, 2.0]"
    assert as_json([0.1, float("nan")]) == "[0.1, null]"
    assert json.loads(as_json({"a": [1, float("inf"), "NaN"]})) == {
        "a": [1, None, "NaN"]
    }


def test_now_is_a_table_of_one_picture_and_follows_the_control():
    panel = explore(bars, height=heights(least=0))
    panel.controls["height"].value = 3
    ((place, figure, sentence),) = unpacked(panel.picture.now)
    assert (place, figure["data"][0]["y"], sentence) == ((3,), [3], "3 high")
    panel.controls["height"].value = 0
    ((place, figure, sentence),) = unpacked(panel.picture.now)
    assert (place, figure, sentence) == ((0,), None, "height must be positive")
    assert "template" not in str(gzip.decompress(panel.picture.now))


def test_a_slider_that_starts_off_its_grid_starts_on_it():
    slider = widgets.FloatLogSlider(2, min=-1, max=1, step=0.1)
    panel = explore(bars, height=slider)
    assert slider.value == pytest.approx(10**0.3)
    assert sum(row.values["height"] == slider.value for row in panel.pictures()) == 1


def slow_bars(height, n):
    time.sleep(0.01)  # so that a table takes more than one slice
    return bars(height * n)


def tabulated(moves):
    """Sentences of each table sent, when the browser asks and then the option moves."""
    dropdown, sent = widgets.Dropdown(options=[1, 2]), []
    panel = explore(slow_bars, height=heights(), n=dropdown)
    panel.picture.observe(lambda change: sent.append(change.new), "table")

    async def ask_and_move():
        panel.picture._handle_custom_msg("shown", [])
        for wait, option in moves:
            await (panel.job if wait else asyncio.sleep(0))
            dropdown.value = option
        await asyncio.sleep(0.4)

    asyncio.run(ask_and_move())
    return panel, [[sentence for *_, sentence in unpacked(table)] for table in sent]


def test_a_table_is_drawn_when_the_browser_asks_and_covers_what_it_says():
    panel, sent = tabulated(moves=[])
    assert sent == [["1 high", "2 high", "3 high", "4 high"]]
    assert panel.covered.covers({"height": 4, "n": 0})
    assert not panel.covered.covers({"height": 4, "n": 1})
    now = panel.picture.now
    panel.controls["height"].value = 4  # the browser answers, the kernel need not
    assert panel.picture.now == now


def test_a_table_under_way_is_given_up_for_a_newer_one():
    _, sent = tabulated(moves=[(False, 2)])
    assert sent == [["2 high", "4 high", "6 high", "8 high"]]


def test_a_table_under_way_is_given_up_on_the_way_back():
    panel, sent = tabulated(moves=[(True, 2), (False, 1)])
    assert sent == [["1 high", "2 high", "3 high", "4 high"]]
    assert panel.covered.covers(panel.places())


def test_too_large_a_table_is_refused():
    with pytest.raises(ValueError, match="2500 pictures to tabulate, at most 2000"):
        explore(
            lambda a, b: None,
            tabulate=["a", "b"],
            a=widgets.IntSlider(min=1, max=50),
            b=widgets.IntSlider(min=1, max=50),
        )


def test_what_cannot_be_tabulated_is_refused():
    with pytest.raises(ValueError, match="Text has no positions"):
        explore(bars, height=widgets.Text("a"))
    with pytest.raises(ValueError, match="'width'.*controls: height"):
        explore(bars, tabulate=["width"], height=heights())


def test_presets_are_what_the_browser_sets():
    panel = explore(
        lambda temperature, image: bars(temperature),
        presets={"Hinton 2015": {"temperature": 20.0}, "both": {"image": "b"}},
        temperature=widgets.FloatLogSlider(1, min=-1, max=1.5, step=0.05),
        image=widgets.Dropdown(options=[("first", "a"), ("second", "b")]),
    )
    reset, hinton, both = panel.picture.presets
    assert reset == ["Reset", {"temperature": pytest.approx(1.0), "image": 0}]
    assert hinton == ["Hinton 2015", {"temperature": pytest.approx(10**1.3)}]
    assert both == ["both", {"image": 1}]  # the index of the option
    assert panel.values() == {"temperature": pytest.approx(1.0), "image": "a"}


@pytest.mark.parametrize(
    "preset, complaint",
    [
        ({"hight": 3}, "'bad': No control 'hight'; there are height"),
        ({"height": 9}, "height cannot be 9"),
        ({"height": "tall"}, "height cannot be 'tall'"),
    ],
)
def test_an_impossible_preset_is_refused(preset, complaint):
    with pytest.raises(ValueError, match=complaint):
        explore(bars, presets={"bad": preset}, height=heights())


def test_a_view_must_draw_the_same_number_of_traces_everywhere():
    def growing(n):
        return {"data": [{"y": [1]}] * n, "layout": {}}, "some"

    with pytest.raises(TypeError, match="number of traces everywhere: 2 before, 1 at"):
        explore(growing, n=widgets.IntSlider(2, min=1, max=4)).pictures()


def test_a_bug_of_a_view_is_shown_and_raised():
    panel = explore(lambda n: bars([1, "x"][n] + 1), n=widgets.IntSlider(0, max=1))
    with pytest.raises(TypeError, match="concatenate"):
        panel.controls["n"].value = 1
    ((_, figure, sentence),) = unpacked(panel.picture.now)
    assert figure is None and sentence.startswith("TypeError: ")


def test_the_browsers_controls_are_taken_over_when_a_move_was_lost():
    panel = explore(bars, height=heights())
    panel.picture._handle_custom_msg({"wanted": {"height": 4}}, [])
    assert [s for *_, s in unpacked(panel.picture.now)] == ["4 high"]


def test_show_is_an_explorer_without_controls():
    panel = show(go.Figure(go.Bar(y=[7])), "seven")
    ((_, figure, sentence),) = unpacked(panel.picture.now)
    assert (figure["data"][0]["y"], sentence) == ([7], "seven")
    assert panel.picture.presets == [] and len(panel.pictures()) == 1


# --- generators -----------------------------------------------------------------------


class Steps:
    """A generator that waits for a nod before each step, and notes what happens."""

    def __init__(self):
        self.events, self.inside, self.most = [], 0, 0

    def __call__(self, width):
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            for step in range(200):
                time.sleep(0.005)
                yield go.Figure(go.Bar(y=[width])), f"{width}: {step}"
            return "trained"
        except GeneratorExit:
            self.events.append(f"closed {width}")
            raise
        finally:
            time.sleep(0.05)  # a slow ending: the next must wait for it
            self.inside -= 1


def sentence_of(panel):
    return next(unpacked(panel.picture.now))[2] if panel.picture.now else ""


def wait_until(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError("not within five seconds")


def test_a_new_position_closes_the_generator_and_starts_another():
    steps, threads = Steps(), threading.active_count()
    panel = explore_steps(steps, width=widgets.IntSlider(3, max=9))
    wait_until(lambda: sentence_of(panel).startswith("3: "))
    panel.controls["width"].value = 4
    panel.controls["width"].value = 5
    wait_until(lambda: sentence_of(panel).startswith("5: "))
    assert steps.events == ["closed 3"] and steps.most == 1  # 4 never began
    assert threading.active_count() == threads + 1
    panel.close()
    wait_until(lambda: threading.active_count() == threads)
    assert steps.events == ["closed 3", "closed 5"]


def test_stop_and_run_again():
    steps = Steps()
    panel = explore_steps(steps, width=widgets.IntSlider(3, max=9))
    assert panel.picture.state == "running"
    wait_until(lambda: sentence_of(panel))
    panel.picture._handle_custom_msg("stop", [])
    assert panel.picture.state == "ended"  # at once
    wait_until(lambda: steps.events == ["closed 3"])
    panel.picture._handle_custom_msg("start", [])
    assert panel.picture.state == "running"
    assert asyncio.run(panel.finished()) == "trained"
    assert sentence_of(panel) == "3: 199" and panel.picture.state == "ended"
    assert steps.most == 1


def test_a_run_that_ends_while_it_is_paused_is_over():
    last = threading.Event()

    def one_picture():
        yield go.Figure(), "done"
        last.set()

    panel = explore_steps(one_picture)
    with panel.lock:  # nobody is told yet that the run has ended
        assert last.wait(5)
        time.sleep(0.1)
        panel.pause()
        assert panel.picture.state == "paused"
    asyncio.run(panel.finished())
    assert panel.picture.state == "ended"


def test_a_run_that_ends_after_a_new_position_does_not_end_that_one():
    steps = Steps()
    panel = explore_steps(steps, width=widgets.IntSlider(3, max=9))
    old = panel.run
    panel.controls["width"].value = 4
    panel._ended(old)
    assert panel.picture.state == "running"
    panel.close()


def test_stopped_before_there_was_a_picture_it_says_so():
    nod = threading.Event()

    def silent():
        while True:
            nod.wait(5)
            yield None

    panel = explore_steps(silent)
    panel.stop()
    nod.set()
    asyncio.run(panel.finished())
    assert sentence_of(panel) == "Stopped before there was a picture."


def test_controls_begin_as_told_or_it_says_what_is_wrong():
    steps = Steps()
    panel = explore_steps(steps, begin={"width": 5}, width=widgets.IntSlider(3, max=9))
    assert panel.values() == {"width": 5}
    assert panel.picture.presets[0] == ["Reset", {"width": 5}]
    panel.close()
    for begin, complaint in (({"T": 4}, "No control 'T'"), ({"width": 99}, "cannot")):
        with pytest.raises(ValueError, match=complaint):
            explore_steps(steps, begin=begin, width=widgets.IntSlider(3, max=9))


ENDING = """
import time
import torch
from kdlab.panels import explore_steps

def steps():
    weights = torch.randn(300, 300, requires_grad=True)
    while True:
        (weights @ weights).sum().backward()
        yield {"data": [], "layout": {}}, "working"

panel = explore_steps(steps)
time.sleep(0.1)
"""


def test_a_process_that_ends_while_a_panel_works_ends_well():
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_closing_a_panel_closes_all_that_it_holds():
    panel = explore(bars, height=heights())
    held = [panel, *panel.controls.values(), panel.picture]
    assert all(widget.comm for widget in held)
    panel.close()
    assert not any(widget.comm for widget in held)


def test_pause_draws_the_step_it_stands_at_and_resume_goes_on():
    steps = Steps()
    panel = explore_steps(steps, width=widgets.IntSlider(3, max=9))
    wait_until(lambda: sentence_of(panel))
    panel.picture._handle_custom_msg("pause", [])
    time.sleep(0.1)
    stood = sentence_of(panel)
    time.sleep(0.2)
    assert sentence_of(panel) == stood and panel.picture.state == "paused"
    panel.picture._handle_custom_msg("resume", [])
    wait_until(lambda: sentence_of(panel) != stood)
    assert panel.picture.state == "running" and not steps.events
    panel.picture._handle_custom_msg("pause", [])
    panel.picture._handle_custom_msg("stop", [])  # also while it is paused
    wait_until(lambda: steps.events == ["closed 3"])


def test_a_panel_that_holds_draws_the_first_picture_until_it_is_started():
    steps = Steps()
    panel = explore_steps(steps, hold=True, width=widgets.IntSlider(3, max=9))
    assert asyncio.run(panel.finished()) is None
    assert sentence_of(panel) == "3: 0" and panel.picture.state == "ended"
    panel.controls["width"].value = 4
    asyncio.run(panel.finished())
    assert sentence_of(panel) == "4: 0"
    panel.picture._handle_custom_msg("start", [])
    assert asyncio.run(panel.finished()) == "trained"
    assert sentence_of(panel) == "4: 199"


def test_a_picture_that_is_not_drawn_is_not_made():
    made = []

    def steps():
        for step in range(200):
            yield lambda step=step: made.append(step) or (go.Figure(), f"{step}")
            yield None  # nothing new, but a place to stop at

    panel = explore_steps(steps)
    asyncio.run(panel.finished())
    assert made[0] == 0 and made[-1] == 199 and len(made) < 20
    assert sentence_of(panel) == "199"


def test_at_most_twenty_pictures_a_second_and_the_last_one_always():
    panel = explore_steps(Steps(), width=widgets.IntSlider(3, max=9))
    drawn, started = [], time.monotonic()
    panel.picture.observe(lambda change: drawn.append(change.new), "now")
    asyncio.run(panel.finished())
    seconds = time.monotonic() - started
    assert 5 < len(drawn) <= 20 * seconds + 2
    assert sentence_of(panel) == "3: 199"


def failing(error):
    def generator(width):
        yield go.Figure(go.Bar(y=[width])), "began"
        raise error

    return explore_steps(generator, width=widgets.IntSlider(3, max=9))


@pytest.mark.parametrize("error", [ValueError, FloatingPointError])
def test_an_expected_error_is_the_sentence(error):
    panel = failing(error("the loss is not finite"))
    assert asyncio.run(panel.finished()) is None
    ((_, figure, sentence),) = unpacked(panel.picture.now)
    assert figure is None and sentence == "the loss is not finite"


def test_an_unexpected_error_is_shown_and_raised_by_finished():
    panel = failing(KeyError("teacher"))
    with pytest.raises(KeyError, match="teacher"):
        asyncio.run(panel.finished())
    assert sentence_of(panel) == "KeyError: 'teacher'"
    panel.controls["width"].value = 4  # the next run has an error of its own
    with pytest.raises(KeyError):
        asyncio.run(panel.finished())


# --- the image picker -----------------------------------------------------------------

NAMES = [f"image {n}, a {n}" for n in range(3)]


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 1, 4, 4), (3, 3, 4, 4)])
def test_a_picker_shows_the_images_side_by_side(shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    picker = image_picker(images, NAMES)
    sprite = np.asarray(Image.open(io.BytesIO(picker.sprite)))
    assert sprite.shape[:2] == (4, 12)
    second = sprite[:, 4:8].astype(float) / 255
    image = images[1].reshape(-1, 4, 4).permute(1, 2, 0).squeeze(-1).numpy()
    assert np.abs(second - image).max() <= 0.5 / 255 + 1e-6
    as_bytes = image_picker((images * 255).round().to(torch.uint8), NAMES)
    assert as_bytes.sprite == picker.sprite


def test_a_picker_is_a_control():
    picker = image_picker(np.zeros((3, 4, 4)), NAMES)
    panel = explore(bars, presets={"last": {"height": 2}}, height=picker)
    assert [row.values["height"] for row in panel.pictures()] == [0, 1, 2]
    assert panel.picture.presets == [["Reset", {"height": 0}], ["last", {"height": 2}]]
    with pytest.raises(ValueError, match="cannot be 3"):
        explore(bars, presets={"bad": {"height": 3}}, height=picker)


@pytest.mark.parametrize(
    "images, complaint",
    [
        (np.zeros((3, 2, 4, 4)), "got \\[3, 2, 4, 4\\]"),
        (np.full((3, 4, 4), 255.0), "floats in \\[0, 1\\], got float64 from 255"),
        (np.zeros((2, 4, 4)), "2 images and 3 names"),
    ],
)
def test_a_picker_refuses_what_it_cannot_show(images, complaint):
    with pytest.raises(ValueError, match=complaint):
        image_picker(images, NAMES)
