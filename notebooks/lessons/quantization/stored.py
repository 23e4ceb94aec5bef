"""Stored runs: errors of 10,000 images of MNIST over the bits of a weight."""

import math
from collections.abc import Sequence
from functools import partial

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore

from .experiments import AFTER, BITS, FLOAT, LEARNED, STRAIGHT, TAUGHT, TRAINED_BITS

NETS = {"five students": "cnn-8-16-64", "the course's teacher": "teacher"}
COLORS = [fig.LABELS, fig.SOFTENED, fig.OTHER, fig.STUDENT]
FINEST = "per_channel and clip == 'error' and method == "
GRIDS = {
    "layer, largest": f"not per_channel and clip == 'max' and method == {AFTER!r}",
    "layer, least error": f"not per_channel and clip == 'error' and method == {AFTER!r}",
    "channel, largest": f"per_channel and clip == 'max' and method == {AFTER!r}",
    "channel, least error": f"{FINEST}{AFTER!r}",
}
WAYS = {"as it was": AFTER, STRAIGHT: STRAIGHT, LEARNED: LEARNED, "and taught": TAUGHT}
TRAINED = {name: f"{FINEST}{method!r}" for name, method in WAYS.items()}
FLOATS = [FLOAT, "float32, longer", "float32, longer, taught"]
TICKS = {False: (100, 300, 1000, 3000), True: (300, 500, 1000)}
AXES = {False: [40, 10_000], True: [300, 1000]}  # errors, of those trained on: True


def bits_explorer(runs: pd.DataFrame, *, trained: bool = False) -> Explorer:
    """Errors over the bits: by the grid that is chosen after training, or trained on."""
    ways, sizes = (TRAINED, TRAINED_BITS) if trained else (GRIDS, BITS)
    nets = [*NETS][:1] if trained else [*NETS]
    floats = FLOATS if trained else FLOATS[:1]
    alone = {
        net: {name: errors_of(runs, net, f"method == {name!r}") for name in floats}
        for net in nets
    }
    lines = {
        net: {
            way: [errors_of(runs, net, f"{query} and bits == {b}") for b in sizes]
            for way, query in ways.items()
        }
        for net in nets
    }

    def view(bits: int, net: str) -> fig.Drawn:
        here = {way: found[sizes.index(bits)] for way, found in lines[net].items()}
        words = f"MNIST, {net}, {bits} bits a weight"
        y = errors_axis(*AXES[trained], TICKS[trained])
        return bits_picture(alone[net] | here, lines[net], (sizes, y), bits, words)

    bits = choice("bits", sizes, sizes[0])
    if trained:
        return explore(partial(view, net=nets[0]), bits=bits)
    return explore(view, tabulate=2, bits=bits, net=dropdown("net", nets))


def errors_of(runs: pd.DataFrame, net: str, query: str) -> list[float]:
    """Test errors of the runs of a net that a query finds, seed by seed."""
    some = runs[runs["student"] == NETS[net]].query(query)
    return some.sort_values("seed")["test_errors"].tolist()


def bits_picture(
    here: fig.Runs,
    lines: fig.Runs,
    axes: tuple[list[int], dict],
    bits: int,
    words: str,
) -> fig.Drawn:
    """Runs with so many bits as dots, and lines through the means over the bits.

    `axes` are the numbers of bits, and the axis of errors.
    """
    left = fig.dots(here, axes[1], dict(zip(lines, COLORS, strict=True)))
    left, right = fig.unnamed(left), over_bits(lines, *axes, bits)
    # the legend of the left part has room for the names of the lines
    names = [{**trace, "x": [None], "y": [None]} for trace in right["traces"][:4]]
    for trace in names:
        trace.pop("error_y", None)  # of points that are not there
    first, *_, last = lines
    return fig.picture(
        f"{bits} bits: {fig.mean_words(here[first])} errors, {first}; "
        f"{fig.mean_words(here[last])}, {last}",
        {**left, "traces": [*left["traces"], *names]},
        fig.unnamed(right),
        says=f"{words}. Errors of 10,000: {fig.in_words(here)}.",
        widths=[1, 1.6],
        height=470,
        legend=True,
    )


def errors_axis(low: int, high: int, places: Sequence[int]) -> dict:
    """Errors of 10,000, from low to high, with ticks at these places."""
    ends = [math.log10(low), math.log10(high)]
    return fig.axis(
        "errors of 10,000", ends, log=True, ticks={f"{n:,}": n for n in places}
    )


def over_bits(lines: fig.Runs, sizes: list[int], y: dict, bits: int) -> fig.Part:
    """Errors of each way over the bits, dots upright where the slider is."""
    x = fig.axis("bits of a weight", [1.6, sizes[-1] + 0.4]) | {"dtick": 1}
    part = fig.lines_with_spread(sizes, lines, (x, y), COLORS)
    here = fig.upright(bits, [40, 10_000], "here")
    return {**part, "traces": [*part["traces"], here]}
