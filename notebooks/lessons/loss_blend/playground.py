"""The playground of notebook 04: a teacher and two students in a plane."""

from collections.abc import Generator, Mapping

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from kdlab.controls import choice, share_slider, temperature_slider
from kdlab.data import Columns, toy_points
from kdlab.experiments import with_label_noise
from kdlab.figures import (
    LABEL_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    image_address,
    percent,
    side_by_side,
)
from kdlab.metrics import soften
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss
from kdlab.panels import StepsPanel, explore_steps
from kdlab.training import Objective, cycle_steps, evaluate, places_to_stop, predict

NOISE = {"blobs": 0.9, "moons": 0.35, "spirals": 0.2}  # scatter of the points
PLENTY = 2000  # points that the teacher learns from, and as many fresh ones
OF_TEACHER = {"epochs": 40, "batch_size": 100, "learning_rate": 0.01}
OF_STUDENT = {"epochs": 200, "batch_size": 100, "learning_rate": 0.03}
LABELS, TEACHER, BLEND = "on labels", "teacher", "with the teacher"
EDGE, CELLS = 4.0, 64  # the plane is drawn within ±EDGE, in CELLS × CELLS shades
SHADES = torch.tensor([[0, 114, 178], [213, 94, 0], [0, 158, 115]]) / 255
SYMBOLS = ["circle", "square", "diamond"]
PRESETS = {
    "few labels": {"kind": "moons", "labels": 20, "label_noise": 0.0},
    "wrong labels": {"kind": "moons", "labels": 50, "label_noise": 0.3},
    "plenty of labels": {"kind": "moons", "labels": 1000, "label_noise": 0.0},
    "too hot": {"kind": "spirals", "labels": 100, "temperature": 4.0},
    "a student too small": {"kind": "spirals", "labels": 200, "width": 2},
}


def playground_explorer(**start: object) -> StepsPanel:
    """Two students in a plane, retrained at every release: on labels, with a teacher.

    `start` sets controls, such as kind="spirals". `await panel.finished()` gives the
    shares of fresh points that each has right, by its name.
    """
    teachers: dict[str, nn.Module] = {}  # trained once for each kind of points

    def trained(
        temperature: float, kind: str, soft_weight: float, width: int, **sample: float
    ) -> Generator[object, None, dict[str, float]]:
        few, fresh = samples(kind, **sample)
        if kind not in teachers:
            plenty = plane_points(kind, PLENTY, seed=1000)
            steps = net_steps(plenty, [64, 64], label_loss, **OF_TEACHER)
            teachers[kind] = yield from places_to_stop(steps)
        teacher = teachers[kind]
        for columns in (few, fresh):
            columns["teacher_logits"] = predict(teacher, columns["images"])
        models = {LABELS: None, TEACHER: teacher, BLEND: None}

        def picture() -> Drawn:
            return three_planes(models, few, fresh)

        yield picture
        for name, weight in ((LABELS, 0.0), (BLEND, soft_weight)):
            told = blended_loss(temperature, weight)
            steps = net_steps(few, [width], told, seed=sample["seed"], **OF_STUDENT)
            models[name] = yield from places_to_stop(steps)
            yield picture
        return {name: evaluate(m, fresh)["accuracy"] for name, m in models.items()}

    controls = playground_controls()
    return explore_steps(trained, presets=PRESETS, begin=start, **controls)


def playground_controls() -> dict[str, widgets.Widget]:
    """The controls of the playground."""
    return {
        "temperature": temperature_slider(2.0),
        "kind": widgets.Dropdown(options=[*NOISE], description="points"),
        "soft_weight": share_slider("weight of the teacher", 1.0),
        "width": choice("width of the student", (2, 4, 8, 16, 32, 64), 16),
        "labels": choice("labelled points", (5, 10, 20, 50, 100, 200, 1000), 20),
        "label_noise": share_slider("wrong labels, share", 0.0, 0.5),
        "seed": widgets.IntSlider(0, min=0, max=9, description="sample of points"),
    }


def plane_points(kind: str, points: int, seed: int) -> Columns:
    """`toy_points` as columns that every objective knows: images [N, 2], labels [N]."""
    columns = toy_points(kind, points, noise=NOISE[kind], seed=seed)
    return {"images": columns["points"], "labels": columns["labels"]}


def samples(
    kind: str, labels: int, label_noise: float, seed: int
) -> tuple[Columns, Columns]:
    """The labelled points, some of them wrongly, and fresh ones to judge by."""
    few = with_label_noise(plane_points(kind, labels, seed), label_noise, seed)
    return few, plane_points(kind, PLENTY, seed=1001)


def net_steps(
    columns: Columns,
    widths: list[int],
    objective: Objective,
    *,
    seed: int = 0,
    **length: float,
) -> Generator[tuple, None, nn.Module]:
    """Train a net on points of the plane; yield as `cycle_steps`, return it."""
    told = columns.get("teacher_logits")  # wrong labels may leave a class out
    classes = int(columns["labels"].max()) + 1 if told is None else told.shape[1]
    sizes = {"inputs": 2, "classes": classes, "widths": widths}
    model = build_model("mlp", mean=0, spread=1, seed=seed, **sizes)
    return (yield from cycle_steps(model, columns, objective, seed=seed, **length))


def three_planes(
    models: Mapping[str, nn.Module | None], few: Columns, fresh: Columns
) -> Drawn:
    """What each net answers all over the plane, and how often it is right."""
    facts = {n: evaluate(model, fresh) for n, model in models.items() if model}
    colors = {LABELS: LABEL_COLOR, TEACHER: TEACHER_COLOR, BLEND: STUDENT_COLOR}
    parts = []
    for name, model in models.items():
        said = percent(facts[name]["accuracy"]) if model else "training"
        parts.append(shades(model, few, f"{name}: {said}", colors[name]))
    if any(model is None for model in models.values()):
        figure = side_by_side("The students are training", *parts, height=400)
        return figure, "The students are training. The dots are their labelled points."
    ours, theirs = facts[LABELS], facts[BLEND]
    gain = 100 * (theirs["accuracy"] - ours["accuracy"])
    better = f"{abs(gain):.1f} points {'better' if gain >= 0 else 'worse'}"
    figure = side_by_side(f"With the teacher {better}", *parts, height=400)
    return figure, (
        f"Of {len(fresh['labels']):,} fresh points the student on labels has "
        f"{percent(ours['accuracy'])} right and agrees with the teacher on "
        f"{percent(ours['agreement'])}; with the teacher it is "
        f"{percent(theirs['accuracy'])} and {percent(theirs['agreement'])}. The "
        f"teacher has {percent(facts[TEACHER]['accuracy'])} right. This is one sample "
        f"of {len(few['labels']):,} points: look at others before you believe it."
    )


def shades(model: nn.Module | None, points: Columns, title: str, color: str) -> Part:
    """The plane, each place in the colours of its classes, white where it is torn."""
    places = points["images"].T.tolist()
    labels = points["labels"].tolist()
    size = 9 if len(labels) <= 200 else 5
    marker = {"size": size, "line": {"width": 1.5, "color": "#FFFFFF"}}
    marker["color"] = [to_hex(SHADES[label]) for label in labels]
    marker["symbol"] = [SYMBOLS[label] for label in labels]
    dots = {"type": "scatter", "mode": "markers", "x": places[0], "y": places[1]}
    dots |= {"marker": marker, "hoverinfo": "skip"}
    fixed = {"range": [-EDGE, EDGE], "fixedrange": True, "showticklabels": False}
    fixed |= {"showgrid": False, "zeroline": False}
    x = {**fixed, "title": {"text": title, "font": {"color": color}}}
    part = {"traces": [dots], "x": x, "y": fixed}
    if model:
        place = {"x": -EDGE, "y": EDGE, "sizex": 2 * EDGE, "sizey": 2 * EDGE}
        source = image_address(plane_colors(model))
        look = {"layer": "below", "sizing": "stretch", "opacity": 0.75}
        part["images"] = [{"source": source, **place, **look}]
    return part


def plane_colors(model: nn.Module) -> Tensor:
    """[3, CELLS, CELLS]: the classes' colours, the paler the more torn the net is."""
    line = torch.linspace(-EDGE, EDGE, CELLS)
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    probs = soften(predict(model, torch.stack([x, y], dim=2).reshape(-1, 2)), 1.0)
    even = 1 / probs.shape[1]
    sure = ((probs.max(dim=1).values - even) / (1 - even)).clamp_min(0.15)[:, None]
    colors = sure * SHADES[probs.argmax(dim=1)] + (1 - sure)
    return colors.T.reshape(3, CELLS, CELLS)


def to_hex(color: Tensor) -> str:
    """'#0072B2' of [3] in [0, 1]."""
    return "#" + "".join(f"{round(255 * part):02X}" for part in color.tolist())
