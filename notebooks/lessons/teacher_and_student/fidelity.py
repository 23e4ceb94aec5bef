"""Is the student like its teacher, and is it as sure as it is right?"""

from collections.abc import Mapping

import pandas as pd
from torch import Tensor

from kdlab import figures as fig
from kdlab.metrics import accuracy, calibration_gap, reliability
from kdlab.panels import Explorer, dropdown, explore

TRAININGS = {
    "2,000 images, 15 epochs": (2000, 15),
    "2,000 images, 60 epochs": (2000, 60),
    "20,000 images, 15 epochs": (20_000, 15),
}
LABELS, WARM, HOT = "labels", "teacher, T = 1", "teacher, T = 8"
TEMPERATURES = {LABELS: 0.0, WARM: 1.0, HOT: 8.0}
COLORS = {LABELS: fig.LABELS, WARM: fig.STUDENTS[0], HOT: fig.STUDENT}
SYMBOLS = {LABELS: "circle", WARM: "square", HOT: "diamond"}
WHO = {"course": "the course's", "fair": "a fair one", "weak": "a weak one"}


def fidelity_explorer(runs: pd.DataFrame) -> Explorer:
    """Agreement with the teacher beside accuracy, and where the teacher errs."""
    by = runs.fillna({"temperature": 0.0}).groupby(
        ["teacher", "labels", "epochs", "temperature"]
    )
    found = {key: some.to_dict("list") for key, some in by}
    right_of = 100 * runs.groupby("teacher")["teacher_accuracy"].first()
    whom = {f"{WHO[name]}, {right_of[name]:.1f} % right": name for name in WHO}
    errs = fig.axis("agreement where the teacher errs, %", [20, 103])

    def view(teacher: str, training: str) -> fig.Drawn:
        here = whom[teacher], *TRAININGS[training]

        def of(measure: str, times: float) -> dict[str, list[float]]:
            return {
                name: [times * value for value in found[*here, t][measure]]
                for name, t in TEMPERATURES.items()
            }

        told, kl = right_of[whom[teacher]], of("teacher_kl", 1)
        right, agreed = of("test_accuracy", 100), of("teacher_agreement", 100)
        return fig.picture(
            f"Teacher {told:.1f} % right, its student at T = 8 "
            f"{fig.mean_spread(right[HOT])[0]:.1f} %; they agree on "
            f"{fig.mean_spread(agreed[HOT])[0]:.1f} %",
            fig.unnamed(fig.dots(of("agreement_on_errors", 100), errs, COLORS)),
            agreement_by_accuracy(right, agreed, told),
            says=f"MNIST, {training}, five seeds. Right, %: {fig.in_words(right, 1)}. "
            f"Agreeing, %: {fig.in_words(agreed, 1)}. KL from the teacher, nats: "
            f"{fig.in_words(kl, 3)}.",
            widths=[1, 1.1],
            height=430,
            legend=True,
        )

    return explore(
        view,
        tabulate=2,
        teacher=dropdown("teacher", [*whom]),
        training=dropdown("training", [*TRAININGS]),
    )


def agreement_by_accuracy(
    right: fig.Runs, agreed: fig.Runs, teacher: float
) -> fig.Part:
    """A mark for each run; on the dashes the two numbers are the same, %.

    The dots stand at the accuracy of the teacher.
    """
    ends = [91.5, 100.2]
    level = {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "name": "equal"}
    traces = [{**level, "line": {"color": fig.LABELS, "dash": "dash"}}]
    traces.append({**fig.upright(teacher, ends, "teacher"), "showlegend": False})
    for name, symbol in SYMBOLS.items():
        marker = {"symbol": symbol, "size": 10, "color": COLORS[name]}
        place = {"x": right[name], "y": agreed[name], "name": name, "marker": marker}
        traces.append({"type": "scatter", "mode": "markers", **place})
    x = fig.axis("test accuracy, % (dots: the teacher's)", ends)
    y = fig.axis("agreement, %", ends)
    return {"traces": traces, "x": x, "y": y}


def reliability_picture(answers: Mapping[str, Tensor], labels: Tensor) -> fig.Drawn:
    """Confidence against accuracy of each model, side by side.

    Args:
        answers: logits [N, classes] of models by name; "teacher" and "on labels" have
            their colours, others are students.
        labels: [N]
    """
    parts, gaps, words = [], {}, []
    colors = {"teacher": fig.TEACHER, "on labels": fig.LABELS}
    for name, logits in answers.items():
        table = reliability(logits, labels, bins=10)
        gaps[name] = calibration_gap(table).item()
        sure = (table["confidence"] * table["share"]).nansum().item()
        words.append(
            f"{name} is {sure:.1%} sure and {accuracy(logits, labels).item():.1%} right "
            f"(calibration error {gaps[name]:.3f})"
        )
        part = fig.reliability_bars(table, colors.get(name, fig.STUDENT))
        part["x"]["title"] = {"text": f"confidence: {name}"}
        parts.append(part)
    return fig.picture(
        f"Best calibrated: {min(gaps, key=gaps.get)}",
        *parts,
        says=f"On {len(labels):,} test images {'; '.join(words)}.",
        height=380,
    )
