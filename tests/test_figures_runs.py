"""Parts for runs: every run is a dot at its value, means and spreads are theirs."""

import math

import plotly.graph_objects as go
import pytest
import torch

from kdlab.figures import (
    LABELS,
    axis,
    class_bars,
    dots,
    heat_map,
    in_words,
    lines_with_spread,
    mean_spread,
    mean_words,
    picture,
    spared_dots,
    unnamed,
)

RUNS = {"labels": [730.0, 740.0, 750.0], "teacher": [480.0, 470.0], "none": []}


def traces(part):
    return {trace["name"]: trace for trace in part["traces"]}


def test_mean_and_spread_are_those_of_a_sample():
    assert mean_spread([1, 3]) == (2, pytest.approx(2**0.5))
    assert mean_words([1, 3]) == "2 ± 1"
    mean, spread = mean_spread([5.0])
    assert mean == 5 and spread != spread  # one alone has none
    assert mean_words([5.0]) == "5"


def test_each_run_is_a_dot_in_the_row_of_its_name():
    part = dots(RUNS, axis("errors", [0, 1000]), {"teacher": "#D55E00"})
    run = traces(part)["one run"]
    assert run["x"] == [730, 740, 750, 480, 470]
    rows = dict(zip(part["y"]["ticktext"], part["y"]["tickvals"], strict=True))
    for y, name in zip(run["y"], run["text"], strict=True):
        assert abs(y - rows[f"{name} "]) < 0.3
    assert run["marker"]["color"][3] == "#D55E00"
    mean = traces(part)["mean"]
    assert mean["x"] == [740, 475] and mean["y"] == [2, 1]  # an empty row has none
    assert traces(part)["spread"]["x"][:2] == [730, 750]


def test_dots_stay_where_they_are_when_more_come():
    first = traces(dots({"a": [1.0], "b": []}, {}))["one run"]
    later = traces(dots({"a": [1.0, 2.0], "b": [3.0]}, {}))["one run"]
    assert later["y"][0] == first["y"][0] and later["y"][1] != later["y"][0]


@pytest.mark.parametrize("log", [False, True])
def test_what_lies_beyond_the_axis_stands_at_its_edge(log):
    ends = [1, 2] if log else [10, 100]
    part = dots({"a": [50.0, 900.0]}, axis("errors", ends, log=log))
    run = traces(part)["one run"]
    assert run["x"] == [50, 100] and run["customdata"] == [50, 900]
    assert traces(part)["mean"]["x"] == [100]
    assert traces(part)["spread"]["x"] == [10, 100, None]


def test_stored_runs_are_a_band_behind():
    part = dots(RUNS, axis("errors"), stored={"labels": [700.0, 720.0]})
    band = part["traces"][0]
    spread = 200**0.5
    assert band["name"] == "stored runs" and band["y"] == [2, 2, None]
    assert band["x"][:2] == pytest.approx([710 - spread, 710 + spread])


def test_lines_go_through_the_means_with_whiskers():
    part = lines_with_spread(
        [1, 2], {"a": [[1, 3], [5, 5]], "b": [[2], [2]]}, ({}, {}), ["red", "blue"]
    )
    assert [t["y"] for t in part["traces"]] == [[2, 5], [2, 2]]
    assert part["traces"][0]["error_y"]["array"] == pytest.approx([2**0.5, 0])
    assert part["traces"][0]["line"]["dash"] != part["traces"][1]["line"]["dash"]


def test_the_cells_of_a_map_carry_their_numbers_and_one_is_framed():
    values = torch.tensor([[1.0, float("nan")], [3.25, 4.0]])
    part = heat_map(
        values, ["1", "2"], ["0.1", "0.9"], ("T", "weight"),
        scale=(0, 4), title="errors", here=(1, 0),
    )  # fmt: skip
    cells, frame = part["traces"]
    assert cells["text"] == [["1.0", ""], ["3.2", "4.0"]] and cells["z"][0][1] is None
    assert (min(frame["x"]), max(frame["y"])) == (-0.5, 1.5)
    figure, _ = picture("a map", part, dots(RUNS, axis("errors", [0, 1])), says="so")
    assert len(go.Figure(figure).data) == 2 + 4


def test_without_a_cell_to_frame_the_frame_is_there_and_is_not_seen():
    options = {"scale": (0, 4), "title": "errors"}
    part = heat_map(torch.ones(1, 1), ["1"], ["1"], ("x", "y"), **options)
    frame = part["traces"][1]  # a view draws equally many traces everywhere
    assert frame["line"]["width"] == 0 and set(frame["x"]) == set(frame["y"]) == {0}


def test_differences_stand_beside_a_line_at_nothing():
    gains = {"teacher": [250.0, 260.0], "labels": []}
    part = spared_dots(gains, axis("spared", [-400, 400]), {"teacher": "#D55E00"})
    zero, *others = part["traces"]
    assert zero["x"] == [0, 0] and zero["name"] == "no difference"
    assert zero["y"] == [-0.5, 1.5]  # over both rows
    assert others == dots(gains, part["x"], {"teacher": "#D55E00"})["traces"]
    assert others[1]["marker"]["color"] == ["#D55E00"] * 2
    assert dots({"b": [1.0]}, {})["traces"][1]["marker"]["color"] == [LABELS]


def test_a_part_may_do_without_names_in_the_legend():
    bars = class_bars(torch.ones(2), ["a", "b"], name="teacher")
    (trace,) = unnamed(bars)["traces"]
    assert trace == {**bars["traces"][0], "showlegend": False}


def test_runs_in_words_are_mean_and_spread_of_each_that_has_any():
    assert in_words(RUNS) == "740 ± 10 (labels); 475 ± 7 (teacher)"
    assert in_words({"a": [0.5]}, digits=2) == "0.50 (a)"
    assert math.isnan(mean_spread([3])[1]) and in_words({"a": []}) == ""
