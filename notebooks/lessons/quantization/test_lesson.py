"""What this lesson shows is what its grids do and its runs say; real files are raced."""

import json
import math

import pandas as pd
import pytest
import torch

from kdlab.compression import (
    fake_quantize,
    fitting_step,
    lacking,
    layers_of,
    on_grid,
)
from kdlab.models import build_model
from kdlab.results import load_runs
from kdlab.training import evaluate
from kdlab.weights import load_teacher
from lessons.samples import pictures, result, sentence

from . import experiments as of
from .grids import (
    ENDS,
    channels_explorer,
    clip_explorer,
    grid_explorer,
    named_layers,
    relative_error,
    split,
)
from .halves import half_table
from .live import WAYS, rescue_explorer
from .races import (
    engines_of,
    gains_of,
    here_words,
    int8_gain,
    race_table,
    races_explorer,
    widths_explorer,
)
from .stored import GRIDS, TRAINED, bits_explorer

TEACHER = load_teacher("digits")[0]


def explorers(columns, student_logits, teacher=TEACHER):
    """{name: function that makes the explorer}; grids are those of the teacher."""
    return {
        "grid": lambda: grid_explorer(teacher),
        "clip": lambda: clip_explorer(teacher),
        "channels": lambda: channels_explorer(teacher),
        "bits": lambda: bits_explorer(load_runs("quantization")),
        "bits_trained": lambda: bits_explorer(load_runs("quantization"), trained=True),
        "races": lambda: races_explorer(load_runs("race")),
        "widths": lambda: widths_explorer(load_runs("int8_width")),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    return {"rescue": lambda: rescue_explorer(train_set, test_set, seeds=1)}


def trace(row, name):
    """The trace of this name, of the first that has it."""
    return next(t for t in row.figure.data if t.name == name)


# --- grids ---------------------------------------------------------------------------


def test_the_histogram_and_the_grid_hold_all_weights_of_the_layer():
    before = {name: p.clone() for name, p in TEACHER.state_dict().items()}
    for row in pictures(grid_explorer(TEACHER)):
        weight = named_layers(TEACHER)[row.values["layer"]]
        bars, dots = trace(row, "weights"), trace(row, "on the grid")
        assert sum(bars.y) == sum(dots.y) == weight.numel()
        assert len(dots.x) <= 2 ** row.values["bits"]
        assert max(map(abs, dots.x)) == pytest.approx(1)  # as far as the largest
    after = TEACHER.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in after)


def test_the_error_is_that_of_the_net_on_its_grid():
    name, weight = [*named_layers(TEACHER).items()][2]
    net = layers_of(on_grid(TEACHER, 3, per_channel=False))["8"]
    wanted = relative_error(weight, net.weight.detach())
    rows = pictures(grid_explorer(TEACHER))
    (row,) = (r for r in rows if r.values == {"bits": 3, "layer": name})
    assert f"{100 * wanted:.1f} % of their size" in row.figure.layout.title.text


def test_what_is_rounded_and_what_is_cut_off_make_the_whole_error():
    weight = named_layers(TEACHER)["layer 4, convolution, 4,608 weights"]
    for bits in (2, 4, 8):
        for end, *parts in zip(ENDS, *split(weight, bits).values(), strict=True):
            both, rounded, cut = parts
            assert both == pytest.approx(math.hypot(rounded, cut), rel=1e-4)
            assert cut == 0 or end < 1
    step = 0.5 * fitting_step(weight, 4, False, "max")
    found = relative_error(weight, fake_quantize(weight, step, 0, 4))
    half = min(range(len(ENDS)), key=lambda k: abs(ENDS[k] - 0.5))
    assert split(weight, 4)["both"][half] == pytest.approx(found, rel=0.05)
    errors = split(weight, 2)["both"]
    best = ENDS[min(range(len(ENDS)), key=errors.__getitem__)]
    told = pictures(clip_explorer(TEACHER))
    (row,) = (r for r in told if r.values["end"] == 1 and r.values["bits"] == 2)
    assert row.figure.layout.title.text.endswith(f"least at {best:g}")


def test_an_outlier_makes_the_common_grid_coarse_and_is_worth_cutting_off():
    panel = clip_explorer(TEACHER)
    panel.controls["outlier"].value = "of 10 times"
    (row,) = (
        r for r in pictures(panel) if r.values["end"] == 1 and r.values["bits"] == 4
    )
    assert "least at 1" not in row.figure.layout.title.text


def test_a_step_for_each_channel_is_shown_on_its_own_row():
    (row,) = (
        r
        for r in pictures(channels_explorer(TEACHER))
        if r.values == {"bits": 2, "steps": "one for each channel"}
    )
    weight = layers_of(TEACHER)["1"].weight.detach().flatten(1)
    places = trace(row, "places")
    for channel in range(16):
        own = [x for x, y in zip(places.x, places.y, strict=True) if y == channel]
        assert max(own) == pytest.approx(weight[channel].abs().max().item())
        assert trace(row, "error").x[channel] > 0


# --- stored runs ---------------------------------------------------------------------


def test_stored_errors_are_those_of_the_table():
    runs = load_runs("quantization")
    for trained, ways in ((False, GRIDS), (True, TRAINED)):
        for row in pictures(bits_explorer(runs, trained=trained)):
            course = "teacher" in row.values.get("net", "")
            net = "teacher" if course else "cnn-8-16-64"
            some = runs[(runs["student"] == net) & (runs["bits"] == row.values["bits"])]
            json.dumps(row.figure.to_plotly_json(), allow_nan=False, default=list)
            for way, query in ways.items():
                errors = some.query(query)["test_errors"]
                assert len(errors) == (1 if net == "teacher" else 5), way
                assert f"{errors.mean():.0f}" in row.sentence


def test_every_arm_that_is_trained_on_takes_equal_steps_at_its_own_rate():
    runs = load_runs("quantization")
    trained = runs[runs["epochs"] > 0]
    assert set(trained["epochs"]) == {8}
    for run in trained.fillna({"bits": 0}).to_dict("records"):
        assert run["learning_rate"] == of.best_rate(run["method"], run["bits"] or None)


def test_a_run_of_the_experiment_is_the_net_it_says(monkeypatch, digits):
    monkeypatch.setattr(of, "images", lambda split: digits)
    started = {"method": of.FLOAT, "labels": 300}
    alone, after, longer = (
        of.bits_run(of.settings([{**started, **more}])[0])
        for more in (
            {},
            {"method": of.AFTER, "bits": 2, "clip": "max", "per_channel": False},
            {
                "method": of.TAUGHT,
                "bits": 2,
                "epochs": 1,
                "learning_rate": 1e-3,
                **of.SOFT,
            },
        )
    )
    assert alone["teacher_agreement"] == 1 and alone["teacher_kl"] == 0
    net = on_grid(of.started("cnn-8-16-64", "test", 0), 2, per_channel=False)
    assert after["test_errors"] == evaluate(net, digits[1])["errors"]
    assert longer["teacher_agreement"] != after["teacher_agreement"]
    of.started.cache_clear()


def test_a_gain_is_the_time_of_float32_divided_by_that_of_the_runner():
    runs = load_runs("race")
    gains = gains_of(runs).query("vnni and threads == 2 and batch == 1 and seed == 3")
    same = runs["instructions"].str.contains("VNNI") & (runs["threads"] == 2)
    ms = runs[same & (runs["batch"] == 1) & (runs["seed"] == 3)].set_index("method")[
        "ms"
    ]
    for name in ("torch eager", "int8", "int8, every layer"):
        assert gains[name].item() == pytest.approx(ms["float32"] / ms[name])
    rows = pictures(races_explorer(runs))
    (row,) = (r for r in rows if r.values == {"batch": 1, "threads": 2})
    every = gains_of(runs).query("threads == 2 and batch == 1").groupby("vnni")
    for mean in every["int8, every layer"].mean():
        assert f"{mean:.2g}" in row.figure.layout.title.text
    wide = gains_of(load_runs("int8_width")).query("vnni and batch == 128")
    wide = wide[wide["student"] == "cnn-64-128-256"]
    (row,) = (
        r
        for r in pictures(widths_explorer(load_runs("int8_width")))
        if r.values["batch"] == 128
    )
    title = row.figure.layout.title.text
    assert f"{wide['int8, every layer'].mean():.2g} with 64; first" in title
    assert title.endswith(f"and {wide['int8'].mean():.2g}")


# --- live ----------------------------------------------------------------------------


def test_the_live_point_has_all_ways_and_trains_its_nets_once(digits):
    panel = rescue_explorer(*digits, seeds=2, bits=3, epochs=1)
    errors = result(panel)
    assert list(errors) == WAYS and all(len(found) == 2 for found in errors.values())
    assert "errors after training" in sentence(panel) or "after training" in sentence(
        panel
    )
    panel.controls["bits"].value = 8
    again = result(panel)
    assert again[of.FLOAT] == errors[of.FLOAT]
    assert abs(again[of.AFTER][0] - again[of.FLOAT][0]) < 20


# --- real files ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def raced(digits):
    runners, sizes = engines_of(TEACHER, digits[0]["images"])
    return race_table(runners, sizes, digits[1])


@pytest.mark.skipif(bool(lacking()), reason="the extra `compress` is not there")
def test_the_race_has_float32_and_int8_of_the_same_engine(raced):
    assert list(raced.index) == ["torch eager", "float32", "int8"]
    assert raced["file", "kB"]["int8"] < 0.28 * raced["file", "kB"]["float32"]
    (errors,) = (raced[name] for name in raced if "errors" in name[1])
    assert errors["float32"] == errors["torch eager"]
    assert abs(errors["int8"] - errors["float32"]) < 10
    gain = int8_gain(raced)
    assert gain["where"] == "this computer" and gain["found"] > 0
    assert gain["found"] == raced["128 at once", "× float32"]["int8"]
    ms = raced["128 at once", "ms"]
    assert gain["eager"] == pytest.approx(ms["torch eager"] / ms["int8"], abs=0.1)


def test_without_the_engine_one_line_says_so_and_a_stored_gain_is_told(
    monkeypatch, capsys, digits
):
    said = "This needs onnx, the extra `compress`."
    monkeypatch.setattr("kdlab.compression.lacking", lambda: said)
    runners, sizes = engines_of(TEACHER, digits[0]["images"])
    assert list(runners) == ["torch eager"]
    assert capsys.readouterr().out.count("\n") == 1
    gain = int8_gain(race_table(runners, sizes, digits[1]))
    assert gain["found"] > 0 and gain["where"] != "this computer"


@pytest.mark.parametrize("able", [True, False])
def test_the_processor_is_named_with_what_it_can_do(monkeypatch, able):
    monkeypatch.setattr("kdlab.compression.has_vnni", lambda: able)
    words = here_words()
    assert torch.__version__.split("+")[0] in words
    assert f"has {'' if able else 'no '}8-bit dot products" in words


def test_half_precision_halves_the_bytes_and_rounds():
    table = half_table(TEACHER, torch.rand(600, 1, 28, 28))
    assert isinstance(table, pd.DataFrame)
    assert table.loc["bfloat16", "kB"] < 0.51 * table.loc["float32", "kB"]
    assert table.loc["float32", "other answers of 500"] == 0
    assert table["a weight is off by up to"]["float32"] == "0.00%"


def test_the_explorers_leave_a_net_on_a_gpu_or_in_training_as_it_was():
    net = build_model("cnn", channels=[8, 16], hidden=24).train()
    for explorer in (grid_explorer, clip_explorer, channels_explorer):
        explorer(net)
    assert all(part.training for part in net.modules())
    assert all(p.requires_grad for p in net.parameters())
