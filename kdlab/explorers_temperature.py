"""The explorers of notebook 02: what dividing logits by T does, and to what."""

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import plotly.graph_objects as go
import torch
from torch import Tensor

from kdlab.data import Columns
from kdlab.explorers import DIGITS, picked_images, picker, temperature_slider, top_words
from kdlab.figures import (
    LABEL_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    class_bars,
    curves,
    image,
    reliability_bars,
    side_by_side,
    targets,
    temperature_axis,
)
from kdlab.losses import logit_matching_loss, soft_target_loss
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

TEMPERATURES = [2 ** (step / 8) for step in range(-16, 41)]  # those of the slider


def temperature_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """One teacher answer softened: bars, and the effective number of classes over T."""
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"][picked], columns["labels"][picked]
    curve = torch.stack([effective_classes(soften(logits, t)) for t in TEMPERATURES])
    y_axis = {"range": [0, len(class_names) * 1.04], "title": {"text": "exp(entropy)"}}

    def view(temperature: float, image_number: int) -> tuple[go.Figure, str]:
        probs = soften(logits[image_number], temperature)
        classes = effective_classes(probs)
        figure = side_by_side(
            f"T = {temperature:.3g}: as open as {classes:.2f} equally likely classes",
            image(columns["images"][picked[image_number]]),
            class_bars(probs, class_names, axis="teacher's probability"),
            curves(
                TEMPERATURES,
                {"effective classes": curve[:, image_number].tolist()},
                here=temperature,
                x_axis=temperature_axis(),
                y_axis=y_axis,
                colors=[TEACHER_COLOR],
            ),
            widths=[1, 1.7, 1.7],
        )
        return figure, (
            f"Label {class_names[labels[image_number]]}. At T = {temperature:.3g} the "
            f"teacher gives {top_words(probs, class_names)}; entropy "
            f"{entropy(probs):.2f} nats, {classes:.2f} effective classes."
        )

    return explore(
        view,
        tabulate=["temperature", "image_number"],
        presets={
            "too cold": {"temperature": 0.25},
            "as trained": {"temperature": 1.0},
            "a usual choice": {"temperature": 4.0},
            "Hinton 2015": {"temperature": 20.0},
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def gradient_length(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> float:
    """Mean over examples of |T · (q − p)|, the length of the soft gradient."""
    q, p = soften(student_logits, temperature), soften(teacher_logits, temperature)
    return (temperature * (q - p)).norm(dim=1).mean().item()


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
    x_axis = temperature_axis()
    y_axis = {
        "type": "log",
        "range": [-4.3, 1.3],
        "dtick": 1,
        "exponentformat": "power",
    }
    y_axis["title"] = {"text": "length of the gradient"}
    at_one = TEMPERATURES.index(1.0)

    def view(temperature: float, student: str) -> tuple[go.Figure, str]:
        scaled = lengths[student]
        plain = [y / t**2 for y, t in zip(scaled, TEMPERATURES, strict=True)]
        here = gradient_length(students[student], teacher_logits, temperature)
        more, less = here / scaled[at_one], scaled[at_one] / (here / temperature**2)
        figure = side_by_side(
            f"T = {temperature:.3g}, {student}: {more:.3g} times the gradient of T = 1",
            curves(
                TEMPERATURES,
                {"T² · KL": scaled, "KL alone": plain},
                here=temperature,
                x_axis=x_axis,
                y_axis=y_axis,
                colors=[TEACHER_COLOR, STUDENT_COLOR],
            ),
            legend=True,
            height=400,
        )
        return figure, (
            f"From T = 1 to T = {temperature:.3g} the gradient of T² · KL becomes "
            f"{more:.3g} times as long ({here:.3g}); that of KL alone shrinks to "
            f"1/{less:.3g}, where 1/T² would be 1/{temperature**2:.4g}."
        )

    return explore(
        view,
        tabulate=["temperature", "student"],
        presets={
            "T = 8": {"temperature": 8.0},
            "T = 32": {"temperature": 32.0},
        },
        temperature=temperature_slider(),
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
    temperatures = [2 ** (step / 4) for step in range(-8, 41)]
    gap = student - teacher
    ends = (gap - gap.mean(dim=1, keepdim=True)) / gap.shape[1]
    x_axis = temperature_axis() | {"tickvals": [0.25, 1, 4, 16, 64, 256, 1024]}
    x_axis["ticktext"] = [f"{t:g}" for t in x_axis["tickvals"]]

    def view(temperature: float, image_number: int) -> tuple[go.Figure, str]:
        pair = student[image_number, None], teacher[image_number, None]
        losses = [soft_target_loss(*pair, t).item() for t in temperatures]
        end = logit_matching_loss(*pair).item()
        now = soft_target_loss(*pair, temperature).item()
        pull = soften(pair[0][0], temperature) - soften(pair[1][0], temperature)
        widest = 1.15 * ends[image_number].abs().max().item()
        bars = class_bars(
            temperature * pull,
            class_names,
            axis="gradient T · (q − p)",
            color=STUDENT_COLOR,
            scale=(-max(widest, 1.0), max(widest, 1.0)),
            name="now",
        )
        figure = side_by_side(
            f"T = {temperature:.3g}: T² · KL is {now:.3g}, logit matching {end:.3g}",
            targets(bars, ends[image_number], "logit matching", TEACHER_COLOR),
            curves(
                temperatures,
                {"T² · KL": losses, "half the variance of the gap": [end] * 49},
                here=temperature,
                x_axis=x_axis,
                y_axis={
                    "range": [0, 1.1 * max(*losses, end)],
                    "title": {"text": "loss"},
                },
                colors=[STUDENT_COLOR, TEACHER_COLOR],
            ),
            legend=True,
            height=420,
        )
        return figure, (
            f"Image {picked[image_number]}, T = {temperature:.3g}: T² · KL = "
            f"{now:.4g}, {now / end:.1%} of its limit {end:.4g}; diamonds are the "
            "gradient of logit matching."
        )

    return explore(
        view,
        presets={
            "as trained": {"temperature": 1.0},
            "Hinton 2015": {"temperature": 20.0},
            "at the limit": {"temperature": 1024.0},
        },
        temperature=widgets.FloatLogSlider(
            1.0,
            base=2,
            min=-2,
            max=10,
            step=0.25,
            description="temperature T",
            readout_format=".3g",
        ),
        image_number=picker(columns, picked, class_names),
    )


def calibration_explorer(
    held_out_logits: Tensor, held_out_labels: Tensor, logits: Tensor, labels: Tensor
) -> Explorer:
    """One T divides a model's logits at prediction: reliability, and nll over T.

    The first two, [M, classes] and [M], choose T; the last two, of the test set, judge.
    """
    on_test = [nll(logits / t, labels).item() for t in TEMPERATURES]
    on_held_out = [
        nll(held_out_logits / t, held_out_labels).item() for t in TEMPERATURES
    ]
    fitted = TEMPERATURES[on_held_out.index(min(on_held_out))]
    right = accuracy(logits, labels).item()
    y_axis = {"type": "log", "title": {"text": "nll, nats"}}

    def view(temperature: float) -> tuple[go.Figure, str]:
        table = reliability(logits / temperature, labels, bins=10)
        error = calibration_gap(table).item()
        confidence = (table["confidence"] * table["share"]).nansum().item()
        figure = side_by_side(
            f"T = {temperature:.3g}: {confidence:.1%} sure, {right:.1%} right",
            reliability_bars(table, STUDENT_COLOR),
            curves(
                TEMPERATURES,
                {"test": on_test, "held out": on_held_out},
                here=temperature,
                x_axis=temperature_axis("temperature at prediction"),
                y_axis=y_axis,
                colors=[STUDENT_COLOR, LABEL_COLOR],
            ),
            legend=True,
            height=420,
        )
        return figure, (
            f"At T = {temperature:.3g} the model is {confidence:.1%} sure on average "
            f"and right on {right:.1%}, whatever T is; calibration error {error:.3f}. "
            f"Held-out images choose T = {fitted:.3g}."
        )

    return explore(
        view,
        presets={
            "as trained": {"temperature": 1.0},
            "chosen on held-out images": {"temperature": fitted},
            "soft": {"temperature": 4.0},
        },
        temperature=temperature_slider(),
    )
