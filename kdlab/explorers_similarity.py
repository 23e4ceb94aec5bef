"""The explorers of notebook 03: which classes are alike, and what each part is worth."""

from collections.abc import Generator, Sequence

import pandas as pd
import torch
from torch import Tensor

from kdlab.data import Columns, count
from kdlab.experiments import WITHOUT_TEACHER, places_to_stop, student_steps
from kdlab.explorers import DIGITS, picked_images, picker, temperature_slider
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    SOFTENED_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    axis,
    class_bars,
    gallery,
    image,
    percent,
    side_by_side,
)
from kdlab.figures_runs import DIVERGING, Runs, dots, heat_map, mean_spread
from kdlab.metrics import soften
from kdlab.panels import Explorer, StepsPanel, explore, explore_steps
from kdlab.teachers import other_teacher, some_of
from kdlab.training import evaluate, predict

TEMPERATURES = [2 ** (step / 6) for step in range(-12, 31)]  # those of the slider
REFERENCE = 8.0  # the map's orientation at this temperature is kept at all others
OWN = "a teacher of the same images"
HOT = 8.0


def class_similarity(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Mean wrong answers by true class: [N, classes] -> [classes, classes].

    Row y is the mean softened answer to images of class y without its own entry, and
    sums to 1; the diagonal is 0.
    """
    probs, classes = soften(logits.double(), temperature), logits.shape[1]
    means = torch.stack([probs[labels == name].mean(dim=0) for name in range(classes)])
    wrong = means.fill_diagonal_(0)
    return wrong / wrong.sum(dim=1, keepdim=True)


def class_map(similarity: Tensor, like: Tensor | None = None) -> Tensor:
    """Places in a plane, [classes, 2], where similar classes lie close together.

    Classical scaling: the distance is the logarithm of how much less similar a pair is
    than the most similar one; the two directions of largest variance are kept. The map
    is turned and mirrored to lie as `like` does, for no direction means anything.
    """
    symmetric = (similarity + similarity.T) / 2
    distance = -(symmetric / symmetric.max()).clamp_min(1e-30).log().fill_diagonal_(0)
    centre = torch.eye(len(distance)) - 1 / len(distance)
    values, vectors = torch.linalg.eigh(-centre.double() @ distance**2 @ centre.double())
    places = vectors[:, -2:] * values[-2:].clamp_min(0).sqrt()
    places = places / places.pow(2).mean().sqrt()
    if like is None:
        return places
    left, _, right = torch.linalg.svd(places.T @ like)
    return places @ left @ right  # Procrustes: the turn that brings it closest


def similarity_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Which wrong answers a teacher gives to which class, as a map and as a table."""
    logits, labels = columns["teacher_logits"], columns["labels"]
    tables = [class_similarity(logits, labels, t) for t in TEMPERATURES]
    upright = class_map(tables[TEMPERATURES.index(REFERENCE)])
    maps = [class_map(table, upright) for table in tables]
    classes = len(class_names)

    def view(temperature: float) -> Drawn:
        at = min(range(43), key=lambda i: abs(TEMPERATURES[i] - temperature))
        times = tables[at] * (classes - 1)
        order = times.flatten().argsort(descending=True)[:3].tolist()
        pairs = [divmod(place, classes) for place in order]
        said = [
            f"{class_names[a]} as {class_names[b]} {times[a, b]:.1f}" for a, b in pairs
        ]
        doubled = times.log2().fill_diagonal_(torch.nan)
        table = heat_map(
            doubled.flip(0), class_names, class_names[::-1], ("wrong answer", "label"),
            scale=(-5, 5), title="log₂ of times the even share", colors=DIVERGING,
        )  # fmt: skip
        first = f"{class_names[pairs[0][0]]} as {class_names[pairs[0][1]]}"
        figure = side_by_side(
            f"T = {temperature:.4g}: most often mistaken is {first}",
            map_of(maps[at], pairs, class_names),
            table,
            widths=[1, 1.25],
            height=470,
        )
        return figure, (
            f"At T = {temperature:.4g} the teacher's wrong answers go furthest from an "
            f"even share for {said[0]}, {said[1]} and {said[2]} times that share. "
            "On the left, classes that are mistaken for each other lie close together."
        )

    presets = {"as trained": 1.0, "a usual choice": 4.0, "Hinton 2015, T ≈ 20": 20.0}
    return explore(
        view,
        presets={name: {"temperature": t} for name, t in presets.items()},
        temperature=temperature_slider(4.0),
    )


def map_of(
    places: Tensor, pairs: Sequence[tuple[int, int]], class_names: Sequence[str]
) -> Part:
    """Class names at their places [classes, 2]; lines join the most similar pairs."""
    x, y = places.T.tolist()
    ends = {"x": [], "y": []}
    for pair in pairs:
        ends["x"] += [x[pair[0]], x[pair[1]], None]
        ends["y"] += [y[pair[0]], y[pair[1]], None]
    line = {"color": SOFTENED_COLOR, "width": 4}
    names = {"x": x, "y": y, "text": list(class_names), "mode": "markers+text"}
    names |= {"textfont": {"size": 20, "color": "#FFFFFF"}, "hoverinfo": "skip"}
    names |= {"marker": {"size": 34, "color": TEACHER_COLOR}}
    hidden = {"range": [-2.6, 2.6], "visible": False, "fixedrange": True}
    traces = [
        {"type": "scatter", "mode": "lines", "line": line, "hoverinfo": "skip", **ends},
        {"type": "scatter", **names},
    ]
    return {"traces": traces, "x": hidden, "y": hidden}


def neighbours_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """The three nearest wrong classes of an image, each with two real images of it.

    Nearest are the images of that class to which the teacher's answer is most alike.
    """
    logits, labels = columns["teacher_logits"], columns["labels"]
    picked = picked_images(columns)

    def nearest(row: int) -> tuple[list[int], list[int]]:
        wrong = logits[row].clone()
        wrong[labels[row]] = -torch.inf
        found, names = [], wrong.topk(3).indices.tolist()
        for name in names:
            rows = (labels == name).nonzero()[:, 0]
            rows = rows[rows != row]
            gaps = (logits[rows] - logits[row]).norm(dim=1)
            found.append(rows[gaps.topk(2, largest=False).indices].tolist())
        return names, [pair[i] for i in (0, 1) for pair in found]

    near = [nearest(row) for row in picked]

    def view(temperature: float, image_number: int) -> Drawn:
        row, (names, rows) = picked[image_number], near[image_number]
        probs, label = soften(logits[row], temperature), class_names[labels[row]]
        said = [f"{class_names[n]} ({percent(probs[n].item())})" for n in names]
        captions = [f"a {class_names[labels[other]]}" for other in rows]
        figure = side_by_side(
            f"This {label} is most like a {class_names[names[0]]}",
            image(columns["images"][row]),
            class_bars(probs, class_names, title="teacher's probability"),
            gallery(columns["images"][rows], captions, 3),
            widths=[1, 1.4, 1.6],
            height=380,
        )
        return figure, (
            f"Label {label}. At T = {temperature:.4g} the nearest wrong classes are "
            f"{said[0]}, {said[1]} and {said[2]}. On the right, real images of these "
            "three to which the teacher answers most alike."
        )

    return explore(
        view,
        presets={"as trained": {"temperature": 1.0}, "soft": {"temperature": 8.0}},
        temperature=temperature_slider(4.0),
        image_number=picker(columns, picked, class_names),
    )


def gain_explorer(
    train_set: Columns, test_set: Columns, stored: pd.DataFrame, *, seeds: int = 5
) -> StepsPanel:
    """The table that takes the gain apart, trained live: a dot for each student.

    Args:
        train_set: images, labels and teacher_logits of 2,000 images, or fewer.
        test_set: the same of the test images.
        stored: the runs of `gain`, whose arms and learning rates are taken, and whose
            mean and spread are drawn behind if the test images are the same 10,000.
        seeds: students of each arm; the first of every arm comes before the second.

    `await panel.finished()` gives the test errors of each arm, {arm: [...]}.
    """
    arms = arms_of(stored)
    same = count(test_set) == 10_000
    behind = {arm: found for arm, _, found in arms} if same else {}

    def trained() -> Generator[object, None, Runs]:
        errors: dict[str, list[int]] = {arm: [] for arm, _, _ in arms}
        own: dict[str, Tensor] = {}

        def picture() -> Drawn:
            return gain_picture(errors, behind, count(test_set), seeds)

        yield picture()
        for seed in range(seeds):
            for arm, setting, _ in arms:
                columns = {**train_set, **(own if arm.startswith(OWN) else {})}
                steps = student_steps(columns, seed=seed, **setting)
                student = yield from places_to_stop(steps)
                errors[arm].append(evaluate(student, test_set)["errors"])
                yield picture
            if not own:  # of the same images: a minute of patience is not asked for
                teacher = other_teacher("same images", train_set)
                own["teacher_logits"] = predict(teacher, train_set["images"])
        return errors

    return explore_steps(trained)
