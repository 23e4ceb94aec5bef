"""Two planes of digits: what a student may do to the teacher's, and which losses see."""

import math

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, scaled
from kdlab.panels import Explorer, choice, explore, tick

from .attention import rgb_of
from .students import LOSSES, features

VECTOR_LOSSES = {n: LOSSES[n] for n in ("hint", "distances", "angles", "similarity")}
TWIN = {"turn": 0, "scale": 1.0, "shift": 0.0, "exchanged": False}
PRESETS = {
    "turned and doubled": TWIN | {"turn": 90, "scale": 2.0},
    "moved away": TWIN | {"shift": 1.0},
    "others' places": TWIN | {"exchanged": True},
}
LIMIT, LEAST = 5.5, 1e-12  # of the planes, each way; what is less is rounding


@torch.no_grad()
def plane_of(teacher: nn.Module, columns: Columns) -> tuple[Tensor, Tensor]:
    """Points [12, 2] of an image of each class, then of others, and their images.

    What the teacher's last hidden layer says of them, in the two directions in which
    they differ most, with a spread of 1.
    """
    labels = columns["labels"].tolist()
    first = [labels.index(label) for label in sorted({*labels})]
    rows = (first + [n for n in range(len(labels)) if n not in first])[:12]
    images = columns["images"][rows]
    last = features(teacher, scaled(images))["last"].double()
    centred = last - last.mean(dim=0)
    found = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
    return found / found.std().clamp_min(LEAST), images


def moved(
    points: Tensor, turn: float, scale: float, shift: float, exchanged: bool
) -> Tensor:
    """The points [N, 2] of a student that is the teacher's twin but for this."""
    points = points.roll(1, dims=0) if exchanged else points
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return scale * points @ points.new_tensor([[c, s], [-s, c]]) + shift


def planes_explorer(teacher: nn.Module, columns: Columns) -> Explorer:
    """Twelve digits as the teacher has them, and as a student might; four losses."""
    points, images = plane_of(teacher, columns)
    inks = {color: inked(images, color) for color in (fig.TEACHER, fig.STUDENT)}

    def view(**values: float) -> fig.Drawn:
        student = moved(points, **values)
        found = {n: loss(student, points).item() for n, loss in VECTOR_LOSSES.items()}
        found = {name: 0.0 if v < LEAST else v for name, v in found.items()}
        blind = [name for name, value in found.items() if not value]
        style = {"title": "loss", "scale": [-4, 1.3], "log": True, "color": fig.OTHER}
        changes = [f"{n} {v:g}" for n, v in values.items() if v != TWIN[n]]
        return fig.picture(
            f"See no difference: {', '.join(blind) or 'none of the four'}",
            plane(points, inks[fig.TEACHER], "teacher", fig.TEACHER),
            plane(student, inks[fig.STUDENT], "student", fig.STUDENT),
            fig.class_bars(torch.tensor([*found.values()]), [*found], **style),
            widths=[1, 1, 0.8],
            says=f"The student has the teacher's plane, {', '.join(changes) or 'as it is'}"
            f". Losses: {'; '.join(f'{n} {v:.3g}' for n, v in found.items())}.",
            height=400,
        )

    return explore(
        view,
        tabulate=2,
        presets=PRESETS,
        turn=widgets.IntSlider(0, min=0, max=180, step=15, description="turn, degrees"),
        scale=choice("times", [0.25, 0.5, 1.0, 1.5, 2.0], 1.0),
        shift=choice("moved by", [0.0, 0.5, 1.0], 0.0),
        exchanged=tick("each digit in the next one's place"),
    )


def inked(images: Tensor, color: str) -> list[str]:
    """Digits [N, 1, H, W] in bytes, drawn in a colour on what lies behind them."""
    rgb = (255 * rgb_of(color)).round().byte().view(3, 1, 1)
    rgb = rgb.expand(-1, *images.shape[2:])
    return [fig.image_address(torch.cat([rgb, ink])) for ink in images]


def plane(points: Tensor, inks: list[str], title: str, color: str) -> fig.Part:
    """Digits at their points [N, 2]."""
    size = {"sizex": 0.7, "sizey": 0.7, "xanchor": "center", "yanchor": "middle"}
    pairs = zip(inks, points.tolist(), strict=True)
    images = [{"source": ink, "x": x, "y": y, **size} for ink, (x, y) in pairs]
    discs = dict(zip("xy", points.T.tolist(), strict=True), name=title)
    discs |= {"type": "scatter", "mode": "markers", "hoverinfo": "skip"}
    discs |= {"marker": {"color": color, "size": 18, "opacity": 0.15}}
    x, y = (fig.axis(name, [-LIMIT, LIMIT]) for name in (title, ""))
    return {"traces": [discs], "x": x, "y": y, "images": images}
