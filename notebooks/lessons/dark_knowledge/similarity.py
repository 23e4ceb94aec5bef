"""Explorers of notebook 03: which classes are alike, and what each hint is worth."""

from collections.abc import Generator, Sequence
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from kdlab.controls import temperature_slider
from kdlab.data import Columns, count
from kdlab.experiments import WITHOUT_TEACHER, student_steps
from kdlab.explorers import DIGITS, TEMPERATURES, picked_images, picker
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
    nearest,
    percent,
    side_by_side,
)
from kdlab.figures_runs import DIVERGING, Runs, dots, heat_map, mean_spread
from kdlab.metrics import soften
from kdlab.panels import Explorer, StepsPanel, explore, explore_steps
from kdlab.teachers import other_teacher_steps
from kdlab.training import evaluate, places_to_stop, predict

OWN = "a teacher of the same images"
HOT = 8.0  # of the arms that are compared; the map is upright there
RADIUS = 0.22  # of a class in the map
EDGES = 0.045, 0.085  # shares of the test images, between which the arms are drawn
PARTS = "class means", "wrong answers evened", "wrong answers permuted"
PARTS += "shuffled within class", "wrong answers alone"


def class_similarity(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Mean wrong answers by true class: [N, classes] -> [classes, classes].

    Row y is the mean softened answer to images of class y without its own entry, and
    sums to 1; the diagonal is 0.
    """
    probs, classes = soften(logits.double(), temperature), logits.shape[1]
    means = torch.stack([probs[labels == name].mean(dim=0) for name in range(classes)])
    wrong = means.fill_diagonal_(0)
    return wrong / wrong.sum(dim=1, keepdim=True)


def class_maps(similarity: Tensor, upright: int) -> Tensor:
    """Places in a plane where similar classes lie close together, [maps, classes, 2].

    A distance should be minus the logarithm of the pair's mean similarity. All maps of
    a similarity [maps, classes, classes] begin at the two directions of largest
    variance of the row `upright`, and lower their squared errors step by step (metric
    scaling by SMACOF). Then they are turned and mirrored to lie as that of `upright`
    does, for no direction means anything.

    Source: Borg & Groenen (2005), Modern Multidimensional Scaling, section 8.6
    """
    wanted = -((similarity + similarity.mT) / 2).clamp_min(1e-30).log()
    wanted.diagonal(dim1=1, dim2=2).zero_()
    centre = (torch.eye(similarity.shape[1]) - 1 / similarity.shape[1]).double()
    values, vectors = torch.linalg.eigh(-centre @ wanted[upright] ** 2 @ centre)
    places = vectors[:, -2:] * values[-2:].clamp_min(0).sqrt()
    places = places.expand(len(similarity), -1, -1)
    for _ in range(300):
        pulls = -wanted / torch.cdist(places, places).clamp_min(1e-9)
        pulls = pulls - pulls.sum(dim=2).diag_embed()
        places = pulls @ places
        places = places / places.pow(2).mean(dim=(1, 2), keepdim=True).sqrt()
    left, _, right = torch.linalg.svd(places.mT @ places[upright])
    return places @ left @ right  # Procrustes: the turn that brings it closest


def similarity_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Which wrong answers a teacher gives to which class, as a map and as a table."""
    answers = columns["teacher_logits"], columns["labels"]
    tables = torch.stack([class_similarity(*answers, t) for t in TEMPERATURES])
    maps = class_maps(tables, TEMPERATURES.index(HOT))

    def view(temperature: float) -> Drawn:
        at = nearest(TEMPERATURES, temperature)
        times = tables[at] * (len(class_names) - 1)
        pairs, both = most_alike(times), (times + times.T) / 2
        names = [f"{class_names[a]} and {class_names[b]}" for a, b in pairs]
        said = [f"{n} ({both[pair]:.1f})" for n, pair in zip(names, pairs, strict=True)]
        figure = side_by_side(
            f"T = {temperature:.4g}: most alike are {names[0]}",
            map_of(maps[at], pairs, class_names),
            wrong_answers(times, class_names),
            widths=[1, 1.25],
            height=470,
        )
        return figure, (
            f"At T = {temperature:.4g} most alike are {', '.join(said)}. In brackets, "
            "their wrong answers for each other as times an even share. On the left, "
            "classes that are alike lie close together."
        )

    presets = {"as trained": 1.0, "a usual choice": 4.0, "Hinton 2015, T ≈ 20": 20.0}
    return explore(
        view,
        presets={name: {"temperature": t} for name, t in presets.items()},
        temperature=temperature_slider(4.0),
    )


def wrong_answers(times: Tensor, class_names: Sequence[str]) -> Part:
    """Times the even share that each wrong class has of the answers, in doublings."""
    return heat_map(
        times.log2().fill_diagonal_(torch.nan).flip(0),
        class_names,
        class_names[::-1],
        ("wrong answer", "label"),
        scale=(-5, 5),
        title="log₂ of times the even share",
        colors=DIVERGING,
    )


def most_alike(similarity: Tensor) -> list[tuple[int, int]]:
    """The three pairs of classes with the largest entries, both directions together."""
    order = (similarity + similarity.T).triu().flatten().topk(3).indices.tolist()
    return [divmod(place, len(similarity)) for place in order]


def map_of(
    places: Tensor, pairs: Sequence[tuple[int, int]], class_names: Sequence[str]
) -> Part:
    """Class names at their places [classes, 2]; lines join the most similar pairs."""
    ends = {"x": [], "y": []}
    for a, b in pairs:
        along = torch.nn.functional.normalize(places[b] - places[a], dim=0)
        line = torch.stack([places[a] + RADIUS * along, places[b] - RADIUS * along])
        ends["x"] += [*line[:, 0].tolist(), None]
        ends["y"] += [*line[:, 1].tolist(), None]
    line = {"color": SOFTENED_COLOR, "width": 5}
    x, y = places.T.tolist()
    names = {"x": x, "y": y, "text": list(class_names), "mode": "markers+text"}
    names |= {"textfont": {"size": 20}, "hoverinfo": "skip"}
    circle = {"size": 36, "color": TEACHER_COLOR, "symbol": "circle-open"}
    names |= {"marker": {**circle, "line": {"width": 3}}}
    hidden = {"range": [-2.3, 2.3], "visible": False, "fixedrange": True}
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

    near = [nearest_wrong(logits, labels, row) for row in picked]

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


def nearest_wrong(
    logits: Tensor, labels: Tensor, row: int
) -> tuple[list[int], list[int]]:
    """The three most likely wrong classes of a row, and two rows of each, most alike.

    The six rows are in the order of two lines: the first of each class, the second.
    """
    wrong = logits[row].clone()
    wrong[labels[row]] = -torch.inf
    found, names = [], wrong.topk(3).indices.tolist()
    for name in names:
        rows = (labels == name).nonzero()[:, 0]
        gaps = (logits[rows] - logits[row]).norm(dim=1)
        found.append(rows[gaps.topk(2, largest=False).indices].tolist())
    return names, [pair[place] for place in (0, 1) for pair in found]


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

        picture = partial(gain_picture, errors, behind, count(test_set), seeds)
        yield picture()
        for seed in range(seeds):
            for arm, setting, _ in arms:
                if arm.startswith(OWN) and not own:
                    steps = other_teacher_steps("same images", train_set)
                    teacher = yield from places_to_stop(steps)
                    own["teacher_logits"] = predict(teacher, train_set["images"])
                columns = {**train_set, **(own if arm.startswith(OWN) else {})}
                steps = student_steps(columns, seed=seed, **setting)
                student = yield from places_to_stop(steps)
                errors[arm].append(evaluate(student, test_set)["errors"])
                yield picture
        return errors

    return explore_steps(trained)


def arms_of(stored: pd.DataFrame) -> list[tuple[str, dict[str, object], list[int]]]:
    """Of each arm: its name, the arguments for `student_steps`, the stored errors."""
    arms, by = [], ["method", "temperature", "teacher"]
    for (method, t, teacher), runs in stored.groupby(by, dropna=False, sort=False):
        name = method if method in (*WITHOUT_TEACHER, "arg max") else f"{method}, T = "
        name += f"{t:g}" if name.endswith(" = ") else ""
        name = name if teacher == "course" else f"{OWN}, T = {t:g}"
        of_arm = ["student", "method", "epochs", "batch_size", "learning_rate"]
        of_arm += ["temperature", "soft_weight"] if t == t else []  # NaN: no teacher
        arms.append(
            (name, runs.iloc[0][of_arm].to_dict(), runs["test_errors"].tolist())
        )
    return arms


def gain_picture(errors: Runs, behind: Runs, examples: int, seeds: int) -> Drawn:
    """Test errors of each arm, the stored ones behind; those too far at the edge."""
    low, high = EDGES if behind else (0.0, 0.12)
    low, high = low * examples, high * examples
    whole = f"teacher, T = {HOT:g}"
    colors = {arm: SOFTENED_COLOR for arm in errors} | {"labels": LABEL_COLOR}
    colors |= {arm: OTHER_COLOR for arm in errors if arm.startswith("smoothing")}
    colors |= {arm: STUDENT_COLOR for arm in errors if arm.startswith("teacher")}
    colors |= {arm: TEACHER_COLOR for arm in errors if arm.startswith(OWN)}
    near = {arm: found for arm, found in behind.items() if min(found) < high}
    x = axis(f"test errors of {examples:,}", [low, high])
    done = min(len(found) for found in errors.values())
    even = {arm: found[:done] for arm, found in errors.items()}  # the same seeds of all
    title = f"{done} of {seeds} seeds of each arm"
    if done:
        spared = mean_spread(even["labels"])[0] - mean_spread(even[whole])[0]
        title = f"The teacher at T = 8 spares {spared:.0f} errors; {title}"
    figure = side_by_side(title, dots(errors, x, colors, near), height=620)
    figure.update_layout(margin={"l": 270})
    return figure, gain_words(even, examples)


def gain_words(errors: Runs, examples: int) -> str:
    """What part of the gain each part of the answer brings, so far."""
    means = {arm: mean_spread(found)[0] for arm, found in errors.items()}
    whole, labels = means[f"teacher, T = {HOT:g}"], means["labels"]
    if whole != whole:  # none has ended
        return "Training one student of each arm, from the same initial weights."
    gain = labels - whole
    said = [
        f"{arm.removesuffix(', T = 8')} {100 * (labels - means[arm]) / gain:.0f} %"
        for arm in ("smoothing 0.3", *(f"{part}, T = 8" for part in PARTS))
        if arm in means and gain > 0
    ]
    text = (
        f"Errors of {examples:,} on average: labels {labels:.0f}, teacher {whole:.0f}."
    )
    if said:
        text += f" Of this gain have: {', '.join(said)}."
    if "shuffled, T = 8" in means:
        text += (
            f" Shuffled among all images ({means['shuffled, T = 8']:,.0f} errors) is"
        )
        text += " off the scale."
    return text
