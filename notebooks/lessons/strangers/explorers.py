"""What strangers see and say: half a digit, its shadows, its relief, five clients."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, scaled
from kdlab.explorers.answers import picked_images, picker
from kdlab.metrics import soften
from kdlab.panels import Explorer, choice, dropdown, explore

from .clients import CLIENTS, RULES, combined, shares
from .senses import half, scanned

FLOOR = torch.tensor([[-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], [0, 0, 0, 0, 0]]) * 1.25
LOOK_DOWN, POINTS = math.radians(35), (16, 64, 128)


def seen(sense: str, image: Tensor) -> Tensor:
    """What is seen of an image [1, 28, 28], on grey: [1, 36, 36]."""
    frame = torch.full((1, 36, 36), 0.35)
    if sense == "shadows":
        frame[:, 4:32, 30:] = 2 * image.mean(dim=2)[..., None]
        frame[:, 30:, 4:32] = 2 * image.mean(dim=1)[:, None]
    else:
        part = half(image) if sense == "left half" else image
        frame[:, 4:32, 4 : 4 + part.shape[2]] = part
    return frame.clamp(max=1.0)


def senses_explorer(
    columns: Columns, students: Mapping[str, Tensor], names: Sequence[str]
) -> Explorer:
    """A digit, what a student has of it, and what teacher and student say.

    `students` are logits of the columns, {"shadows": [N, 10], "left half": [N, 10]}.
    """
    picked = picked_images(columns)
    images = scaled(columns["images"][picked])
    every = {"all": columns["teacher_logits"], **students}
    probs = {sense: soften(logits[picked], 4.0) for sense, logits in every.items()}

    def view(sense: str, image_number: int) -> fig.Drawn:
        own, told = (probs[who][image_number] for who in (sense, "all"))
        both = {"student": (own, fig.STUDENT), "teacher": (told, fig.TEACHER)}
        first, other = (f"{names[p.argmax()]} ({p.max():.2f})" for p in (own, told))
        shown = [seen(what, images[image_number]) for what in (sense, "all")]
        return fig.picture(
            f"Of its {sense} the student says {first}, of all of it the teacher {other}",
            fig.unnamed(fig.gallery(torch.stack(shown), [*both], 1)),
            fig.grouped_bars(both, names, "probability at T = 4"),
            widths=[1, 1.6],
            says=f"The student sees the {sense} and says {first}; the teacher sees all "
            f"and says {other}. Both softened with T = 4.",
            height=440,
            legend=True,
        )

    sense = dropdown("the student sees", [*students])
    return explore(view, sense=sense, image_number=picker(columns, picked, names))


def flat(points: Tensor, azimuth: float) -> dict[str, list[float]]:
    """Points [3, P] as they are seen from this side, and from above."""
    x, y, height = points
    c, s = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    up = math.cos(LOOK_DOWN) * height + math.sin(LOOK_DOWN) * (c * y - s * x)
    return {"x": (c * x + s * y).tolist(), "y": up.tolist()}


def cloud_explorer(columns: Columns, names: Sequence[str]) -> Explorer:
    """A digit's relief as a cloud of points, from all sides."""
    picked = picked_images(columns)
    clouds = scanned(columns["images"][picked], max(POINTS), 0.0, 0)
    clouds = clouds.mT * torch.tensor([1, -1, 1])[:, None]  # rows count downwards
    blank = {"showgrid": False, "zeroline": False, "showticklabels": False}
    ends = {"x": [-2.1, 2.1], "y": [-1.1, 1.65]}  # of the floor, and of the highest ink
    axes = {name: fig.axis("", both) | blank for name, both in ends.items()}
    axes["y"] |= {"scaleanchor": "x"}  # a square is a square
    style = {"type": "scatter", "hoverinfo": "skip"}
    floor = style | {"mode": "lines", "line": {"color": fig.LABELS}}
    line = {"width": 1, "color": fig.LABELS}

    def view(azimuth: int, points: int, image_number: int) -> fig.Drawn:
        cloud = clouds[image_number, :, :points]
        sizes = (6 + 8 * cloud[2]).tolist()  # the higher, the larger
        marker = {"size": sizes, "color": fig.OTHER, "line": line}
        ink = {"mode": "markers", "marker": marker}
        traces = [floor | flat(FLOOR, azimuth), style | ink | flat(cloud, azimuth)]
        label = fig.a(names[columns["labels"][picked[image_number]]])
        return fig.picture(
            f"{points} points, seen from {azimuth}°: would you know the digit?",
            {"traces": traces, **axes},
            says=f"{points} points of the ink of {label}, as high as it is bright; seen "
            f"from {azimuth}°, from above.",
            height=420,
        )

    return explore(
        view,
        tabulate=2,
        azimuth=choice("azimuth, degrees", range(0, 360, 15), 0),
        points=choice("points", POINTS, max(POINTS)),
        image_number=picker(columns, picked, names),
    )


def answers_explorer(
    columns: Columns, logits: Tensor, names: Sequence[str]
) -> Explorer:
    """What five clients [5, N, 10] say of a public image, and all of them together."""
    picked = picked_images(columns)
    experts = [f"{a}, {a + 1}" for a in range(0, 2 * CLIENTS, 2)]

    def view(rule: str, image_number: int) -> fig.Drawn:
        row = picked[image_number]
        here, label = logits[:, [row]], names[columns["labels"][row]]
        joined = soften(combined(here, RULES[rule]), 1.0)
        weights = shares(here, RULES[rule])[:, 0].tolist()
        heard = [f"{n}: {w:.2f}" for n, w in zip(experts, weights, strict=True)]
        table = torch.cat([soften(here[:, 0], 1.0), joined]).flip(0)
        told = f"{names[joined.argmax()]} ({joined.max():.2f})"
        shown = [*names], ["together", *heard[::-1]], ("", "")
        by = f"the {rule.removeprefix('the ')}"
        return fig.picture(
            f"{fig.a(label)}, joined by {by}: together they say {told}",
            fig.heat_map(table, *shown, scale=(0, 1), title="probability", digits=2),
            fig.image(columns["images"][row]),
            widths=[3, 1],
            says=f"Together they say {told} of {fig.a(label)}. Who knows which "
            f"digits, and how much each counts: {'; '.join(heard)}.",
            height=440,
        )

    rule = dropdown("joined by", [*RULES])
    return explore(view, rule=rule, image_number=picker(columns, picked, names))
