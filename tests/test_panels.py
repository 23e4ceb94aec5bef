"""Explorers without a browser: tables, presets, refusals, pickers and controls."""

import asyncio
import base64
import gzip
import io
import itertools
import json
import math
import time

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

from kdlab import figures as fig
from kdlab.panels import (
    choice,
    dropdown,
    explore,
    explorer,
    image_picker,
    share_slider,
    show,
    student_controls,
    temperature_slider,
    tick,
)
from kdlab.panels.table import as_json, leaves
from lessons.samples import pictures


def bars(height):
    if height == 0:
        raise ValueError("height must be positive")
    return bar(height), f"{height} high"


def bar(height):
    return {"data": [{"type": "bar", "y": [height]}], "layout": {}}


def heights(least=1):
    return widgets.IntSlider(2, min=least, max=4)


def test_every_position_of_the_slider_is_drawn_by_the_view():
    table = pictures(explore(bars, height=heights()))
    assert [row.sentence for row in table] == ["1 high", "2 high", "3 high", "4 high"]
    assert [row.figure.data[0].y for row in table] == [(1,), (2,), (3,), (4,)]
    assert [row.values for row in table] == [{"height": n} for n in (1, 2, 3, 4)]


def test_a_view_that_refuses_says_why_and_the_picture_stays():
    zero, *_ = pictures(explore(bars, height=heights(least=0)))
    assert zero.figure is None and "must be positive" in zero.sentence


# --- the packed table, read as the browser reads it -----------------------------------


def put(node, path, value):
    """`node` with `value` at `path`: `put` of plots.js."""
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


@pytest.mark.parametrize(
    ("order", "tabulate"),
    [
        (["scale", "kind", "flag"], 1),
        (["scale", "kind", "flag"], 2),
        (["kind", "flag", "scale"], 2),
        (["flag", "kind", "scale"], 3),
    ],
)
def test_every_picture_of_a_packed_table_is_what_the_view_draws(
    order, tabulate, monkeypatch
):
    monkeypatch.setenv("KDLAB_EXPORT", "1")  # the table at once, nobody need ask
    controls = {
        "scale": widgets.FloatLogSlider(1, min=-0.3, max=1.3, step=0.2),
        "kind": widgets.Dropdown(options=["plain", "marked", "refused"]),
        "flag": widgets.Checkbox(),
    }
    places = {"scale": 9, "kind": 3, "flag": 2}
    controls = {name: controls[name] for name in order}
    panel = explore(everything, tabulate=tabulate, **controls)
    assert len(panel.picture.plotly_code.code) > 1e6
    rows = list(unpacked(panel.picture.table))
    wanted = math.prod(places[name] for name in order[:tabulate])
    assert len(rows) == len(pictures(panel)) == wanted
    for (place, figure, sentence), row in zip(rows, pictures(panel), strict=True):
        place = dict(zip(order, place, strict=True))
        place["kind"] = controls["kind"].options[place["kind"]]
        assert place == row.values and list(row.values) == order
        assert sentence == row.sentence
        if row.figure is None:
            assert figure is None and "refused" in sentence
            continue
        drawn, _ = everything(**row.values)
        drawn = drawn if isinstance(drawn, dict) else drawn.to_plotly_json()
        drawn["layout"].pop("template", None)
        for path, value in leaves({"data": list(drawn["data"]), **drawn}):
            assert json.dumps(at(figure, path)) == as_json(value), path
    both = {"kind", "flag"} <= set(order[:tabulate])  # some pairs of them are refused
    assert any(figure is None for _, figure, _ in rows) == both


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
    assert sum(row.values["height"] == slider.value for row in pictures(panel)) == 1


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
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

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


def test_a_slow_table_says_how_far_it_is_and_a_quick_one_does_not(monkeypatch):
    told = []
    for slow in (1.0, 0.0):
        monkeypatch.setattr(explorer, "SLOW", slow)
        monkeypatch.setattr(explorer, "NEWS", 0.0)
        monkeypatch.setattr(explorer, "SLICE", 0.0)
        panel = explore(bars, height=heights())
        panel.picture.observe(lambda change: told.append(change.new), "filling")

        async def ask(panel=panel):
            panel.picture._handle_custom_msg("shown", [])
            await panel.job

        asyncio.run(ask())
    assert told == [f"preparing: {n} of 4" for n in (1, 2, 3, 4)] + [""]


def test_nothing_to_tabulate_is_no_table():
    panel = explore(bars, tabulate=0, height=heights())
    panel.picture._handle_custom_msg("shown", [])
    assert panel.job is None and panel.picture.table == b""
    panel.controls["height"].value = 4  # the kernel answers
    assert [s for *_, s in unpacked(panel.picture.now)] == ["4 high"]
    assert [row.sentence for row in pictures(panel)] == ["4 high"]


def test_an_error_of_the_view_ends_the_table_and_is_shown():
    panel = explore(lambda n: bars([1, "x"][n] + 1), n=widgets.IntSlider(0, max=1))

    async def ask():
        panel.picture._handle_custom_msg("shown", [])
        await panel.job

    asyncio.run(ask())
    ((_, figure, sentence),) = unpacked(panel.picture.now)
    assert figure is None and sentence.startswith("TypeError: ")
    assert panel.picture.table == b""


def test_too_large_a_table_is_refused():
    with pytest.raises(ValueError, match="2500 pictures to tabulate, at most 2000"):
        explore(
            lambda a, b: None,
            tabulate=2,
            a=widgets.IntSlider(min=1, max=50),
            b=widgets.IntSlider(min=1, max=50),
        )


def test_what_cannot_be_tabulated_is_refused():
    with pytest.raises(ValueError, match="Text has no positions"):
        explore(bars, height=widgets.Text("a"))
    text = {"height": heights(), "name": widgets.Text("a")}
    panel = explore(lambda height, name: bars(height), **text)  # only the first is
    assert len(pictures(panel)) == 4
    with pytest.raises(ValueError, match="Text has no positions"):
        explore(lambda height, name: bars(height), tabulate=2, **text)


def test_presets_are_what_the_browser_sets():
    panel = explore(
        lambda temperature, image: bars(temperature),
        presets={
            "Hinton 2015": {"temperature": 20.0},
            "hot": 10.0,
            "other": {"image": "b"},
            "both": {"temperature": 10.0, "image": "b"},
        },
        temperature=widgets.FloatLogSlider(1, min=-1, max=1.5, step=0.05),
        image=widgets.Dropdown(options=[("first", "a"), ("second", "b")]),
    )
    reset, hinton, hot, other, both = panel.picture.presets
    assert reset == ["Reset", {"temperature": pytest.approx(1.0), "image": 0}]
    assert hinton == ["Hinton 2015", {"temperature": pytest.approx(10**1.3)}]
    assert hot == ["hot", {"temperature": pytest.approx(10.0)}]  # the first control
    assert other == ["other", {"image": 1}]  # the index of the option
    assert both == ["both", {"temperature": pytest.approx(10.0), "image": 1}]
    assert panel.values() == {"temperature": pytest.approx(1.0), "image": "a"}


@pytest.mark.parametrize(
    "preset, complaint",
    [
        ({"hight": 3}, "'bad': No control 'hight'; there are height"),
        ({"height": 9}, "height cannot be 9"),
        ({"height": "tall"}, "height cannot be 'tall'"),
        (9, "Preset 'bad': height cannot be 9"),
    ],
)
def test_an_impossible_preset_is_refused(preset, complaint):
    with pytest.raises(ValueError, match=complaint):
        explore(bars, presets={"bad": preset}, height=heights())


@pytest.mark.parametrize("label", ["Reset", "Stop"])
def test_a_preset_has_a_name_of_its_own(label):
    with pytest.raises(ValueError, match=f"Preset '{label}': .* rename it"):
        explore(bars, presets={label: 3}, height=heights())


def test_a_preset_needs_a_control():
    with pytest.raises(ValueError, match="Preset 'bad': No control"):
        explore(lambda: bars(1), presets={"bad": 3})


def test_a_view_must_draw_the_same_number_of_traces_everywhere():
    def growing(n):
        return {"data": [{"y": [1]}] * n, "layout": {}}, "some"

    with pytest.raises(TypeError, match="number of traces everywhere: 2 before, 1 at"):
        pictures(explore(growing, n=widgets.IntSlider(2, min=1, max=4)))


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
    for figure in bar(7), go.Figure(go.Bar(y=[7])):  # plain, or a figure of plotly
        panel = show(figure, "seven")
        ((_, shown, sentence),) = unpacked(panel.picture.now)
        assert (shown["data"][0]["y"], sentence) == ([7], "seven")
        assert panel.picture.presets == [] and len(pictures(panel)) == 1


def test_closing_a_panel_closes_all_that_it_holds():
    panel = explore(bars, height=heights())
    held = [panel, *panel.controls.values(), panel.picture]
    assert all(widget.comm for widget in held)
    panel.close()
    assert not any(widget.comm for widget in held)


# --- the image picker -----------------------------------------------------------------

NAMES = [f"image {n}, a {n}" for n in range(3)]
ADDRESSES = [fig.image_address(torch.full((1, 4, 4), n / 2)) for n in range(3)]


def test_a_picker_is_a_control():
    picker = image_picker(ADDRESSES, NAMES)
    panel = explore(bars, presets={"last": 2}, height=picker)
    assert [row.values["height"] for row in pictures(panel)] == [0, 1, 2]
    assert panel.picture.presets == [["Reset", {"height": 0}], ["last", {"height": 2}]]
    with pytest.raises(ValueError, match="cannot be 3"):
        explore(bars, presets={"bad": {"height": 3}}, height=picker)


def test_a_picker_needs_a_name_for_each_image():
    with pytest.raises(ValueError, match="2 images and 3 names"):
        image_picker(ADDRESSES[:2], NAMES)
    with pytest.raises(ValueError, match="0 images and 0 names"):
        image_picker([], [])


# --- controls that explorers share ----------------------------------------------------


def test_a_temperature_goes_in_equal_factors_through_all_powers_of_two():
    panel = explore(lambda temperature: bars(1.0), temperature=temperature_slider(8.0))
    found = [row.values["temperature"] for row in pictures(panel)]
    assert len(found) == 43 and (found[0], found[-1]) == (0.25, pytest.approx(32))
    factors = {round(b / a, 9) for a, b in itertools.pairwise(found)}
    assert factors == {round(2 ** (1 / 6), 9)}
    assert panel.values()["temperature"] == pytest.approx(8.0)


def test_a_choice_offers_numbers_in_words_and_named_values():
    numbers = choice("epochs", [2, 1500, 0.25], 1500)
    assert numbers.options == (("2", 2), ("1,500", 1500), ("0.25", 0.25))
    assert (numbers.value, numbers.description) == (1500, "epochs")
    named = choice("who", [("nobody", 0), ("all", 5)], 5)
    assert named.value == 5 and named.options[0] == ("nobody", 0)
    drop = dropdown("arm", ["a", "b"])
    assert drop.value == "a" and dropdown("arm", ["a", "b"], "b").value == "b"
    assert dropdown("arm", [("none", 0), ("one", 1)], 1).value == 1
    assert tick("also").value is False and tick("also", True).value is True


@pytest.mark.parametrize("examples", [60, 300, 20_000])
def test_a_student_learns_from_as_many_images_as_there_are(examples):
    controls = student_controls(examples, 0.9, noise=share_slider("noise", 0.0, 0.5))
    labels = controls["labels"]
    assert labels.options[-1] == (f"{examples:,} (all)", examples)
    counts = [count for _, count in labels.options]
    assert counts == sorted(set(counts)) and labels.value == min(2000, examples)
    assert [*controls][0] == "temperature" and [*controls][-1] == "noise"
    panel = explore(lambda **values: bars(1), **controls)
    assert panel.values()["soft_weight"] == 0.9 and panel.values()["width"] == 128
