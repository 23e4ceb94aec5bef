"""What the page says of its stored runs is what they hold."""

import torch

from kdlab.compression import (
    fake_quantize,
    fitting_step,
    layers_of,
    on_grid,
    pack,
    quantize,
)
from kdlab.figures import mean_spread, mean_words
from kdlab.results import load_runs
from kdlab.weights import load_teacher
from lessons.samples import prose

from . import experiments as of
from .grids import ENDS, named_layers, on_places, relative_error, split, with_outlier
from .races import gains_of

PAGE = prose("08_quantization")
RUNS = load_runs("quantization")
STUDENTS, COURSE = (
    RUNS[(RUNS["student"] == "teacher") == yes] for yes in (False, True)
)
RACES, WIDTHS = load_runs("race"), load_runs("int8_width")
EVERY = "int8, every layer"


def errors(runs=STUDENTS, **values):
    """Test errors of the runs with these values, seed by seed."""
    for name, value in values.items():
        runs = runs[runs[name] == value]
    return runs.sort_values("seed")["test_errors"].tolist()


def after(bits, per_channel=True, clip="error", runs=STUDENTS):
    """Errors after training alone."""
    grid = {"bits": bits, "per_channel": per_channel, "clip": clip}
    return errors(runs, method=of.AFTER, **grid)


def trained(method, bits=2, clip="error"):
    """Errors of those that were trained on through their grid."""
    return errors(method=method, bits=bits, clip=clip)


def mean(values):
    return mean_spread(values)[0]


FLOAT, LONGER = errors(method=of.FLOAT), errors(method=of.LONGER)


def test_numbers_in_prose_after_training():
    said = f"{mean_words(after(4))} errors of 10,000, in float32 {mean_words(FLOAT)}"
    assert said in PAGE and f"With 3 bits it is {mean_words(after(3))}" in PAGE
    assert abs(mean(after(8)) - mean(FLOAT)) < 3 < mean(after(4)) - mean(FLOAT) < 30
    for grid in ((), (True, "max"), (False, "max")):
        assert mean_words(after(2, *grid)) in PAGE
    assert "such a net nearly guesses" in PAGE and mean(after(2, False, "max")) > 7000
    alone, three = errors(COURSE, method=of.FLOAT), after(3, runs=COURSE)
    assert f"{alone[0]} errors in float32, {three[0]} with 3 bits" in PAGE
    (two,) = after(2, runs=COURSE)
    assert f"with 2 bits {two}, nearly three times as many" in PAGE
    assert 2.5 < two / alone[0] < 3
    for bits in (2, 3):  # 'helps these nets little once the ends are well chosen'
        ends = mean(after(bits, False, "max")) - mean(after(bits, False, "error"))
        assert abs(mean(after(bits, False)) - mean(after(bits))) < 0.5 * ends


def test_numbers_in_prose_on_training_through_the_grid():
    straight, learned = trained(of.STRAIGHT), trained(of.LEARNED)
    assert f"{mean_words(straight)} errors: about as few" in PAGE
    assert f"trained as long ({mean_words(LONGER)})" in PAGE
    assert abs(mean(straight) - mean(LONGER)) < 2 * mean_spread(LONGER)[1]
    assert "3 bits *improve* a net" in PAGE
    assert mean(trained(of.STRAIGHT, 3)) < mean(FLOAT) > mean(LONGER)
    wide = [trained(method, clip="max") for method in (of.STRAIGHT, of.LEARNED)]
    said = "{} errors with steps that stay, and at {} with steps that learn"
    assert said.format(*map(mean_words, wide)) in PAGE
    assert "matters more" in PAGE and mean(wide[1]) - mean(learned) > 30
    assert (
        abs(mean(wide[0]) - mean(wide[1])) < 30 and mean(learned) > mean(straight) - 10
    )
    taught = trained(of.TAUGHT)
    assert f"the net makes {mean_words(taught)} errors. That is no fewer" in PAGE
    assert mean(taught) > mean(straight) - 10
    some = STUDENTS.query("bits == 2 and clip == 'error'").groupby("method")
    agreed = 100 * some["teacher_agreement"].mean()
    said = f"on {agreed[of.TAUGHT]:.1f} % of the images, on {agreed[of.LEARNED]:.1f} %"
    assert said in PAGE and agreed[of.TAUGHT] > agreed[of.LEARNED]
    assert f"logits at $T = {of.SOFT['temperature']:g}$" in PAGE


def test_numbers_in_prose_on_races():
    gains = (
        gains_of(RACES).groupby(["vnni", "threads", "batch"]).mean(numeric_only=True)
    )
    here, there = gains.loc[True, 1, 128], gains.loc[False].loc[:, 128, :][EVERY]
    assert f"*slower* than in float32: {here[EVERY]:.2f} times as fast for 128" in PAGE
    assert f"it does no harm: {here['int8']:.2f} times as fast" in PAGE
    said = f"int8 is {there[1]:.2f} times as fast as float32, on two threads {there[2]:.2f}"
    assert said in PAGE and here[EVERY] < there[1] < 1 < here["int8"]
    two = gains.loc[True, 2, 128]  # 'slower still', on both numbers of threads
    assert "slower still" in PAGE and two[EVERY] < there[2]
    raced = RACES[~RACES["instructions"].str.contains("VNNI")]
    assert "read once" in PAGE and set(raced["seed"].fillna(0)) == {0}
    assert "never raced without VNNI" in PAGE and "int8" not in set(raced["method"])
    assert f"the teacher above by {here['int8'] - 1:.0%}".replace("%", " %") in PAGE
    able = RACES["instructions"].str.contains("VNNI")
    wrong = [
        (10_000 * (1 - some.groupby("method")["test_accuracy"].first()))
        .round()
        .astype(int)
        for some in (RACES[~able], RACES[able])
    ]
    seven = "int8, weights of 7 bits"
    said = f"{wrong[0][EVERY]} errors of 10,000, in float32 {wrong[0]['float32']}"
    assert said in PAGE and f"bring them back: {wrong[0][seven]}." in PAGE
    assert f"nothing overflows ({wrong[1][EVERY]} errors)" in PAGE


def test_numbers_in_prose_on_widths():
    gains = gains_of(WIDTHS).query("vnni and batch == 128").groupby("student")
    gains = gains[[EVERY, "int8"]].mean()
    assert "two narrower nets are slower" in PAGE and (gains[EVERY] < 1).sum() == 2
    assert "all four are faster" in PAGE and (gains["int8"] > 1).all()
    ends = gains.loc[["cnn-8-16-32", "cnn-64-128-256"]]
    (every, left), (every_64, left_64) = ends.to_numpy()
    assert f"the narrowest by {100 * (left - 1):.0f} %" in PAGE
    said = f"From {every:.2f} to {every_64:.2f} times as fast, by the widths, hidden"
    assert said in PAGE and f"float32 from {left:.2f} to {left_64:.2f}" in PAGE
    assert gains.max().max() < 3  # 'four times as fast is true of nothing here'


def test_what_the_explorers_of_grids_show_is_said_after_them():
    layers = [*named_layers(load_teacher("mnist")[0]).values()]
    zeros, weight = on_places(layers[1], 2)[2][0.0] / layers[1].numel(), layers[1]
    assert f"of the layer shown {100 * zeros:.0f} %" in PAGE
    off = split(weight, 2)["both"]
    said = "off by {:.0f} % (teacher of MNIST), ending at the largest by {:.0f} %"
    assert said.format(100 * min(off), 100 * off[-1]) in PAGE
    assert "a fifth of the largest" in PAGE and 0.18 < ENDS[off.index(min(off))] < 0.23
    off = split(with_outlier(weight, 10.0), 4)["both"]
    said = "with 4 bits the layer is off by {:.0f} %, cut off at an eighth of it by {:.0f} %"
    assert said.format(100 * off[-1], 100 * min(off)) in PAGE
    assert 0.11 < ENDS[off.index(min(off))] < 0.14
    rows, worst = layers[0].flatten(1), []
    for own in (False, True):
        rounded = fake_quantize(rows, fitting_step(rows, 3, own, "max"), 0, 3)
        worst.append([*map(relative_error, rows, rounded)])
    assert f"with the smallest is off by {100 * max(worst[0]):.0f} %" in PAGE
    assert worst[0].index(max(worst[0])) == rows.abs().amax(dim=1).argmin()
    assert f"none is off by more than {100 * max(worst[1]):.0f} %" in PAGE


def test_numbers_in_prose_on_bytes_and_rates():
    net = load_teacher("mnist")[0]
    numbers = torch.cat([p.detach().flatten() for p in net.parameters()])
    kb = [len(numbers) * bits / 8000 for bits in (32, 3)]
    assert f"32 bits are {kb[0]:.0f} kB, of 3 bits {kb[1]:.0f} kB" in PAGE
    off = ((numbers.half().float() - numbers) / numbers).nan_to_num().abs()
    tiny = numbers.abs() < torch.finfo(torch.float16).tiny
    assert f"off by {100 * off.max():.0f} %" in PAGE and off[~tiny].max() < 5e-4
    assert "one of a thousand" in PAGE and round(1000 * tiny.float().mean().item()) == 1
    rates = RUNS.query("epochs > 0 and bits != 3 and clip == 'error'").fillna(0)
    highest = rates[rates["learning_rate"] == max(of.RATES)]
    assert len(highest.groupby(["method", "bits"])) == 3 and "Three of those" in PAGE


def test_two_bits_take_the_weights_to_a_sixteenth():
    teacher = load_teacher("mnist")[0]
    sizes = [
        pack(quantize(layer.weight.detach(), torch.tensor(1.0), 0, 2), 2).nbytes
        / layer.weight.nbytes
        for layer in layers_of(on_grid(teacher, 2)).values()
    ]
    assert "took the weights of the teacher to a sixteenth" in PAGE
    assert all(abs(size - 1 / 16) < 1e-3 for size in sizes)
