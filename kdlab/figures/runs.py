"""Parts of pictures that show runs: every dot a run, and their mean and spread."""

import math
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from kdlab.figures.parts import DASHES, LABELS, SYMBOLS, Part, axis, short, upright
from kdlab.figures.words import Runs, mean_spread

# Neither the teacher's blue nor the student's orange: a cell is nobody's. Purple and
# green (ColorBrewer's PRGn) are told apart by the colour-blind, too.
DIVERGING = [[0, "#762A83"], [0.5, "#F7F7F7"], [1, "#1B7837"]]
SEQUENTIAL = [[0, "#F7F7F7"], [0.5, "#AF8DC3"], [1, "#40004B"]]
FRAME = "#E7298A"  # seen on all of them


def dots(
    runs: Runs,
    x: dict,
    colors: Mapping[str, str] | None = None,
    stored: Runs | None = None,
) -> Part:
    """A row for each name: a dot for each run, a line with whiskers for mean ± spread.

    What lies beyond the axis stands at its edge, so that nothing is hidden.

    Args:
        runs: what was measured; an empty list keeps its row free.
        x: the axis of the values; with a fixed range, so that dots never move.
        colors: of the rows; grey if not named.
        stored: other runs of the same names, as a pale band: mean ± spread.
    """
    colors = colors or {}
    rows = {name: len(runs) - 1 - place for place, name in enumerate(runs)}
    points = [(v, name, k) for name in runs for k, v in enumerate(runs[name])]
    within = held_by(x)
    marker = {"size": 9, "symbol": "circle-open", "line": {"width": 2}}
    marker["color"] = [colors.get(name, LABELS) for _, name, _ in points]
    # apart from each other, each at a height that stays when more runs come
    heights = [rows[name] + 0.56 * (k * 0.618 % 1) - 0.28 for _, name, k in points]
    each = {"x": [within(v) for v, _, _ in points], "y": heights, "marker": marker}
    each["text"] = [name for _, name, _ in points]
    each["customdata"] = [v for v, _, _ in points]
    traces = [
        _whiskers(stored or {}, rows, within, {"color": LABELS, "width": 26}, 0.35)
        | {"name": "stored runs"},
        {"type": "scatter", "mode": "markers", "name": "one run", **each}
        | {"hovertemplate": "%{text}: %{customdata:.4g}<extra></extra>"},
        _whiskers(runs, rows, within, {"color": LABELS, "width": 3}, 1.0),
        _means(runs, rows, within, colors),
    ]
    ticks = {"tickvals": [*rows.values()], "ticktext": [f"{name} " for name in rows]}
    y = {"range": [-0.6, len(rows) - 0.4], "fixedrange": True, "zeroline": False}
    return {"traces": traces, "x": x, "y": {**y, "showgrid": False, **ticks}}


def spared_dots(gains: Runs, x: dict, colors: Mapping[str, str]) -> Part:
    """`dots` of differences between twins, with a line where there is none."""
    part, zero = dots(gains, x, colors), [-0.5, len(gains) - 0.5]
    return {**part, "traces": [upright(0, zero, "no difference"), *part["traces"]]}


def unnamed(part: Part) -> Part:
    """The part without entries in the legend: another one names the same things."""
    traces = [{**trace, "showlegend": False} for trace in part["traces"]]
    return {**part, "traces": traces}


def held_by(x: dict) -> Callable[[float], float]:
    """A function that moves a value into the range of this axis, if it has one."""
    low, high = x.get("range", (-math.inf, math.inf))
    if x.get("type") == "log":
        low, high = 10**low, 10**high
    return lambda value: min(max(value, low), high)


def _whiskers(
    runs: Runs,
    rows: Mapping[str, int],
    within: Callable[[float], float],
    line: dict,
    opacity: float,
) -> dict:
    """Mean - spread to mean + spread of each row, as lines."""
    x, y = [], []
    for name, row in rows.items():
        if len(runs.get(name, [])) > 1:
            mean, spread = mean_spread(runs[name])
            x += [within(mean - spread), within(mean + spread), None]
            y += [row, row, None]
    shown = {"x": x, "y": y, "line": line, "opacity": opacity, "hoverinfo": "skip"}
    return {"type": "scatter", "mode": "lines", "name": "spread", **shown}


def _means(
    runs: Runs,
    rows: Mapping[str, int],
    within: Callable[[float], float],
    colors: Mapping[str, str],
) -> dict:
    """An upright line at the mean of each row."""
    found = {name: mean_spread(runs[name])[0] for name in rows if len(runs[name])}
    color = [colors.get(name, LABELS) for name in found]
    marker = {"symbol": "line-ns-open", "size": 30, "line": {"width": 4}}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "mean",
        "x": [within(mean) for mean in found.values()],
        "y": [rows[name] for name in found],
        "text": [*found],
        "customdata": [*found.values()],
        "marker": {**marker, "color": color},
        "hovertemplate": "%{text}, mean: %{customdata:.4g}<extra></extra>",
    }


def lines_with_spread(
    x: Sequence[float],
    runs: Mapping[str, Sequence[Sequence[float]]],
    axes: tuple[dict, dict],
    colors: Sequence[str],
) -> Part:
    """Named lines through the means over x, whiskers of one spread.

    `runs[name][i]` are the measurements of all runs at x[i].
    """
    traces = []
    for number, (name, measured) in enumerate(runs.items()):
        pairs = [mean_spread(values) for values in measured]
        color, style = colors[number % len(colors)], number % len(DASHES)
        spreads = [0.0 if math.isnan(s) else s for _, s in pairs]  # one run has none
        whiskers = {"type": "data", "array": spreads}
        traces.append(
            {"type": "scatter", "mode": "lines+markers", "name": name, "x": list(x)}
            | {"y": [mean for mean, _ in pairs]}
            | {"error_y": {**whiskers, "color": color, "thickness": 2, "width": 5}}
            | {"line": {"color": color, "dash": DASHES[style], "width": 3}}
            | {"marker": {"size": 9, "symbol": SYMBOLS[number % 5], "color": color}}
        )
    return {"traces": traces, "x": axes[0], "y": axes[1]}


def heat_map(
    values: Tensor,
    columns: Sequence[str],
    rows: Sequence[str],
    axes: tuple[str, str],
    *,
    scale: tuple[float, float],
    title: str,
    colors: Sequence = SEQUENTIAL,
    digits: int = 1,
    here: tuple[int, int] | None = None,
    log: bool = False,
) -> Part:
    """Values [rows, columns] as coloured cells with their numbers; NaN stays empty.

    `scale` holds the ends of the colours, `title` is that of the colour bar, `axes`
    those of x and y; `here` frames one cell, (row, column). With `log` the colours are
    those of doublings, and so are the ends of the scale, powers of two.
    """

    def words(v: float) -> str:
        return "" if v != v else f"{v:z.{digits + (log and v < 1)}f}"

    texts = [[*map(words, row)] for row in values.tolist()]
    values = values.clamp_min(2.0**-99).log2() if log else values
    numbers = [[None if v != v else v for v in row] for row in values.tolist()]
    cells = {"type": "heatmap", "z": numbers, "xgap": 2, "ygap": 2}
    cells |= {"text": texts, "texttemplate": "%{text}"}
    cells |= {"hovertemplate": "%{text}<extra></extra>", "colorscale": list(colors)}
    cells |= {"zmin": scale[0], "zmax": scale[1]}
    cells["colorbar"] = {"title": {"text": title, "side": "right"}, "thickness": 14}
    if log:
        powers = range(math.ceil(scale[0]), math.floor(scale[1]) + 1, 2)
        ticktext = [f"{2**k}" if k >= 0 else f"1/{2**-k}" for k in powers]
        cells["colorbar"] |= {"tickvals": [*powers], "ticktext": ticktext}
    x, y = (
        axis(title, [-0.5, len(names) - 0.5])
        | {"tickvals": [*range(len(names))], "ticktext": [*map(short, names)]}
        | {"zeroline": False, "showgrid": False}
        for title, names in zip(axes, (columns, rows), strict=True)
    )
    return {"traces": [cells, _frame(here)], "x": x, "y": y}


def _frame(here: tuple[int, int] | None) -> dict:
    """A line around the cell (row, column)."""
    (row, column), half = here or (0, 0), 0.5 if here else 0.0
    sides = (-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)
    x = [column + half * side for side, _ in sides]
    y = [row + half * side for _, side in sides]
    line = {"color": FRAME, "width": 5 if here else 0}
    style = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "line": line}
    return {**style, "x": x, "y": y, "showlegend": False}
