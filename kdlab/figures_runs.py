"""Parts of pictures that show runs: every dot a run, and their mean and spread."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdlab.figures import LABEL_COLOR, Part

Runs = Mapping[str, Sequence[float]]  # {"labels": [733.0, 741.0, ...], ...}
DASHES, SYMBOLS = ["solid", "dash", "dot", "dashdot"], ["circle", "square", "diamond"]
# Blue to white to orange, which the colour-blind tell apart.
DIVERGING = [[0, "#0072B2"], [0.5, "#F7F7F7"], [1, "#D55E00"]]
SEQUENTIAL = [[0, "#F7F7F7"], [0.5, "#56B4E9"], [1, "#003A5C"]]


def mean_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation over the runs; spread 0 of one run, NaN of none."""
    runs = torch.tensor(list(values), dtype=torch.float64)
    return runs.mean().item(), (runs.std().item() if len(runs) > 1 else 0.0)


def dots(
    runs: Runs,
    axis: dict,
    colors: Mapping[str, str] | None = None,
    stored: Runs | None = None,
) -> Part:
    """A row for each name: a dot for each run, a diamond with whiskers for the mean.

    Args:
        runs: what was measured; an empty list keeps its row free.
        axis: of the values; with a fixed range, so that dots never move.
        colors: of the rows; grey if not named.
        stored: other runs of the same names, as a pale band: mean ± spread.
    """
    names, colors = list(runs), colors or {}
    of_row = [colors.get(name, LABEL_COLOR) for name in names]
    points = [(v, name) for name in names for v in runs[name]]
    dot = {"size": 9, "symbol": "circle-open", "line": {"width": 2}}
    dot["color"] = [colors.get(name, LABEL_COLOR) for _, name in points]
    each = {"x": [v for v, _ in points], "y": [name for _, name in points]}
    traces = [
        _means(names, stored or {}, of_row, 24, "stored runs", 0.3, 0),
        {"type": "scatter", "mode": "markers", "name": "one run", **each}
        | {"marker": dot, "hovertemplate": "%{y}: %{x:.4g}<extra></extra>"},
        _means(names, runs, of_row, 3, "mean ± spread", 1.0, 15),
    ]
    y = {"type": "category", "categoryorder": "array", "categoryarray": names[::-1]}
    y |= {"range": [-0.6, len(names) - 0.4], "fixedrange": True, "ticksuffix": " "}
    return {"traces": traces, "x": axis, "y": y}


def _means(
    names: Sequence[str],
    runs: Runs,
    colors: Sequence[str],
    thickness: int,
    title: str,
    opacity: float,
    size: int,
) -> dict:
    """One trace: the mean of each row, and its spread as a bar of this thickness."""
    found = [name for name in names if len(runs.get(name, []))]
    means = [mean_spread(runs[name]) for name in found]
    x, y, color = [], [], []
    for name, (mean, spread) in zip(found, means, strict=True):
        x += [mean - spread, mean, mean + spread, None]
        y += [name] * 4
        color += [colors[names.index(name)]] * 4
    sizes = [0, size, 0, 0] * len(found)
    line = {"color": LABEL_COLOR if thickness > 9 else "#777777", "width": thickness}
    return {
        "type": "scatter",
        "mode": "lines+markers" if size else "lines",
        "x": x,
        "y": y,
        "name": title,
        "line": line,
        "opacity": opacity,
        "marker": {"symbol": "diamond", "size": sizes, "color": color, "opacity": 1},
        "hovertemplate": "%{y}: %{x:.4g}<extra></extra>",
        "connectgaps": False,
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
        color, style = colors[number], number % len(DASHES)
        whiskers = {"type": "data", "array": [spread for _, spread in pairs]}
        traces.append(
            {"type": "scatter", "mode": "lines+markers", "name": name, "x": list(x)}
            | {"y": [mean for mean, _ in pairs]}
            | {"error_y": {**whiskers, "color": color, "thickness": 2, "width": 5}}
            | {"line": {"color": color, "dash": DASHES[style], "width": 3}}
            | {"marker": {"symbol": SYMBOLS[number % 3], "size": 9, "color": color}}
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
) -> Part:
    """Values [rows, columns] as coloured cells with their numbers; NaN stays empty.

    `scale` holds the ends of the colours, `title` is that of the colour bar, `axes`
    those of x and y; `here` frames one cell, (row, column).
    """
    texts = [
        ["" if v != v else f"{v:.{digits}f}" for v in row] for row in values.tolist()
    ]
    cells = {
        "type": "heatmap",
        "z": [[None if v != v else v for v in row] for row in values.tolist()],
        "x": list(columns),
        "y": list(rows),
        "text": texts,
        "texttemplate": "%{text}",
        "zmin": scale[0],
        "zmax": scale[1],
        "colorscale": list(colors),
        "colorbar": {"title": {"text": title, "side": "right"}, "thickness": 14},
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
    }
    row, column = here if here else (0, 0)
    frame_x = [column + d for d in (-0.5, 0.5, 0.5, -0.5, -0.5)] if here else []
    frame_y = [row + d for d in (-0.5, -0.5, 0.5, 0.5, -0.5)] if here else []
    frame = {"type": "scatter", "mode": "lines", "x": frame_x, "y": frame_y}
    frame |= {"line": {"color": "#E69F00", "width": 5}, "hoverinfo": "skip"}
    frame |= {"showlegend": False}
    fixed = {"type": "category", "fixedrange": True}
    x = {**fixed, "title": {"text": axes[0]}, "range": [-0.5, len(columns) - 0.5]}
    y = {**fixed, "title": {"text": axes[1]}, "range": [-0.5, len(rows) - 0.5]}
    return {"traces": [cells, frame], "x": x, "y": y}
