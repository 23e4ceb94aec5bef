"""The explorers of notebook 02: what dividing logits by T does, and to what."""

import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import torch
from torch import Tensor

from kdlab.controls import temperature_slider
from kdlab.data import Columns
from kdlab.explorers import (
    DIGITS,
    TEMPERATURES,
    gradient_length,
    picked_images,
    picker,
    top_words,
)
from kdlab.figures import (
    OTHER_COLOR,
    SOFTENED_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    axis,
    class_bars,
    curves,
    image,
    percent,
    reliability_bars,
    side_by_side,
    targets,
    temperature_axis,
    upright,
)
from kdlab.losses import logit_matching_loss, soft_target_gradient, soft_target_loss
from kdlab.metrics import (
    accuracy,
    calibration_gap,
    effective_classes,
    entropy,
    nll,
    reliability,
    soften,
)
from kdlab.panels import Explorer, explore

WIDE_TEMPERATURES = [2 ** (step / 3) for step in range(-6, 31)]  # up to the limit
NLL_TICKS = {f"{nats:g}": nats for nats in (0.05, 0.1, 0.2, 0.5, 1, 2, 5)}
WIDE_TICKS = [0.25, 1, 4, 16, 64, 256, 1024]


def temperature_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """One teacher answer softened: bars, and the effective number of classes over T."""
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"][picked], columns["labels"][picked]
    curve = torch.stack([effective_classes(soften(logits, t)) for t in TEMPERATURES])
    axes = temperature_axis(), axis("effective classes", [0, len(class_names) * 1.04])

    def view(temperature: float, image_number: int) -> Drawn:
        probs = soften(logits[image_number], temperature)
        classes, line = effective_classes(probs), curve[:, image_number].tolist()
        figure = side_by_side(
            f"T = {temperature:.4g}: as open as {classes:.2f} equally likely classes",
            image(columns["images"][picked[image_number]]),
            class_bars(probs, class_names, title="teacher's probability"),
            curves(TEMPERATURES, {"": line}, temperature, axes, [TEACHER_COLOR]),
            widths=[1, 1.7, 1.7],
        )
        return figure, (
            f"Label {class_names[labels[image_number]]}. At T = {temperature:.4g} the "
            f"teacher gives {top_words(probs, class_names)}; entropy "
            f"{entropy(probs):.2f} nats, {classes:.2f} effective classes."
        )

    return explore(
        view,
        presets={
            "too cold": {"temperature": 0.25},
            "as trained": {"temperature": 1.0},
            "a usual choice": {"temperature": 4.0},
            "Hinton 2015, T ≈ 20": {"temperature": 20.0},
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def gradient_explorer(
    students: Mapping[str, Tensor], teacher_logits: Tensor
) -> Explorer:
    """Length of the soft loss's gradient over T, with T² and without.

    Args:
        students: logits [N, classes] by name, such as those after some epochs.
        teacher_logits: [N, classes] for the same images.
    """
    lengths = {
        name: [gradient_length(logits, teacher_logits, t) for t in TEMPERATURES]
        for name, logits in students.items()
    }
    axes = temperature_axis(), axis("length of the gradient", [-4.3, 1.3], log=True)
    at_one = TEMPERATURES.index(1.0)
    spread = teacher_logits.std(dim=1).median().item()
    mark = upright(spread, [10**-4.3, 10**1.3], f"T = {spread:.2g}, spread of logits")

    def view(temperature: float, student: str) -> Drawn:
        squared = lengths[student]
        plain = [y / t**2 for y, t in zip(squared, TEMPERATURES, strict=True)]
        here = gradient_length(students[student], teacher_logits, temperature)
        more = here / squared[at_one]
        alone = more / temperature**2
        lines = {"T² · KL": squared, "KL alone": plain}
        colors = [STUDENT_COLOR, OTHER_COLOR]
        figure = side_by_side(
            f"T = {temperature:.4g}, {student}: {more:.3g} times the gradient of T = 1",
            curves(TEMPERATURES, lines, temperature, axes, colors, mark),
            legend=True,
            height=400,
        )
        return figure, (
            f"At T = {temperature:.4g} the gradient of T² · KL is {more:.3g} times as "
            f"long as at T = 1. Without T² it is {alone:.3g} times as long; a factor "
            f"1/T² would be {1 / temperature**2:.3g}."
        )

    return explore(
        view,
        tabulate=["temperature", "student"],
        presets={"T = 8": {"temperature": 8.0}, "T = 32": {"temperature": 32.0}},
        temperature=temperature_slider(4.0),
        student=widgets.Dropdown(options=list(students), description="student"),
    )


def limit_explorer(
    columns: Columns, student_logits: Tensor, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Towards logit matching: gradient by class and T² · KL, each with its limit.

    In float64: at large T the difference of two nearly equal numbers is all there is.
    """
    picked = picked_images(columns)
    teacher = columns["teacher_logits"][picked].double()
    student = student_logits[picked].double()
    x_axis = temperature_axis(ticks=WIDE_TICKS)
    pulls = torch.stack(
        [soft_target_gradient(student, teacher, t) for t in WIDE_TEMPERATURES]
    )
    widest = 1.1 * pulls.abs().amax(dim=(0, 2))  # so that no bar is ever cut
    pairs = zip(student, teacher, strict=True)
    losses = [losses_over_temperatures(*pair) for pair in pairs]

    def view(temperature: float, image_number: int) -> Drawn:
        pair = student[[image_number]], teacher[[image_number]]
        end, now = logit_matching_loss(*pair), soft_target_loss(*pair, temperature)
        figure = side_by_side(
            f"T = {temperature:.4g}: T² · KL is {now:.3g}, logit matching {end:.3g}",
            pull_by_class(*pair, temperature, class_names, widest[image_number].item()),
            approach_to_limit(losses[image_number], end.item(), temperature, x_axis),
            legend=True,
            height=420,
        )
        return figure, (
            f"Image {picked[image_number]}, T = {temperature:.4g}: T² · KL = "
            f"{now:.4g}, {percent((now / end).item())} of its limit {end:.4g}; "
            "diamonds are the gradient of logit matching."
        )

    presets = {"as trained": 1.0, "Hinton 2015, T ≈ 20": 20.0, "at the limit": 1024.0}
    return explore(
        view,
        presets={name: {"temperature": t} for name, t in presets.items()},
        temperature=temperature_slider(high=10, step=1 / 3),
        image_number=picker(columns, picked, class_names),
    )


def pull_by_class(
    student: Tensor,
    teacher: Tensor,
    temperature: float,
    class_names: Sequence[str],
    widest: float,
) -> Part:
    """Bars of T · (q − p), diamonds of (gap − mean gap) / C; logits [1, classes]."""
    gap = (student - teacher)[0]
    end = (gap - gap.mean()) / len(gap)
    bars = class_bars(
        soft_target_gradient(student, teacher, temperature)[0],
        class_names,
        title="gradient T · (q − p)",
        color=STUDENT_COLOR,
        scale=(-widest, widest),
        name="now",
    )
    return targets(bars, end, "logit matching", SOFTENED_COLOR)


def losses_over_temperatures(student: Tensor, teacher: Tensor) -> list[float]:
    """T² · KL of one example, logits [classes], at each of WIDE_TEMPERATURES."""
    pair = student[None], teacher[None]
    return [soft_target_loss(*pair, t).item() for t in WIDE_TEMPERATURES]


def approach_to_limit(
    losses: Sequence[float], end: float, temperature: float, x_axis: dict
) -> Part:
    """T² · KL over WIDE_TEMPERATURES, and its end: half the variance of the gap."""
    ts = WIDE_TEMPERATURES
    lines = {"T² · KL": losses, "half the variance of the gap": [end] * len(ts)}
    axes = x_axis, axis("loss", [0, 1.1 * max(*losses, end)])
    return curves(ts, lines, temperature, axes, [STUDENT_COLOR, SOFTENED_COLOR])


def calibration_explorer(
    held_out_logits: Tensor, held_out_labels: Tensor, logits: Tensor, labels: Tensor
) -> Explorer:
    """One T divides a model's logits at prediction: reliability, and nll over T.

    The first two, [M, classes] and [M], choose T; the last two, of the test set, judge.
    """
    on_test = [nll(logits / t, labels).item() for t in TEMPERATURES]
    chosen_on = [nll(held_out_logits / t, held_out_labels).item() for t in TEMPERATURES]
    fitted = TEMPERATURES[chosen_on.index(min(chosen_on))]
    right = percent(accuracy(logits, labels).item())
    lines = {"test": on_test, "held out": chosen_on}
    ends = [math.log10(min(on_test + chosen_on)) - 0.1, math.log10(max(on_test)) + 0.1]
    nll_axis = axis("nll, nats", ends, log=True, ticks=NLL_TICKS)
    axes = temperature_axis("temperature at prediction"), nll_axis

    def view(temperature: float) -> Drawn:
        table = reliability(logits / temperature, labels, bins=10)
        sure = percent((table["confidence"] * table["share"]).nansum().item())
        colors = [STUDENT_COLOR, OTHER_COLOR]
        figure = side_by_side(
            f"T = {temperature:.4g}: {sure} sure, {right} right",
            reliability_bars(table, STUDENT_COLOR),
            curves(TEMPERATURES, lines, temperature, axes, colors),
            legend=True,
            height=420,
        )
        return figure, (
            f"At T = {temperature:.4g} the model is {sure} sure on average "
            f"and right on {right}, whatever T is; calibration error "
            f"{calibration_gap(table):.3f}. Held-out images choose T = {fitted:.3g}."
        )

    presets = {"as trained": 1.0, "chosen on held-out images": fitted, "soft": 4.0}
    return explore(
        view,
        presets={name: {"temperature": t} for name, t in presets.items()},
        temperature=temperature_slider(),
    )
