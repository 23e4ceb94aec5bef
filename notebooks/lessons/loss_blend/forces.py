"""Explorers of notebook 04: two forces on one student, and what the blend is worth."""

from collections.abc import Mapping

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.controls import share_slider, temperature_slider
from kdlab.data import Columns
from kdlab.explorers import TEMPERATURES, gradient_length
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    axis,
    curves,
    grouped_bars,
    nearest,
    side_by_side,
    temperature_axis,
)
from kdlab.losses import soft_target_gradient
from kdlab.metrics import soften
from kdlab.panels import Explorer, explore

THREE = "4", "9", "0"  # the classes of the plane; the label is the first
TEACHER = torch.tensor([2.4, 1.2, -3.6])  # a 4 that looks like a 9
STUDENTS = {
    "untrained": [0.0, 0.0, 0.0],
    "wrong": [-2.0, 3.0, -1.0],
    "as the teacher": [2.4, 1.2, -3.6],
    "surer than the teacher": [3.6, -1.6, -2.0],
}
# Two directions at right angles in the plane where three logits add up to 0.
PLANE = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
PLANE = PLANE / PLANE.norm(dim=1, keepdim=True)
FORCE_COLORS = LABEL_COLOR, STUDENT_COLOR, OTHER_COLOR
FORCE = 3.0  # an arrow of length 1; so a hot teacher's alone ends at its logits


PRESETS = {
    "labels alone": {"soft_weight": 0.0},
    "teacher alone": {"soft_weight": 1.0},
    "hot, without T²": {"temperature": 16.0, "squared": False},
    "hot, with T²": {"temperature": 16.0, "squared": True},
}


def forces(
    student: Tensor, label: int, temperature: float, soft_weight: float, squared: bool
) -> tuple[Tensor, Tensor]:
    """The pushes of the two terms on logits [classes]: minus their gradients.

    Source: Hinton, Vinyals & Dean (2015), equation 2, for the soft one.
    """
    one_hot = F.one_hot(torch.tensor(label), len(student))
    hard = (1 - soft_weight) * (one_hot - soften(student, 1.0))
    soft = -soft_target_gradient(student, TEACHER, temperature)
    return hard, soft_weight * soft / (1 if squared else temperature**2)


def forces_explorer() -> Explorer:
    """The blend as two arrows and their sum, where three logits add up to zero."""

    def view(temperature: float, soft_weight: float, squared: bool, student: str):
        logits = torch.tensor(STUDENTS[student])
        hard, soft = forces(logits, 0, temperature, soft_weight, squared)
        arrows = {"labels": hard, "teacher": soft, "both": hard + soft}
        ours, theirs, sum_ = (arrow.norm().item() for arrow in arrows.values())
        heard = soft_weight > 0
        figure = side_by_side(
            f"Labels pull with {ours:.2f}, the teacher with {theirs:.2f}",
            plane(logits, arrows),
            three_answers(logits, temperature if heard else 1.0, heard),
            widths=[1.25, 1],
            height=470,
            legend=True,
        )
        if not heard:
            return figure, "At weight 0 nobody listens to the teacher: T does nothing."
        return figure, (
            f"T = {temperature:.4g}, weight {soft_weight:.1f}: labels pull with "
            f"{ours:.3f}, the teacher with {theirs:.3f}, both with {sum_:.3f}."
        )

    weight = share_slider("weight of the teacher", 0.5)
    heat = temperature_slider(4.0, step=1 / 3)

    def deafen(change: dict) -> None:
        heat.disabled = change["new"] == 0

    weight.observe(deafen, "value")
    return explore(
        view,
        tabulate=["temperature", "soft_weight", "squared"],
        presets=PRESETS,
        temperature=heat,
        soft_weight=weight,
        squared=widgets.Checkbox(True, description="factor T²"),
        student=widgets.Dropdown(options=[*STUDENTS], description="student"),
    )


def plane(student: Tensor, arrows: Mapping[str, Tensor]) -> Part:
    """Where student and teacher are, and what pulls at the student; logits [3]."""
    x, y = (PLANE @ (student - student.mean())).tolist()
    spokes = 4.6 * F.normalize(PLANE @ torch.eye(3), dim=0).T
    traces = [
        {"type": "scatter", "mode": "lines+text", "x": [0, a], "y": [0, b]}
        | {"text": ["", f"surely {name}"], "textposition": "top center"}
        | {"line": {"color": LABEL_COLOR, "width": 1, "dash": "dot"}}
        | {"showlegend": False, "hoverinfo": "skip"}
        for name, (a, b) in zip(THREE, spokes.tolist(), strict=True)
    ]
    named = {"teacher": (TEACHER, TEACHER_COLOR, "diamond")}
    named["student"] = (student, STUDENT_COLOR, "circle")
    for name, (logits, color, symbol) in named.items():
        a, b = (PLANE @ (logits - logits.mean())).tolist()
        marker = {"size": 15, "color": color, "symbol": symbol}
        place = {"x": [a], "y": [b], "marker": marker, "text": [f"{name}  "]}
        style = {"mode": "markers+text", "textposition": "middle left"}
        traces.append({"type": "scatter", "showlegend": False, **style, **place})
    colors = {"labels": LABEL_COLOR, "teacher": TEACHER_COLOR, "both": STUDENT_COLOR}
    for name, arrow in arrows.items():
        a, b = (FORCE * PLANE @ arrow).tolist()
        head = {"symbol": "arrow", "angleref": "previous", "color": colors[name]}
        head["size"] = [0, 16 if abs(a) + abs(b) > 0.02 else 0]
        line = {"color": colors[name], "width": 4}
        line["dash"] = "solid" if name == "both" else "dot"
        place = {"x": [x, x + a], "y": [y, y + b], "line": line, "marker": head}
        said = {"name": name, "hoverinfo": "skip"}
        traces.append({"type": "scatter", "mode": "lines+markers", **place, **said})
    fixed = {"visible": False, "fixedrange": True}
    return {
        "traces": traces,
        "x": {**fixed, "range": [-5.6, 5.6]},
        "y": {**fixed, "range": [-5.6, 5.6]},
    }


def three_answers(student: Tensor, temperature: float, heard: bool) -> Part:
    """Label, teacher and student softened, as bars; the teacher's only if heard."""
    label = F.one_hot(torch.tensor(0), 3).double()
    told = soften(TEACHER, temperature)
    answers = {
        "label": (label, LABEL_COLOR),
        "teacher": (told * heard, TEACHER_COLOR),
        "student": (soften(student, temperature), STUDENT_COLOR),
    }
    return grouped_bars(answers, THREE, f"softened, T = {temperature:.3g}")


def loudness_explorer(students: Mapping[str, Tensor], columns: Columns) -> Explorer:
    """Mean length of each term's gradient over T, on real images.

    Args:
        students: logits [N, classes] by name, such as after some epochs.
        columns: labels [N] and teacher_logits [N, classes] of the same images.
    """
    told, classes = columns["teacher_logits"], columns["labels"]
    lengths = {}
    for name, logits in students.items():
        gap = soften(logits, 1.0) - F.one_hot(classes, logits.shape[1])
        soft = [gradient_length(logits, told, t) for t in TEMPERATURES]
        lengths[name] = gap.norm(dim=1).mean().item(), soft
    axes = temperature_axis(), axis("length of the gradient", [-4.3, 1.3], log=True)

    def view(temperature: float, soft_weight: float, student: str) -> Drawn:
        hard, soft = lengths[student]
        at = nearest(TEMPERATURES, temperature)
        scaled = [soft_weight * y for y in soft]
        plain = [y / t**2 for y, t in zip(scaled, TEMPERATURES, strict=True)]
        labels = [(1 - soft_weight) * hard] * len(soft)
        lines = {"labels": labels, "T² · KL": scaled, "KL alone": plain}
        ours, theirs, alone = (line[at] for line in lines.values())
        words = (
            "nobody else pulls" if ours == 0 else f"{theirs / ours:.3g} times as hard"
        )
        figure = side_by_side(
            f"The teacher pulls with {theirs:.3g}, the labels with {ours:.3g}",
            curves(TEMPERATURES, lines, temperature, axes, FORCE_COLORS),
            legend=True,
            height=400,
        )
        return figure, (
            f"Student {student}, T = {temperature:.4g}, weight {soft_weight:.1f}: the "
            f"labels pull with {ours:.3g}, T² · KL with {theirs:.3g} ({words}), KL "
            f"alone with {alone:.3g}."
        )

    return explore(
        view,
        tabulate=["temperature", "soft_weight"],
        presets={"T = 1": {"temperature": 1.0}, "T = 8": {"temperature": 8.0}},
        temperature=temperature_slider(4.0),
        soft_weight=share_slider("weight of the teacher", 0.5),
        student=widgets.Dropdown(options=[*students], description="student"),
    )
