"""Two planes of digits: what a student may do to the teacher's, and which losses see."""

import math
from collections.abc import Sequence

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, scaled
from kdlab.panels import Explorer, choice, explore, tick

from .students import LOSSES, features

VECTOR_LOSSES = {n: LOSSES[n] for n in ("hint", "distances", "angles", "similarity")}
TWIN = {"turn": 0, "scale": 1.0, "shift": 0.0, "exchanged": False}
PRESETS = {
    "turned and doubled": TWIN | {"turn": 90, "scale": 2.0},
    "moved away": TWIN | {"shift": 2.0},
    "others' places": TWIN | {"exchanged": True},
}
LIMIT, LEAST = 5.0, 1e-12  # of the planes, each way; what is less is rounding


@torch.no_grad()
def plane_of(teacher: nn.Module, columns: Columns) -> tuple[Tensor, list[int]]:
    """Points [12, 2] of an image of each class, then of others, and their labels.

    What the teacher's last hidden layer says of them, in the two directions in which
    they differ most, with a spread of 1.
    """
    labels = columns["labels"].tolist()
    first = [labels.index(label) for label in sorted({*labels})]
    rows = (first + [n for n in range(len(labels)) if n not in first])[:12]
    last = features(teacher, scaled(columns["images"][rows]))["last"].double()
    centred = last - last.mean(dim=0)
    found = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
    return found / found.std().clamp_min(LEAST), [labels[row] for row in rows]


def moved(
    points: Tensor, turn: float, scale: float, shift: float, exchanged: bool
) -> Tensor:
    """The points [N, 2] of a student that is the teacher's twin but for this."""
    points = points.roll(1, dims=0) if exchanged else points
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return scale * points @ points.new_tensor([[c, s], [-s, c]]) + shift


def planes_explorer(
    teacher: nn.Module, columns: Columns, names: Sequence[str]
) -> Explorer:
    """Twelve digits as the teacher has them, and as a student might; four losses."""
    points, labels = plane_of(teacher, columns)
    digits = [names[label] for label in labels]

    def view(**values: float) -> fig.Drawn:
        student = moved(points, **values)
        found = {n: loss(student, points).item() for n, loss in VECTOR_LOSSES.items()}
        found = {name: 0.0 if v < LEAST else v for name, v in found.items()}
        blind = [name for name, value in found.items() if not value]
        numbers, style = torch.tensor([*found.values()]), {"color": fig.OTHER}
        style |= {"title": "loss", "scale": [-4, 1.3], "log": True}
        changes = [f"{n} {v:g}" for n, v in values.items() if v != TWIN[n]]
        return fig.picture(
            f"See no difference: {', '.join(blind) or 'none of the four'}",
            plane(points, digits, "teacher", fig.TEACHER),
            plane(student, digits, "student", fig.STUDENT),
            fig.class_bars(numbers, [*found], **style),
            widths=[1, 1, 0.8],
            says=f"The student has the teacher's plane ({', '.join(changes) or 'as it is'}"
            "). Losses of the plane: "
            + "; ".join(f"{n} {v:.3g}" for n, v in found.items())
            + ".",
            height=400,
        )

    return explore(
        view,
        tabulate=2,
        presets=PRESETS,
        turn=widgets.IntSlider(0, min=0, max=180, step=15, description="turn, degrees"),
        scale=choice("times", [0.25, 0.5, 1.0, 1.5, 2.0], 1.0),
        shift=choice("moved by", [0.0, 0.5, 1.0, 2.0], 0.0),
        exchanged=tick("each digit in the next one's place"),
    )


def plane(points: Tensor, digits: Sequence[str], title: str, color: str) -> fig.Part:
    """The names of points [N, 2], where they are."""
    words = {"type": "scatter", "mode": "text", "text": list(digits), "name": title}
    words |= {"x": points[:, 0].tolist(), "y": points[:, 1].tolist()}
    words |= {"textfont": {"size": 22, "color": color}, "hoverinfo": "skip"}
    ends = [-LIMIT, LIMIT]
    return {"traces": [words], "x": fig.axis(title, ends), "y": fig.axis("", ends)}
