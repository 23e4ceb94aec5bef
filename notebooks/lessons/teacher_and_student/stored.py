"""Explorers of stored runs in 05: every dot a run or a pair of twins.

They read the tables of `kdlab.sweeps`, all of them of MNIST: errors are of its 10,000
test images. Twins are runs of one seed: the same first weights, images and order.
"""

from collections.abc import Mapping

import ipywidgets as widgets
import pandas as pd
import torch

from kdlab.controls import choice
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    SOFTENED_COLOR,
    STUDENT_COLOR,
    Drawn,
    Part,
    axis,
    side_by_side,
)
from kdlab.figures_runs import (
    DIVERGING,
    Runs,
    dots,
    heat_map,
    in_words,
    lines_with_spread,
    mean_spread,
    mean_words,
    spared_dots,
    unnamed,
)
from kdlab.panels import Explorer, explore
from kdlab.results import by_value, spared

METHODS = {
    "labels": LABEL_COLOR,
    "smoothing 0.1": OTHER_COLOR,
    "teacher": STUDENT_COLOR,
}
COUNT_TICKS = [100, 300, 1000, 3000, 10_000, 60_000]
ERROR_TICKS = [100, 200, 500, 1000, 2000]
SEEN = {
    "all 60,000 images": "course",
    "the student's 2,000": "same images",
    "the same, stopped early": "same images, stopped early",
}
HINTON = {
    "2×1200, dropout and jitter": 67,
    "2×800, labels": 146,
    "2×800, labels, dropout and jitter": None,
    "2×800, taught at T = 20": 74,
}


def label_counts_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors over the number of labelled images, and what twins are spared at one."""
    counts = sorted(runs["labels"].unique().tolist())
    kinds = {name: runs[runs["method"] == name] for name in METHODS}
    lines = {
        n: [*by_value(k, "labels", "test_errors").values()] for n, k in kinds.items()
    }
    x = axis("labelled images", [1.9, 4.9], log=True, ticks=named(COUNT_TICKS))
    y = axis("errors of 10,000", [2.0, 3.6], log=True, ticks=named(ERROR_TICKS))
    curve = lines_with_spread(counts, lines, (x, y), [*METHODS.values()])
    share = axis("errors spared, % of the twin's", [-25, 55])

    def view(labels: int) -> Drawn:
        chosen = {name: kind[kind["labels"] == labels] for name, kind in kinds.items()}
        twins = chosen.pop("labels")
        gains = {name: spared(kind, twins) for name, kind in chosen.items()}
        errors = twins["test_errors"].mean()
        shares = {
            name: [100 * g / errors for g in found] for name, found in gains.items()
        }
        figure = side_by_side(
            f"{labels:,} labels: the teacher spares {mean_words(gains['teacher'])} of "
            f"{errors:.0f} errors",
            unnamed(spared_dots(shares, share, METHODS)),
            curve,
            legend=True,
            height=430,
            widths=[1, 1.3],
        )
        figure.update_layout(margin={"l": 130})
        return figure, (
            f"MNIST, {labels:,} labelled images, five pairs of twins. On labels "
            f"{errors:.0f} errors of 10,000; spared: {in_words(gains)}."
        )

    return explore(view, labels=choice("labelled images", counts, 2000))


def named(numbers: list[int]) -> dict[str, int]:
    """Ticks with their names: {"1,000": 1000}."""
    return {f"{number:,}": number for number in numbers}


def crossing_explorer(runs: pd.DataFrame) -> Explorer:
    """Temperature by width of the student, in a short and in a long training."""
    runs = runs.assign(width=runs["student"].str.removeprefix("mlp-").astype(int))
    gains = {
        (epochs, width): gains_by_temperature(some)
        for (epochs, width), some in runs.groupby(["epochs", "width"])
    }
    lengths, widths = (sorted({key[i] for key in gains}) for i in (0, 1))

    def view(width: int, epochs: int) -> Drawn:
        rows = {w: gains[epochs, w] for w in widths}
        here, table = rows[width], gain_table(rows, width)
        best = {
            w: max(row, key=lambda t: mean_spread(row[t])[0]) for w, row in rows.items()
        }
        said = ", ".join(f"{t} for {w}" for w, t in best.items())
        x = axis(f"errors spared with {width} units", [-620, 380])
        colors = dict.fromkeys(here, STUDENT_COLOR)
        figure = side_by_side(
            f"{epochs} epochs: best {said} units",
            spared_dots(here, x, colors),
            table,
            widths=[1, 1.2],
            height=430,
        )
        figure.update_layout(margin={"l": 80})
        return figure, (
            f"MNIST, 2,000 images, {epochs} epochs, {width} hidden units: errors of "
            f"10,000 spared beside the twins on labels, five pairs: {in_words(here)}."
        )

    length = widgets.Dropdown(options=lengths, value=60, description="epochs")
    units = choice("hidden units", widths, 128)
    return explore(view, tabulate=["width", "epochs"], width=units, epochs=length)


def gains_by_temperature(runs: pd.DataFrame) -> Runs:
    """{"T = 4": errors spared, pair by pair} of runs of one student."""
    twins, taught = runs[runs["method"] == "labels"], runs.dropna(subset="temperature")
    return {f"T = {t:g}": spared(r, twins) for t, r in taught.groupby("temperature")}


def gain_table(rows: Mapping[int, Runs], width: int) -> Part:
    """Mean errors spared by width and T; the best of the chosen width is framed."""
    means = torch.tensor(
        [[mean_spread(g)[0] for g in row.values()] for row in rows.values()]
    )
    place, names = [*rows].index(width), [*rows[width]]
    return heat_map(
        means,
        [name.removeprefix("T = ") for name in names],
        [str(w) for w in rows],
        ("temperature T", "hidden units"),
        scale=(-300, 300),
        title="errors spared",
        colors=DIVERGING,
        digits=0,
        here=(place, int(means[place].argmax())),
    )


def own_data_explorer(runs: pd.DataFrame) -> Explorer:
    """What the teacher had seen: everything, or only the student's own images.

    Beside them label smoothing, which needs no teacher.
    """
    twins, smoothed, taught = (runs[runs["method"] == name] for name in METHODS)
    alone = {"no teacher: smoothing 0.1": spared(smoothed, twins)}
    colors = dict.fromkeys(SEEN, STUDENT_COLOR) | dict.fromkeys(alone, OTHER_COLOR)
    ts = sorted(taught["temperature"].unique().tolist())
    x = axis("errors spared, of 10,000", [-180, 330])

    def view(temperature: float) -> Drawn:
        here = taught[taught["temperature"] == temperature]
        gains = {n: spared(here[here["teacher"] == k], twins) for n, k in SEEN.items()}
        gains |= alone
        full, own = (mean_spread(gains[name])[0] for name in [*SEEN][:2])
        figure = side_by_side(
            f"T = {temperature:g}: a teacher of all images spares {full:.0f} errors, "
            f"one of the student's own {own:.0f}",
            spared_dots(gains, x, colors),
            height=370,
        )
        figure.update_layout(margin={"l": 250})
        return figure, (
            f"MNIST, T = {temperature:g}, 2,000 labelled images, five pairs of twins. "
            f"Errors of 10,000 spared, by what the teacher saw: {in_words(gains)}."
        )

    return explore(view, temperature=choice("temperature T", ts, 8.0))


def hinton_rows(runs: pd.DataFrame) -> dict[str, list[int]]:
    """Errors of each row of Hinton's table, seed by seed."""
    large, taught = runs["student"] == "mlp-1200-1200", runs["method"] == "teacher"
    regular = (runs["dropout"] > 0) & ~large
    chosen = large, ~large & ~regular & ~taught, regular, taught
    return {
        name: runs[rows].sort_values("seed")["test_errors"].tolist()
        for name, rows in zip(HINTON, chosen, strict=True)
    }


def hinton_picture(runs: pd.DataFrame) -> Drawn:
    """Our runs of Hinton's table as dots, his numbers as diamonds ± √errors.

    Source: Hinton, Vinyals & Dean (2015), section 3, https://arxiv.org/abs/1503.02531
    """
    found = hinton_rows(runs)
    his = {name: errors for name, errors in HINTON.items() if errors}
    below = [len(HINTON) - 1.4 - [*HINTON].index(name) for name in his]
    marker = {"symbol": "diamond-open", "size": 14, "line": {"width": 3}}
    roots = {"type": "data", "array": [errors**0.5 for errors in his.values()]}
    x = axis("test errors of 10,000", [50, 190])
    part = dots(found, x, dict.fromkeys(found, STUDENT_COLOR))
    part["y"]["range"] = [-0.7, len(HINTON) - 0.5]
    part["traces"].append(
        {"type": "scatter", "mode": "markers", "x": [*his.values()], "y": below}
        | {"marker": {**marker, "color": SOFTENED_COLOR}, "name": "Hinton 2015"}
        | {"error_x": {**roots, "color": SOFTENED_COLOR, "thickness": 2}}
    )
    teacher, alone, _, taught = (mean_spread(errors)[0] for errors in found.values())
    figure = side_by_side(
        f"Ours: teacher {teacher:.0f} errors, alone {alone:.0f}, taught {taught:.0f}",
        part,
        height=420,
    )
    figure.update_layout(margin={"l": 270})
    return figure, (
        f"MNIST, all 60,000 images, errors of 10,000: {in_words(found)}. Diamonds are "
        f"Hinton's {', '.join(map(str, his.values()))}, each ± its square root."
    )
