"""The explorer of the blend in 04: stored runs over T and weight, live ones beside."""

from collections.abc import Generator

import ipywidgets as widgets
import pandas as pd
import torch

from kdlab.controls import choice
from kdlab.data import Columns, count
from kdlab.experiments import student_steps
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    STUDENT_COLOR,
    Drawn,
    Part,
    axis,
    side_by_side,
)
from kdlab.figures_runs import (
    Runs,
    dots,
    heat_map,
    in_words,
    lines_with_spread,
    mean_spread,
)
from kdlab.panels import StepsPanel, explore_steps
from kdlab.results import by_value
from kdlab.training import evaluate, places_to_stop

# What is shown: its column, the ends of its scale, a factor, its name in `evaluate`.
MEASURES = {
    "test errors of 10,000": ("test_errors", (480, 760), 1, "errors"),
    "agreement with the teacher, %": ("teacher_agreement", (92, 96), 100, "agreement"),
    "calibration error, %": (
        "test_calibration_error",
        (2, 5),
        100,
        "calibration_error",
    ),
}
OF_STUDENT = "temperature soft_weight epochs batch_size learning_rate seed".split()
STORED, LIVE, LABELS, ERRORS = "stored", "live", "labels", "test_errors"


def cell_explorer(
    runs: pd.DataFrame, train_set: Columns, test_set: Columns
) -> StepsPanel:
    """The stored runs over T and weight, and a button that trains the chosen cell.

    `runs` are those of `blend`; the sets have a column teacher_logits. `await
    panel.finished()` gives what the live students reach, once the button was pressed.
    """
    on_labels, taught = (runs[runs["method"] == name] for name in (LABELS, "teacher"))
    ts, weights = (sorted(taught[c].unique()) for c in ("temperature", "soft_weight"))
    cells = dict(iter(taught.groupby(["temperature", "soft_weight"])))
    known: dict[tuple, list[dict]] = {}  # what live students reached, by cell

    def trained(temperature: float, soft_weight: float, measure: str) -> Generator:
        column, _, times, key = MEASURES[measure]
        table = times * taught.pivot_table(column, "soft_weight", "temperature")
        here = temperature, soft_weight
        cell = cells[here].sort_values("seed")
        found = {LABELS: on_labels, STORED: cell}
        found = {name: (times * rows[column]).tolist() for name, rows in found.items()}
        share = 10_000 / count(test_set) if key == "errors" else times

        def picture() -> Drawn:
            live = [share * facts[key] for facts in known.get(here, [])]
            shown = {**found, LIVE: live}
            return cell_picture(table, here, shown, measure, count(test_set))

        yield picture
        known[here] = []
        for run in cell.itertuples():
            options = {name: getattr(run, name) for name in OF_STUDENT}
            steps = student_steps(train_set, method="teacher", **options)
            student = yield from places_to_stop(steps)
            known[here].append(evaluate(student, test_set))
            yield picture
        return [share * facts[key] for facts in known[here]]

    return explore_steps(
        trained,
        start="Train this cell now",
        hold=True,
        temperature=choice("temperature T", ts, 8.0),
        soft_weight=choice("weight of the teacher", weights, 0.9),
        measure=widgets.Dropdown(options=[*MEASURES], description="measure"),
    )


def cell_picture(
    table: pd.DataFrame,
    here: tuple[float, float],
    found: Runs,
    measure: str,
    examples: int,
) -> Drawn:
    """The runs of one cell, `here` by T and weight, and on labels; the map of all."""
    _, ends, times, _ = MEASURES[measure]
    wide = 0.1 * (ends[1] - ends[0])
    x = axis(measure, [ends[0] - wide, ends[1] + wide])
    colors = {LABELS: LABEL_COLOR, STORED: STUDENT_COLOR, LIVE: STUDENT_COLOR}
    digits = 0 if times == 1 else 1
    means = {name: mean_spread(values)[0] for name, values in found.items() if values}
    cells: Part = heat_map(
        torch.tensor(table.to_numpy()),
        [f"{t:g}" for t in table.columns],
        [f"{weight:g}" for weight in table.index],
        ("temperature T", "weight of the teacher"),
        scale=ends,
        title="",
        digits=digits,
        here=(table.index.get_loc(here[1]), table.columns.get_loc(here[0])),
    )
    figure = side_by_side(
        f"This cell {means[STORED]:.{digits}f}, on labels {means[LABELS]:.{digits}f}",
        dots(found, x, colors),
        cells,
        widths=[1, 1.3],
        height=430,
    )
    text = f"MNIST, {measure}, five seeds: {in_words(found, digits + 1)}."
    if examples != 10_000:
        text += f" What is trained now is judged on {examples:,} images, not of MNIST."
    return figure, text


def rates_picture(runs: pd.DataFrame) -> Drawn:
    """Errors on held-out images over the learning rate, with a teacher and without.

    `runs` are those of `tuning`.
    """
    default = {"student": "mlp-128", "labels": 2000, "epochs": 15}
    for column, value in default.items():
        runs = runs[runs[column] == value]
    hot = runs["temperature"].isna() | runs["temperature"].eq(8)
    lines = {
        name: by_value(runs[hot & (runs["method"] == name)], "learning_rate", ERRORS)
        for name in (LABELS, "smoothing 0.1", "teacher")
    }
    rates = [*lines[LABELS]]
    x = axis(
        "learning rate", [-3.1, -1.0], log=True, ticks={f"{r:g}": r for r in rates}
    )
    few = {f"{n:,}": n for n in (400, 600, 1000, 2000)}
    y = axis("errors of 10,000, held out", [2.55, 3.5], log=True, ticks=few)
    points = {name: [*line.values()] for name, line in lines.items()}
    colors = [LABEL_COLOR, OTHER_COLOR, STUDENT_COLOR]
    best = {n: min(found, key=lambda r: sum(found[r])) for n, found in lines.items()}
    figure = side_by_side(
        f"On labels the best learning rate is {best[LABELS]:g}",
        lines_with_spread(rates, points, (x, y), colors),
        legend=True,
        height=400,
    )
    said = {f"{name} at {rate:g}": lines[name][rate] for name, rate in best.items()}
    said[f"{LABELS} at {rates[0]:g}"] = lines[LABELS][rates[0]]
    return figure, f"MNIST, held-out images, five seeds, errors: {in_words(said)}."
