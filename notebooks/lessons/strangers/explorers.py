"""What strangers see and say: half a digit, its shadows, its relief, five clients."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, scaled
from kdlab.explorers.answers import bits_open, picked_images, picker
from kdlab.metrics import soften
from kdlab.panels import Explorer, choice, dropdown, explore

from .clients import CLIENTS, RULES, combined, shares
from .senses import half, scanned

FLOOR = [(-1.75, -1.75), (1.75, -1.75), (1.75, 1.75), (-1.75, 1.75), (-1.75, -1.75)]
LOOK_DOWN, POINTS = math.radians(35), (16, 64, 128)


def seen(sense: str, image: Tensor) -> Tensor:
    """What is seen of an image [1, 28, 28], to be shown: [1, 36, 36]."""
    frame = torch.full((1, 36, 36), 0.35)
    if sense == "left half":
        frame[:, 4:32, 4:18] = half(image)
        return frame
    frame[:, 4:32, 30:] = 2 * image.mean(dim=2)[..., None]
    frame[:, 30:, 4:32] = 2 * image.mean(dim=1)[:, None]
    return frame.clamp(max=1.0)


def senses_explorer(
    columns: Columns, students: Mapping[str, Tensor], names: Sequence[str]
) -> Explorer:
    """A digit, what a student has of it, and what teacher and student say.

    `students` are logits of the columns, {"shadows": [N, 10], "left half": [N, 10]}.
    """
    picked = picked_images(columns)
    images = scaled(columns["images"][picked])
    told = soften(columns["teacher_logits"][picked], 4.0)
    own = {sense: soften(logits[picked], 4.0) for sense, logits in students.items()}

    def view(sense: str, image_number: int) -> fig.Drawn:
        image, other = images[image_number], own[sense][image_number]
        both = {"student": (other, fig.STUDENT)}
        both["teacher"] = told[image_number], fig.TEACHER
        first = {
            name: f"{names[p.argmax()]} ({p.max():.2f})"
            for name, (p, _) in both.items()
        }
        whole = torch.full((1, 36, 36), 0.35)
        whole[:, 4:32, 4:32] = image
        return fig.picture(
            f"Of its {sense} the student says {first['student']}",
            fig.gallery(torch.stack([seen(sense, image), whole]), [*both], 1),
            fig.grouped_bars(both, names, "probability at T = 4"),
            widths=[1, 1.6],
            says=f"The student sees the {sense} and says {first['student']}; the teacher "
            f"sees the picture and says {first['teacher']}. Both softened with T = 4.",
            height=440,
            legend=True,
        )

    sense = dropdown("the student sees", [*students])
    return explore(view, sense=sense, image_number=picker(columns, picked, names))


def cloud_explorer(columns: Columns, names: Sequence[str]) -> Explorer:
    """A digit's relief as a cloud of points, from all sides."""
    picked = picked_images(columns)
    clouds = scanned(columns["images"][picked], max(POINTS), 0.0, 0)
    ends = fig.axis("", [-3, 3]), fig.axis("", [-2, 2.4])
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False}

    def flat(x: Tensor, y: Tensor, height: Tensor, azimuth: float) -> tuple[list, list]:
        c, s = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
        across, away = c * x + s * y, c * y - s * x
        up = math.cos(LOOK_DOWN) * height + math.sin(LOOK_DOWN) * away
        return across.tolist(), up.tolist()

    def view(azimuth: int, points: int, image_number: int) -> fig.Drawn:
        x, y, height = clouds[image_number, :points].T
        corners = torch.tensor(FLOOR).T
        floor, cloud = {}, {"mode": "markers", "name": "points"}
        floor["x"], floor["y"] = flat(*corners, torch.zeros(5), azimuth)
        cloud["x"], cloud["y"] = flat(x, -y, height, azimuth)
        floor |= {"mode": "lines", "name": "floor", "line": {"color": fig.LABELS}}
        color = {
            "color": height.tolist(),
            "colorscale": "Viridis",
            "cmin": 0,
            "cmax": 1,
        }
        color |= {"line": {"width": 1, "color": fig.LABELS}, "size": 10}
        traces = [{"type": "scatter", "hoverinfo": "skip", **one}
                  for one in (floor, {**cloud, "marker": color})]  # fmt: skip
        label = fig.a(names[columns["labels"][picked[image_number]]])
        return fig.picture(
            f"{points} points, seen from {azimuth}°: would you know the digit?",
            {"traces": traces, "x": ends[0] | hidden, "y": ends[1] | hidden},
            says=f"{points} points of the ink of {label}, as high as it is dark; seen "
            f"from {azimuth}°.",
            height=440,
        )

    return explore(
        view,
        tabulate=2,
        presets={
            "as a dense scanner": {"points": 128},
            "as a sparse one": {"points": 16},
        },
        azimuth=choice("azimuth, degrees", range(0, 360, 15), 0),
        points=choice("points", POINTS, 16),
        image_number=picker(columns, picked, names),
    )


def answers_explorer(
    columns: Columns, logits: Tensor, names: Sequence[str]
) -> Explorer:
    """What five clients [5, N, 10] say of a public image, and all of them together."""
    picked = picked_images(columns)
    labels, logits = columns["labels"][picked], logits[:, picked]
    rows = [f"client {a}, {a + 1}" for a in range(0, 2 * CLIENTS, 2)]

    def view(rule: str, image_number: int) -> fig.Drawn:
        probs = soften(logits[:, image_number], 1.0)
        all_say = soften(combined(logits[:, [image_number]], RULES[rule])[0], 1.0)
        weights = shares(logits[:, [image_number]], RULES[rule])[:, 0]
        heard = [
            f"{row}: {w:.2f}" for row, w in zip(rows, weights.tolist(), strict=True)
        ]
        bits = ", ".join(f"{b:.2f}" for b in bits_open(probs).tolist())
        told, label = (
            f"{names[all_say.argmax()]} ({all_say.max():.2f})",
            labels[image_number],
        )
        table = fig.heat_map(
            probs, names, heard, ("class", ""), scale=(0, 1), title="probability"
        )
        table["y"] |= {
            "ticktext": [f"{one} " for one in heard],
            "autorange": "reversed",
        }
        return fig.picture(
            f"{fig.a(names[label])}, by the {rule}: together they say {told}",
            table,
            fig.class_bars(all_say, names, color=fig.TEACHER, title="together"),
            widths=[1.6, 1],
            says=f"{names[label]}: together {told}. Bits that each client leaves open: "
            f"{bits}; weights: {'; '.join(heard)}.",
            height=440,
        )

    rule = dropdown("together by the", [*RULES])
    return explore(view, rule=rule, image_number=picker(columns, picked, names))
