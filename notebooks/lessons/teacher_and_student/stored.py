"""Explorers of stored runs: every dot a run, or a pair of twins.

All runs are of MNIST: errors are of its 10,000 test images. Twins are runs of one seed:
the same first weights, images and order.
"""

import pandas as pd
import torch

from kdlab import figures as fig
from kdlab.explorers import runs_explorer
from kdlab.panels import Explorer, choice, dropdown
from kdlab.results import by_value

METHODS = {"labels": fig.LABELS, "smoothing 0.1": fig.OTHER, "teacher": fig.STUDENT}
COUNT_TICKS = {f"{n:,}": n for n in (100, 300, 1000, 3000, 10_000, 60_000)}
ERROR_TICKS = {f"{n:,}": n for n in (100, 200, 500, 1000, 2000)}
SEEN = {
    "all 60,000 images": "method == 'teacher' and teacher == 'course'",
    "the student's 2,000": "teacher == 'same images'",
    "the same, stopped early": "teacher == 'same images, stopped early'",
}
HINTON = {  # the rows of his table, and his test errors
    "2×1200, dropout and jitter": 67,
    "2×800, labels": 146,
    "2×800, labels, dropout and jitter": None,
    "2×800, taught at T = 20": 74,
}


def label_counts_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors over the number of labelled images, and what twins are spared at one."""
    errors = {
        name: by_value(runs[runs["method"] == name], "labels", "test_errors")
        for name in METHODS
    }
    counts = sorted(runs["labels"].unique().tolist())
    x = fig.axis("labelled images", [1.9, 4.9], log=True, ticks=COUNT_TICKS)
    y = fig.axis("errors of 10,000", [2.0, 3.6], log=True, ticks=ERROR_TICKS)
    lines = {name: [*found.values()] for name, found in errors.items()}
    curve = fig.lines_with_spread(counts, lines, (x, y), [*METHODS.values()])
    share = fig.axis("errors spared, % of the twin's", [-25, 55])

    def view(gains: fig.Runs, labels: int) -> fig.Drawn:
        alone, _ = fig.mean_spread(errors["labels"][labels])
        shares = {n: [100 * gain / alone for gain in some] for n, some in gains.items()}
        return fig.picture(
            f"{labels:,} labels: the teacher spares {fig.mean_words(gains['teacher'])} "
            f"of {alone:.0f} errors",
            fig.unnamed(fig.spared_dots(shares, share, METHODS)),
            curve,
            says=f"MNIST, {labels:,} labelled images, five pairs of twins. On labels "
            f"{alone:.0f} errors of 10,000; spared: {fig.in_words(gains)}.",
            widths=[1, 1.3],
            height=430,
            legend=True,
        )

    rows = {name: f"method == '{name}'" for name in ("smoothing 0.1", "teacher")}
    labels = choice("labelled images", counts, 2000)
    return runs_explorer(runs, rows, view, labels=labels)


def crossing_explorer(runs: pd.DataFrame) -> Explorer:
    """Temperature by width of the student, in a short and in a long training."""
    runs = runs.assign(width=runs["student"].str.removeprefix("mlp-").astype(int))
    runs = runs.fillna({"temperature": 0})
    errors = runs.pivot_table("test_errors", ["epochs", "width"], "temperature")
    lengths, widths = (level.tolist() for level in errors.index.levels)
    spared = errors.rsub(errors[0], axis=0).drop(columns=0)  # the means of five pairs
    hot = [f"{temperature:g}" for temperature in spared]
    tables = {n: torch.tensor(spared.loc[n].to_numpy()) for n in lengths}

    def view(gains: fig.Runs, width: int, epochs: int) -> fig.Drawn:
        best = tables[epochs].argmax(dim=1).tolist()
        said = [f"T = {hot[b]} for {w}" for b, w in zip(best, widths, strict=True)]
        row = widths.index(width)
        table = fig.heat_map(
            tables[epochs],
            hot,
            [str(w) for w in widths],
            ("temperature T", "hidden units"),
            scale=(-300, 300),
            title="errors spared",
            colors=fig.DIVERGING,
            digits=0,
            here=(row, best[row]),
        )
        x = fig.axis(f"errors spared with {width} units", [-620, 380])
        return fig.picture(
            f"{epochs} epochs: best {', '.join(said)} units",
            fig.spared_dots(gains, x, dict.fromkeys(gains, fig.STUDENT)),
            table,
            says=f"MNIST, 2,000 images, {epochs} epochs, {width} hidden units: errors "
            "of 10,000 spared beside the twins on labels, five pairs: "
            f"{fig.in_words(gains)}.",
            widths=[1, 1.2],
            height=430,
        )

    controls = {"width": choice("hidden units", widths, 128)}
    controls["epochs"] = dropdown("epochs", lengths, 60)
    rows = {f"T = {t}": f"temperature == {t}" for t in hot}
    return runs_explorer(runs, rows, view, tabulate=2, **controls)


def own_data_explorer(runs: pd.DataFrame) -> Explorer:
    """What the teacher had seen: everything, or only the student's own images.

    Beside them label smoothing, which needs no teacher.
    """
    alone = {"no teacher: smoothing 0.1": "method == 'smoothing 0.1'"}
    colors = dict.fromkeys(SEEN, fig.STUDENT) | dict.fromkeys(alone, fig.OTHER)
    x = fig.axis("errors spared, of 10,000", [-180, 330])

    def view(gains: fig.Runs, temperature: float) -> fig.Drawn:
        full, own = (fig.mean_spread(gains[name])[0] for name in [*SEEN][:2])
        return fig.picture(
            f"T = {temperature:g}: a teacher of all images spares {full:.0f} errors, "
            f"one of the student's own {own:.0f}",
            fig.spared_dots(gains, x, colors),
            says=f"MNIST, T = {temperature:g}, 2,000 labelled images, five pairs of "
            "twins. Errors of 10,000 spared, by what the teacher saw: "
            f"{fig.in_words(gains)}.",
            height=370,
        )

    heats = sorted(runs["temperature"].dropna().unique().tolist())
    temperature = choice("temperature T", heats, 8.0)
    return runs_explorer(runs, SEEN | alone, view, temperature=temperature)


def hinton_rows(teachers: pd.DataFrame, students: pd.DataFrame) -> dict[str, list[int]]:
    """Test errors of each row of Hinton's table, seed by seed.

    Of the runs of `hinton_teachers`, the large nets, and of `hinton`.
    """
    taught, regular = students["method"] == "teacher", students["dropout"] > 0
    kinds = teachers, students[~taught & ~regular], students[regular], students[taught]
    errors = [runs.sort_values("seed")["test_errors"].tolist() for runs in kinds]
    return dict(zip(HINTON, errors, strict=True))


def hinton_picture(teachers: pd.DataFrame, students: pd.DataFrame) -> fig.Drawn:
    """Our runs of Hinton's table as dots, his numbers as diamonds ± √errors.

    Source: Hinton, Vinyals & Dean (2015), section 3, https://arxiv.org/abs/1503.02531
    """
    found = hinton_rows(teachers, students)
    his = {name: errors for name, errors in HINTON.items() if errors}
    below = [len(HINTON) - 1.4 - [*HINTON].index(name) for name in his]
    marker = {"symbol": "diamond-open", "size": 14, "line": {"width": 3}}
    roots = {"type": "data", "array": [errors**0.5 for errors in his.values()]}
    x = fig.axis("test errors of 10,000", [50, 190])
    colors = fig.TEACHER, fig.LABELS, fig.OTHER, fig.STUDENT
    part = fig.dots(found, x, dict(zip(found, colors, strict=True)))
    part["y"]["range"] = [-0.7, len(HINTON) - 0.5]
    part["traces"].append(
        {"type": "scatter", "mode": "markers", "x": [*his.values()], "y": below}
        | {"marker": {**marker, "color": fig.SOFTENED}, "name": "Hinton 2015"}
        | {"error_x": {**roots, "color": fig.SOFTENED, "thickness": 2}}
    )
    teacher, alone, _, taught = (fig.mean_spread(runs)[0] for runs in found.values())
    return fig.picture(
        f"Ours: teacher {teacher:.0f} errors, alone {alone:.0f}, taught {taught:.0f}",
        part,
        says=f"MNIST, all 60,000 images, errors of 10,000: {fig.in_words(found)}. "
        f"Diamonds are Hinton's {', '.join(map(str, his.values()))}, each ± its square "
        "root.",
        height=420,
    )
