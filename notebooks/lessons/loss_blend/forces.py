"""Two forces on one student: arrows in the plane of three logits, lengths over T."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab import panels
from kdlab.data import Columns
from kdlab.explorers.answers import (
    PULL,
    TEMPERATURES,
    names_of,
    over_temperatures,
    soft_pulls,
)
from kdlab.losses import soft_target_gradient
from kdlab.metrics import soften

from .plane import trace

CLASSES, LABEL = ("4", "9", "0"), torch.tensor([1.0, 0.0, 0.0])
TEACHER = torch.tensor([2.4, 1.2, -3.6])  # a 4 that looks like a 9
STUDENTS = {
    "untrained": torch.zeros(3),
    "wrong": torch.tensor([-2.0, 3.0, -1.0]),
    "as the teacher": TEACHER,
    "surer than the teacher": torch.tensor([3.6, -1.6, -2.0]),
}
# All these logits add up to 0: a plane. Two directions in it, at right angles:
PLANE = F.normalize(torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]))
# A force of length 1 is drawn C = 3 times as long, C classes: a hot teacher pulls with
# (v - z) / C, so its arrow alone ends at its logits.
FORCE = float(len(CLASSES))
PRESETS = {
    "labels alone": {"soft_weight": 0.0},
    "teacher alone": {"soft_weight": 1.0},
    "hot, without T²": {"temperature": 16.0, "squared": False},
    "hot, with T²": {"temperature": 16.0, "squared": True},
}


def forces_explorer() -> panels.Explorer:
    """The blend as two arrows and their sum, where three logits add up to zero."""
    heat = panels.temperature_slider(4.0, step=1 / 3)
    weight = panels.share_slider("weight of the teacher", 0.5)

    def deafen(change: dict) -> None:
        heat.disabled = change["new"] == 0

    weight.observe(deafen, "value")
    return panels.explore(
        forces_view,
        tabulate=3,
        presets=PRESETS,
        temperature=heat,
        soft_weight=weight,
        squared=panels.tick("factor T²", True),
        student=panels.dropdown("student", STUDENTS),
    )


def forces_view(
    temperature: float, soft_weight: float, squared: bool, student: str
) -> fig.Drawn:
    """The arrows at one of STUDENTS, beside the answers that they come from."""
    logits, heard = STUDENTS[student], soft_weight > 0
    hard, soft = forces(logits, temperature, soft_weight, squared)
    arrows = {"labels": hard, "teacher": soft, "both": hard + soft}
    ours, theirs, both = (arrow.norm().item() for arrow in arrows.values())
    at = temperature if heard else 1.0
    answers = {
        "label": (LABEL, fig.LABELS),
        "teacher": (soften(TEACHER, at) if heard else torch.zeros(3), fig.TEACHER),
        "student": (soften(logits, at), fig.STUDENT),
    }
    says = "At weight 0 nobody listens to the teacher: T does nothing."
    if heard:
        says = f"T = {temperature:.4g}, weight {soft_weight:.1f}: labels pull with "
        says += f"{ours:.3f}, the teacher with {theirs:.3f}, both with {both:.3f}. "
        says += f"Arrows are {FORCE:g} times as long: C = {FORCE:g} classes."
    return fig.picture(
        f"Labels pull with {ours:.2f}, the teacher with {theirs:.2f}",
        plane_of_logits(logits, arrows),
        fig.grouped_bars(answers, CLASSES, f"softened, T = {at:.3g}"),
        says=says,
        widths=[1.25, 1],
        height=470,
        legend=True,
    )


def forces(
    student: Tensor, temperature: float, soft_weight: float, squared: bool
) -> tuple[Tensor, Tensor]:
    """The pushes of labels and teacher on logits [3]: minus their gradients.

    Source: Hinton, Vinyals & Dean (2015), equation 2, for the soft one.
    """
    hard = (1 - soft_weight) * (LABEL - soften(student, 1.0))
    soft = -soft_weight * soft_target_gradient(student, TEACHER, temperature)
    return hard, soft if squared else soft / temperature**2


def plane_of_logits(student: Tensor, arrows: Mapping[str, Tensor]) -> fig.Part:
    """Where student and teacher are, and what pulls at the student; logits [3]."""
    traces = []
    spoke = {"line": {"color": fig.LABELS, "width": 1, "dash": "dot"}}
    spoke |= {"textposition": "top center", "hoverinfo": "skip", "showlegend": False}
    for name, end in zip(CLASSES, 4.6 * F.normalize(PLANE, dim=0).T, strict=True):
        line, text = torch.stack([0 * end, end]), ["", f"surely {name}"]
        traces.append(trace(line, "lines+text", text=text, **spoke))
    named = {"teacher": (TEACHER, fig.TEACHER, "diamond")}
    named["student"] = (student, fig.STUDENT, "circle")
    style = {"textposition": "middle left", "showlegend": False}
    for name, (logits, color, symbol) in named.items():
        style["marker"] = {"size": 15, "color": color, "symbol": symbol}
        place, text = (PLANE @ logits)[None], [f"{name}  "]
        traces.append(trace(place, "markers+text", text=text, **style))
    colors = {"labels": fig.LABELS, "teacher": fig.TEACHER, "both": fig.STUDENT}
    dashes = {"labels": "dot", "teacher": "dash", "both": "solid"}
    for name, arrow in arrows.items():
        push = FORCE * PLANE @ arrow
        style = {"name": name, "hoverinfo": "skip", "marker": {"symbol": "arrow"}}
        style["marker"] |= {"angleref": "previous", "color": colors[name]}
        style["marker"]["size"] = [0, 16 if push.abs().sum() > 0.02 else 0]
        style["line"] = {"color": colors[name], "width": 4}
        style["line"]["dash"] = dashes[name]
        line = (PLANE @ student).double() + torch.stack([0 * push, push])
        traces.append(trace(line, "lines+markers", **style))
    hidden = {"visible": False, "fixedrange": True, "range": [-5.6, 5.6]}
    return {"traces": traces, "x": hidden, "y": hidden}


def loudness_explorer(
    students: Mapping[str, Tensor], columns: Columns
) -> panels.Explorer:
    """Mean length of each term's gradient over T, on real images.

    Students by name: their logits [N, classes], such as after some epochs.
    """
    names_of(columns, None)  # they can be shown
    hard, soft = {}, {}
    for name, logits in students.items():
        gap = soften(logits, 1.0) - F.one_hot(columns["labels"], logits.shape[1])
        hard[name] = gap.norm(dim=1).mean().item()
        soft[name] = soft_pulls(logits, columns["teacher_logits"])

    def view(temperature: float, soft_weight: float, student: str) -> fig.Drawn:
        lines = {"labels": [(1 - soft_weight) * hard[student]] * len(TEMPERATURES)}
        for name, line in soft[student].items():
            lines[name] = [soft_weight * y for y in line]
        here = fig.nearest(TEMPERATURES, temperature)
        temperature = TEMPERATURES[here]
        ours, theirs, alone = (line[here] for line in lines.values())
        words = f"{theirs / ours:.3g} times as hard" if ours else "nobody else pulls"
        colors = [fig.LABELS, fig.TEACHER, fig.OTHER]
        return fig.picture(
            f"The teacher pulls with {theirs:.3g}, the labels with {ours:.3g}",
            over_temperatures(lines, temperature, PULL, colors),
            says=f"Student {student}, T = {temperature:.4g}, weight {soft_weight:.1f}: "
            f"the labels pull with {ours:.3g}, T² · KL with {theirs:.3g} ({words}), KL "
            f"alone with {alone:.3g}.",
            legend=True,
            height=400,
        )

    return panels.explore(
        view,
        tabulate=2,
        presets={"T = 1": 1.0, "T = 8": 8.0},
        temperature=panels.temperature_slider(4.0),
        soft_weight=panels.share_slider("weight of the teacher", 0.5),
        student=panels.dropdown("student", students),
    )
