"""Explorers of 05: is the student like its teacher, and is it as sure as right?"""

from collections.abc import Mapping

import ipywidgets as widgets
import pandas as pd
from torch import Tensor

from kdlab.figures import (
    LABEL_COLOR,
    SOFTENED_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    axis,
    reliability_bars,
    side_by_side,
    upright,
)
from kdlab.figures_runs import Runs, dots, in_words, mean_spread, unnamed
from kdlab.metrics import accuracy, calibration_gap, reliability
from kdlab.panels import Explorer, explore

TRAININGS = {
    "2,000 images, 15 epochs": (2000, 15),
    "2,000 images, 60 epochs": (2000, 60),
    "20,000 images, 15 epochs": (20_000, 15),
}
KINDS = {
    "labels": (0.0, LABEL_COLOR, "circle"),
    "teacher, T = 1": (1.0, SOFTENED_COLOR, "square"),
    "teacher, T = 8": (8.0, STUDENT_COLOR, "diamond"),
}
WHO = {"course": "the course's", "fair": "a fair one", "weak": "a weak one"}


def fidelity_explorer(runs: pd.DataFrame) -> Explorer:
    """Agreement with the teacher beside accuracy, and where the teacher errs."""
    runs = runs.fillna({"temperature": 0.0})
    chosen = dict(iter(runs.groupby(["teacher", "labels", "epochs"])))
    right_of = 100 * runs.groupby("teacher")["teacher_accuracy"].first()
    whom = {f"{WHO[name]}, {right_of[name]:.1f} % right": name for name in WHO}
    errs = axis("agreement where the teacher errs, %", [20, 103])
    colors = {name: color for name, (_, color, _) in KINDS.items()}
    hot = [*KINDS][-1]

    def view(teacher: str, training: str) -> Drawn:
        some = chosen[whom[teacher], *TRAININGS[training]]
        found = {n: some[some["temperature"] == t] for n, (t, *_) in KINDS.items()}
        right, agreed, on_errors = (
            {name: (100 * kind[column]).tolist() for name, kind in found.items()}
            for column in ("test_accuracy", "teacher_agreement", "agreement_on_errors")
        )
        figure = side_by_side(
            f"Teacher {right_of[whom[teacher]]:.1f} % right, its student at T = 8 "
            f"{mean_spread(right[hot])[0]:.1f} %; they agree on "
            f"{mean_spread(agreed[hot])[0]:.1f} %",
            unnamed(dots(on_errors, errs, colors)),
            agreement_by_accuracy(right, agreed, right_of[whom[teacher]]),
            widths=[1, 1.1],
            legend=True,
            height=430,
        )
        figure.update_layout(margin={"l": 130})
        kl = {name: kind["teacher_kl"].tolist() for name, kind in found.items()}
        return figure, (
            f"MNIST, {training}, five seeds. Right, %: {in_words(right, 1)}. Agreeing, "
            f"%: {in_words(agreed, 1)}. KL from the teacher, nats: {in_words(kl, 3)}."
        )

    return explore(
        view,
        tabulate=["teacher", "training"],
        teacher=widgets.Dropdown(options=[*whom], description="teacher"),
        training=widgets.Dropdown(options=[*TRAININGS], description="training"),
    )


def agreement_by_accuracy(right: Runs, agreed: Runs, teacher: float) -> Part:
    """A mark for each run; on the dashes the two numbers are the same, %.

    The dots stand at the accuracy of the teacher.
    """
    ends = [91.5, 100.2]
    level = {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "name": "equal"}
    traces = [{**level, "line": {"color": LABEL_COLOR, "dash": "dash"}}]
    traces.append({**upright(teacher, ends, "teacher"), "showlegend": False})
    for name, (_, color, symbol) in KINDS.items():
        marker = {"symbol": symbol, "size": 10, "color": color}
        place = {"x": right[name], "y": agreed[name], "name": name, "marker": marker}
        traces.append({"type": "scatter", "mode": "markers", **place})
    x = axis("test accuracy, % (dots: the teacher's)", ends)
    y = axis("agreement, %", ends)
    return {"traces": traces, "x": x, "y": y}


def reliability_picture(answers: Mapping[str, Tensor], labels: Tensor) -> Drawn:
    """Confidence against accuracy of each model, side by side.

    Args:
        answers: logits [N, classes] of up to three models, by name.
        labels: [N]
    """
    tables = {
        name: reliability(logits, labels, bins=10) for name, logits in answers.items()
    }
    gaps = {name: calibration_gap(table).item() for name, table in tables.items()}
    colors = [TEACHER_COLOR, LABEL_COLOR, STUDENT_COLOR]
    parts = []
    for (name, table), color in zip(tables.items(), colors, strict=False):
        part = reliability_bars(table, color)
        part["x"]["title"] = {"text": f"confidence: {name}"}
        parts.append(part)
    words = [
        f"{name} is {(t['confidence'] * t['share']).nansum().item():.1%} sure and "
        f"{accuracy(answers[name], labels).item():.1%} right (calibration error "
        f"{gaps[name]:.3f})"
        for name, t in tables.items()
    ]
    least = min(gaps, key=gaps.get)
    figure = side_by_side(f"Best calibrated: {least}", *parts, height=380)
    return figure, f"On {len(labels):,} test images {'; '.join(words)}."
