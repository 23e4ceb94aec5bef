"""A teacher and two students in a plane, retrained at every release."""

from collections.abc import Generator, Mapping
from contextlib import suppress
from functools import partial

import torch
from ipywidgets import IntSlider
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab import panels
from kdlab.data import Columns, toy_points, with_label_noise
from kdlab.experiments import student_steps
from kdlab.metrics import soften
from kdlab.models import build_model
from kdlab.training import evaluate, predict

from .plane import COLORS, class_dots

NOISE = {"blobs": 0.9, "moons": 0.35, "spirals": 0.2}  # scatter of the points
PLENTY = 2000  # points that the teacher learns from, and as many fresh ones
OF_TEACHER = {"method": "labels", "widths": [64, 64]}
OF_TEACHER |= {"epochs": 40, "batch_size": 100, "learning_rate": 0.01}
OF_STUDENT = {"epochs": 200, "batch_size": 100, "learning_rate": 0.03}
ALONE, TEACHER, TAUGHT = "on labels", "teacher", "with the teacher"
TITLES = {ALONE: fig.LABELS, TEACHER: fig.TEACHER, TAUGHT: fig.STUDENT}  # their colours
EDGE, CELLS = 4.0, 64  # the plane is drawn within ±EDGE, in CELLS × CELLS shades
SHADES = torch.tensor([list(bytes.fromhex(color[1:])) for color in COLORS]) / 255
PRESETS = {
    "few labels": {"kind": "moons", "labels": 20, "label_noise": 0.0},
    "wrong labels": {"kind": "moons", "labels": 50, "label_noise": 0.3},
    "plenty of labels": {"kind": "moons", "labels": 1000, "label_noise": 0.0},
    "too hot": {"kind": "spirals", "labels": 100, "temperature": 4.0},
    "a student too small": {"kind": "spirals", "labels": 200, "width": 2},
}


def playground_explorer(**start: object) -> panels.LivePanel:
    """Two students in a plane, retrained at every release: on labels, with a teacher.

    `start` sets controls, such as kind="spirals". `await panel.finished()` gives the
    shares of fresh points that each has right, by its name, as far as they are trained.
    """
    teachers: dict[str, nn.Module] = {}  # trained once for each kind of points

    def trained(
        kind: str, width: int, labels: int, label_noise: float, seed: int, **blend
    ) -> Generator:
        fresh = plane_points(kind, PLENTY, seed=1001)
        classes = int(fresh["labels"].max()) + 1  # wrong labels may leave one out
        if kind not in teachers:
            plenty = plane_points(kind, PLENTY, seed=1000)
            teachers[kind] = yield from net_steps(plenty, classes, **OF_TEACHER)
        few = with_label_noise(plane_points(kind, labels, seed), label_noise, seed)
        for columns in (few, fresh):
            columns["teacher_logits"] = predict(teachers[kind], columns["images"])
        nets = {ALONE: None, TEACHER: teachers[kind], TAUGHT: None}
        draw = partial(three_planes, nets, few, fresh)
        own = {**OF_STUDENT, "widths": [width], "seed": seed}
        with suppress(GeneratorExit):
            yield draw
            for name, arm in ((ALONE, {"method": "labels"}), (TAUGHT, blend)):
                nets[name] = yield from net_steps(few, classes, **own, **arm)
                yield draw
        return {n: evaluate(net, fresh)["accuracy"] for n, net in nets.items() if net}

    return panels.explore_live(
        trained,
        presets=PRESETS,
        values=start,
        temperature=panels.temperature_slider(2.0),
        kind=panels.dropdown("points", NOISE),
        soft_weight=panels.share_slider("weight of the teacher", 1.0),
        width=panels.choice("width of the student", (2, 4, 8, 16, 32, 64), 16),
        labels=panels.choice("labelled points", (5, 10, 20, 50, 100, 200, 1000), 20),
        label_noise=panels.share_slider("wrong labels, share", 0.0, 0.5),
        seed=IntSlider(0, min=0, max=9, description="sample of points"),
    )


def plane_points(kind: str, points: int, seed: int) -> Columns:
    """`toy_points` under the names that students know: images [N, 2], labels [N]."""
    columns = toy_points(kind, points, noise=NOISE[kind], seed=seed)
    return {"images": columns["points"], "labels": columns["labels"]}


def net_steps(
    points: Columns, classes: int, *, widths: list[int], seed: int = 0, **how: object
) -> Generator[tuple, None, nn.Module]:
    """Train a net on points of the plane, by the options of `student_steps`."""
    sizes = {"inputs": 2, "mean": 0, "spread": 1, "widths": widths, "classes": classes}
    net = build_model("mlp", seed=seed, **sizes)
    return student_steps(points, model=net, seed=seed, **how)


def three_planes(
    nets: Mapping[str, nn.Module | None], few: Columns, fresh: Columns
) -> fig.Drawn:
    """What each net answers all over the plane, and how often it is right."""
    facts = {name: evaluate(net, fresh) for name, net in nets.items() if net}
    right = {name: fig.percent(found["accuracy"]) for name, found in facts.items()}
    title = "The students are training"
    says = f"{title}. The dots are their labelled points."
    if len(facts) == 3:
        ours, theirs = facts[ALONE], facts[TAUGHT]
        gain = 100 * (theirs["accuracy"] - ours["accuracy"])
        verdict = "better" if gain >= 0 else "worse"
        title = f"With the teacher {abs(gain):.1f} points {verdict}"
        says = (
            f"Of {len(fresh['labels']):,} fresh points the student on labels has "
            f"{right[ALONE]} right and agrees with the teacher on "
            f"{fig.percent(ours['agreement'])}; with the teacher it is {right[TAUGHT]} "
            f"and {fig.percent(theirs['agreement'])}. The teacher has {right[TEACHER]} "
            f"right. This is one sample of {len(few['labels']):,} points: look at others "
            "before you believe it."
        )
    parts = [
        shades(net, few, f"{name}: {right.get(name, 'training')}", TITLES[name])
        for name, net in nets.items()
    ]
    return fig.picture(title, *parts, says=says, height=400)


def shades(net: nn.Module | None, few: Columns, title: str, color: str) -> fig.Part:
    """The plane, each place in the colours of its classes, white where it is torn."""
    edge = {"width": 1.5, "color": "#FFFFFF"}
    size = 9 if len(few["labels"]) <= 200 else 5
    dots = class_dots(few["images"], few["labels"], size=size, line=edge)
    fixed = {"range": [-EDGE, EDGE], "fixedrange": True, "showticklabels": False}
    fixed |= {"showgrid": False, "zeroline": False}
    x = {**fixed, "title": {"text": title}, "showline": True, "linewidth": 5}
    x["linecolor"] = color
    place = {"x": -EDGE, "y": EDGE, "sizex": 2 * EDGE, "sizey": 2 * EDGE}
    place |= {"layer": "below", "sizing": "stretch", "opacity": 0.75}
    shown = [{"source": fig.image_address(plane_colors(net)), **place}] if net else []
    return {"traces": [dots], "x": x, "y": fixed, "images": shown}


def plane_colors(net: nn.Module) -> Tensor:
    """[3, CELLS, CELLS]: the classes' colours, the paler the more torn the net is."""
    line = torch.linspace(-EDGE, EDGE, CELLS)
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    probs = soften(predict(net, torch.stack([x, y], dim=2).reshape(-1, 2)), 1.0)
    even = 1 / probs.shape[1]
    sure = ((probs.max(dim=1).values - even) / (1 - even)).clamp_min(0.15)[:, None]
    colors = sure * SHADES[probs.argmax(dim=1)] + (1 - sure)
    return colors.T.reshape(3, CELLS, CELLS)
