"""Stored runs of 04: the map over T and weight, and what the learning rate is worth."""

from collections.abc import Generator
from contextlib import suppress

import pandas as pd
import torch

from kdlab import figures as fig
from kdlab import panels
from kdlab.data import Columns, count
from kdlab.experiments import student_steps
from kdlab.results import by_value
from kdlab.training import evaluate

# What is shown: its column, its name in `evaluate`, and the ends of its scale.
MEASURES = {
    "test errors of 10,000": ("test_errors", "errors", (480, 760)),
    "agreement with the teacher, %": ("teacher_agreement", "agreement", (92, 96)),
    "calibration error, %": ("test_calibration_error", "calibration_error", (2, 5)),
}
OF_STUDENT = "temperature soft_weight epochs batch_size learning_rate seed".split()


def blend_map_explorer(
    runs: pd.DataFrame, train_set: Columns, test_set: Columns
) -> panels.LivePanel:
    """The stored runs over T and weight, and a button that trains the chosen cell.

    `runs` are those of `blend`; the sets have a column teacher_logits. `await
    panel.finished()` gives what the live students have reached.
    """
    taught = runs[runs["method"] == "teacher"]
    ts, weights = (sorted(taught[c].unique()) for c in ("temperature", "soft_weight"))
    known: dict[tuple, list[dict]] = {}  # what live students reached, by cell

    def trained(temperature: float, soft_weight: float, measure: str) -> Generator:
        cell = runs.query("temperature == @temperature and soft_weight == @soft_weight")
        live = known.setdefault((temperature, soft_weight), [])
        _, key, _ = MEASURES[measure]
        scale = 10_000 / count(test_set) if key == "errors" else 100

        def reached() -> list[float]:
            return [scale * facts[key] for facts in live]

        def draw() -> fig.Drawn:
            return map_picture(runs, cell, reached(), measure, count(test_set))

        with suppress(GeneratorExit):
            yield draw
            live.clear()
            for how in cell[OF_STUDENT].to_dict("records"):
                student = yield from student_steps(train_set, **how)
                live.append(evaluate(student, test_set))
                yield draw
        return reached()

    return panels.explore_live(
        trained,
        button="Train this cell now",
        preview=True,
        temperature=panels.choice("temperature T", ts, 8.0),
        soft_weight=panels.choice("weight of the teacher", weights, 0.9),
        measure=panels.dropdown("measure", MEASURES),
    )


def map_picture(
    runs: pd.DataFrame,
    cell: pd.DataFrame,
    live: list[float],
    measure: str,
    examples: int,
) -> fig.Drawn:
    """Runs on labels, of one cell and its live students; the map of all cells."""
    column, key, ends = MEASURES[measure]
    times, digits = (1, 0) if key == "errors" else (100, 1)
    taught, alone = (runs[runs["method"] == name] for name in ("teacher", "labels"))
    found = {"labels": alone[column], "stored": cell[column]}
    found = {name: (times * values).tolist() for name, values in found.items()}
    labels, stored = (f"{fig.mean_spread(v)[0]:.{digits}f}" for v in found.values())
    found["live"] = live
    wide = 0.1 * (ends[1] - ends[0])
    x = fig.axis(measure, [ends[0] - wide, ends[1] + wide])
    colors = {"labels": fig.LABELS, "stored": fig.STUDENT, "live": fig.STUDENT}
    table = times * taught.pivot_table(column, "soft_weight", "temperature")
    t, weight = cell[["temperature", "soft_weight"]].iloc[0]
    cells = fig.heat_map(
        torch.tensor(table.to_numpy()),
        [f"{name:g}" for name in table.columns],
        [f"{name:g}" for name in table.index],
        ("temperature T", "weight of the teacher"),
        scale=ends,
        title="",
        digits=digits,
        here=(table.index.get_loc(weight), table.columns.get_loc(t)),
    )
    says = f"MNIST, {measure}, five seeds: {fig.in_words(found, digits + 1)}."
    if examples != 10_000:
        says += f" What is trained now is judged on {examples:,} images, not of MNIST."
    title = f"This cell {stored}, on labels {labels}"
    parts = fig.dots(found, x, colors), cells
    return fig.picture(title, *parts, says=says, widths=[1, 1.3], height=430)


def rates_picture(runs: pd.DataFrame) -> fig.Drawn:
    """Errors on held-out images over the learning rate, with a teacher and without.

    `runs` are those of `tuning`.
    """
    runs = runs.query("student == 'mlp-128' and labels == 2000 and epochs == 15")
    runs = runs[runs["temperature"].isna() | runs["temperature"].eq(8)]
    colors = {"labels": fig.LABELS, "smoothing 0.1": fig.OTHER, "teacher": fig.STUDENT}
    lines, best, said = {}, {}, {}
    for name in colors:
        some = runs[runs["method"] == name]
        lines[name] = by_value(some, "learning_rate", "test_errors")
        best[name] = min(lines[name], key=lambda rate: sum(lines[name][rate]))
        said[f"{name} at {best[name]:g}"] = lines[name][best[name]]
    rates = [*lines["labels"]]
    said[f"labels at {rates[0]:g}"] = lines["labels"][rates[0]]
    ticks = {f"{rate:g}": rate for rate in rates}
    x = fig.axis("learning rate", [-3.1, -1.0], log=True, ticks=ticks)
    few = {f"{n:,}": n for n in (400, 600, 1000, 2000)}
    y = fig.axis("errors of 10,000, held out", [2.55, 3.5], log=True, ticks=few)
    points = {name: [*line.values()] for name, line in lines.items()}
    return fig.picture(
        f"On labels the best learning rate is {best['labels']:g}",
        fig.lines_with_spread(rates, points, (x, y), [*colors.values()]),
        says=f"MNIST, held-out images, five seeds, errors: {fig.in_words(said)}.",
        legend=True,
        height=400,
    )
