"""Two planes of digits: what a student may do to the teacher's, and which losses see."""

import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab import relations
from kdlab.data import Columns, scaled
from kdlab.panels import Explorer, choice, explore, tick

from .students import features

VECTOR_LOSSES = {
    "hint": relations.hint_loss,
    "distances": relations.distance_loss,
    "angles": relations.angle_loss,
    "similarity": relations.similarity_loss,
}
START = {"turn": 0, "scale": 1.0, "shift": 0.0, "mirror": False}
START |= {"noise": 0.0, "exchanged": False}
LIMIT = 5.5  # of both planes, each way
LEAST = 1e-12  # what is less is rounding


@torch.no_grad()
def plane_of(teacher: nn.Module, columns: Columns) -> tuple[Tensor, Tensor]:
    """Points [12, 2] and labels of the first images of each class.

    What the teacher's last hidden layer says of them, in the two directions in which
    they differ most, with a spread of 1.
    """
    labels = columns["labels"]
    rows = [int(n) for d in labels.unique() for n in (labels == d).nonzero()[:2, 0]]
    rows = torch.tensor(rows[::2] + rows[1:4:2])
    last = features(teacher, scaled(columns["images"][rows]))["last"].double()
    centred = last - last.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    found = centred @ directions[:2].T
    return found / found.std(), labels[rows]


def moved(
    points: Tensor,
    turn: float,
    scale: float,
    shift: float,
    mirror: bool,
    noise: float,
    exchanged: bool,
) -> Tensor:
    """The points [N, 2] of a student: mirrored, exchanged, turned, ..., in this order."""
    if mirror:
        points = points.flip(1)
    if exchanged:
        points = points.roll(1, dims=0)
    way = math.radians(turn)
    turned = points @ points.new_tensor(
        [[math.cos(way), math.sin(way)], [-math.sin(way), math.cos(way)]]
    )
    draw = torch.randn(points.shape, generator=torch.Generator().manual_seed(0))
    return scale * turned + shift + noise * draw.to(points)


def planes_explorer(
    teacher: nn.Module, columns: Columns, class_names: Sequence[str]
) -> Explorer:
    """Twelve digits as the teacher has them, and as a student might; four losses."""
    points, labels = plane_of(teacher, columns)
    names = [class_names[label] for label in labels]

    def view(**values: float) -> fig.Drawn:
        student = moved(points, **values)
        found = {n: loss(student, points).item() for n, loss in VECTOR_LOSSES.items()}
        found = {name: 0.0 if v < LEAST else v for name, v in found.items()}
        blind = [name for name, value in found.items() if not value]
        said = "; ".join(f"{name} {value:.3g}" for name, value in found.items())
        bars = fig.class_bars(
            torch.tensor([*found.values()]), [*found], title="loss", scale=[-4, 1.3],
            log=True, color=fig.OTHER,
        )  # fmt: skip
        return fig.picture(
            f"Without any loss: {', '.join(blind) or 'nobody'}",
            plane(points, names, "teacher", fig.TEACHER),
            plane(student, names, "student", fig.STUDENT),
            bars,
            widths=[1, 1, 0.9],
            says=f"{words_of(values)}: {said}.",
            height=380,
        )

    noise = widgets.FloatSlider(0, min=0, max=1, step=0.1, description="noise")
    return explore(
        view,
        tabulate=2,
        presets=presets(),
        turn=widgets.IntSlider(0, min=0, max=180, step=15, description="turn, degrees"),
        scale=choice("scale", [0.25, 0.5, 1.0, 1.5, 2.0], 1.0),
        shift=choice("shift", [0.0, 0.5, 1.0, 2.0], 0.0),
        mirror=tick("units exchanged (a mirror)"),
        noise=noise,
        exchanged=tick("each digit in the next one's place"),
    )


def presets() -> dict[str, dict]:
    """Students, by name."""
    changes = {
        "twin": {},
        "turned and doubled": {"turn": 90, "scale": 2.0},
        "mirror twin": {"mirror": True},
        "moved away": {"shift": 2.0},
        "others' places": {"exchanged": True},
    }
    return {name: {**START, **change} for name, change in changes.items()}


def plane(points: Tensor, names: Sequence[str], title: str, color: str) -> fig.Part:
    """The names of points [N, 2], where they are."""
    words = {"type": "scatter", "mode": "text", "text": list(names), "name": title}
    words |= {"x": points[:, 0].tolist(), "y": points[:, 1].tolist()}
    words |= {"textfont": {"size": 20, "color": color}, "hoverinfo": "skip"}
    ends = [-LIMIT, LIMIT]
    return {"traces": [words], "x": fig.axis(title, ends), "y": fig.axis("", ends)}


def words_of(values: Mapping[str, float]) -> str:
    """What was done to the student's plane."""
    done = [f"turned by {values['turn']}°"] if values["turn"] else []
    done += [f"times {values['scale']:g}"] if values["scale"] != 1 else []
    done += [f"moved by {values['shift']:g}"] if values["shift"] else []
    done += [f"noise of {values['noise']:g}"] if values["noise"] else []
    done += ["units exchanged"] if values["mirror"] else []
    done += ["every digit in another's place"] if values["exchanged"] else []
    return f"The student's plane is the teacher's, {', '.join(done) or 'unchanged'}"
