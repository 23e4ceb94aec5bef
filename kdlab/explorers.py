"""The explorers of notebooks 00 to 02: each is a pure view and one call of `explore`.

Columns here are a test set with a column teacher_logits [N, classes], as `predict`
gives them. Pickers offer one image of each class, then those that tear it most.
"""

import math
from collections.abc import Sequence

import ipywidgets as widgets
import plotly.graph_objects as go
import torch
from torch import Tensor

from kdlab.data import Columns, count
from kdlab.figures import (
    LABEL_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    class_bars,
    curves,
    gallery,
    image,
    side_by_side,
)
from kdlab.metrics import effective_classes, entropy, soften
from kdlab.panels import Explorer, explore, image_picker

DIGITS = [str(digit) for digit in range(10)]
TORN_TEMPERATURE = 4.0  # at which 'most torn' is measured: at 1 nearly all are sure


def answer_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """A teacher's answer to real images, and how it softens with the temperature."""
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"], columns["labels"]

    def view(temperature: float, image_number: int) -> tuple[go.Figure, str]:
        row = picked[image_number]
        probs = soften(logits[row], temperature)
        figure = side_by_side(
            f"T = {temperature:.3g}: the teacher gives {top_words(probs, class_names)}",
            image(columns["images"][row]),
            class_bars(probs, class_names, axis="probability given by the teacher"),
            widths=[1, 2.4],
        )
        return figure, (
            f"The label is {class_names[labels[row]]}. "
            f"{ranking(probs, class_names)} "
            f"This is as open as {effective_classes(probs):.2f} equally likely classes."
        )

    return explore(
        view,
        tabulate=["temperature", "image_number"],
        presets={
            "as trained": {"temperature": 1.0},
            "soft": {"temperature": 4.0},
            "most torn image": {"temperature": 1.0, "image_number": len(class_names)},
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def label_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """The label beside the teacher's answer at T = 1, also in powers of ten."""
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"], columns["labels"]

    def view(image_number: int, log: bool) -> tuple[go.Figure, str]:
        row = picked[image_number]
        probs = soften(logits[row], 1.0)
        one_hot = torch.eye(len(class_names))[labels[row]]
        scale = [-8, 0] if log else [0, 1]
        style = {"scale": scale, "log": log}
        figure = side_by_side(
            f"The label says {class_names[labels[row]]}; the teacher says "
            f"{top_words(probs, class_names)}",
            image(columns["images"][row]),
            class_bars(one_hot, class_names, color=LABEL_COLOR, axis="label", **style),
            class_bars(probs, class_names, axis="teacher, T = 1", **style),
            widths=[1, 1.5, 1.5],
        )
        bits = entropy(probs).item() / math.log(2)
        return figure, (
            f"{ranking(probs, class_names)} The label leaves 0 bits open, "
            f"the teacher {bits:.3f} bits."
        )

    torn = len(class_names)
    return explore(
        view,
        tabulate=["image_number", "log"],
        presets={
            "a clear one, in powers of ten": {"image_number": 4, "log": True},
            "most torn": {"image_number": torn, "log": False},
            "next most torn": {"image_number": torn + 1, "log": False},
        },
        image_number=picker(columns, picked, class_names),
        log=widgets.Checkbox(False, description="scale in powers of ten"),
    )


def torn_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """All test images by how torn the teacher is; the slider walks down the ranks."""
    probs = soften(columns["teacher_logits"], TORN_TEMPERATURE)
    bits = entropy(probs) / math.log(2)
    order = bits.argsort(descending=True, stable=True)
    answers = soften(columns["teacher_logits"], 1.0)
    last = count(columns) - 6
    ranks = [
        round(10 ** (step / 10)) for step in range(math.ceil(10 * math.log10(last)))
    ]
    ranks = [*dict.fromkeys(ranks), last]
    thinned = [order[rank - 1] for rank in ranks]
    y_axis = {
        "range": [0, math.log2(len(class_names))],
        "title": {"text": "entropy, bits"},
    }
    x_axis = {"type": "log", "title": {"text": "rank"}, "dtick": 1}

    def caption(row: Tensor) -> str:
        (first, second), names = answers[row].topk(2)
        best, next_best = (class_names[name] for name in names)
        return (
            f"label {class_names[columns['labels'][row]]}<br>"
            f"{best}: {first:.0%}, {next_best}: {second:.0%}"
        )

    def view(rank: int) -> tuple[go.Figure, str]:
        rows = order[rank - 1 : rank + 5]
        figure = side_by_side(
            f"Ranks {rank:,} to {rank + 5:,} of {count(columns):,}, most torn first",
            gallery(columns["images"][rows], [caption(row) for row in rows], 3),
            curves(
                ranks,
                {"entropy at T = 4": bits[thinned].tolist()},
                here=rank,
                x_axis=x_axis,
                y_axis=y_axis,
                colors=[TEACHER_COLOR],
            ),
            widths=[1.5, 1],
            height=430,
        )
        row = order[rank - 1]
        wrong = (answers[rows].argmax(1) != columns["labels"][rows]).sum()
        return figure, (
            f"Rank {rank:,}: {bits[row]:.2f} bits at T = 4, of at most "
            f"{math.log2(len(class_names)):.2f}. The teacher's first answer is not the "
            f"label on {wrong} of these 6. Percentages are its answers at T = 1."
        )

    return explore(
        view,
        presets={
            "most torn": {"rank": 1},
            "in the middle": {"rank": min(ranks, key=lambda r: abs(r - last / 2))},
            "most certain": {"rank": last},
        },
        rank=widgets.SelectionSlider(
            options=[(f"{rank:,}", rank) for rank in ranks], description="rank"
        ),
    )


def second_answer_explorer(columns: Columns) -> Explorer:
    """How many images have a second answer above a threshold, at T = 1 and T = 4."""
    logits, images = columns["teacher_logits"], count(columns)
    thresholds = [10 ** (step / 10) for step in range(-40, -2)]
    counts = {
        f"T = {temperature:g}": [
            int((second_answers(logits, temperature) > threshold).sum())
            for threshold in thresholds
        ]
        for temperature in (1.0, TORN_TEMPERATURE)
    }
    x_axis = {"type": "log", "title": {"text": "threshold"}, "tickformat": "~%"}
    x_axis |= {"tickvals": [1e-4, 1e-3, 1e-2, 1e-1, 0.5]}
    y_axis = {"range": [0, images * 1.03], "title": {"text": "test images"}}

    def view(threshold: float) -> tuple[go.Figure, str]:
        at = min(range(len(thresholds)), key=lambda i: abs(thresholds[i] - threshold))
        cold, warm = (values[at] for values in counts.values())
        figure = side_by_side(
            f"{cold:,} of {images:,} images have a second answer above {threshold:.2%}",
            curves(
                thresholds,
                counts,
                here=threshold,
                x_axis=x_axis,
                y_axis=y_axis,
                colors=[TEACHER_COLOR, STUDENT_COLOR],
            ),
            legend=True,
        )
        return figure, (
            f"At T = 1 the second answer is above {threshold:.2%} on {cold:,} of "
            f"{images:,} test images ({cold / images:.1%}); softened with T = 4, on "
            f"{warm:,} ({warm / images:.1%})."
        )

    return explore(
        view,
        presets={"1 %": {"threshold": 0.01}, "10 %": {"threshold": 0.1}},
        threshold=widgets.FloatLogSlider(
            0.001, base=10, min=-4, max=-0.3, step=0.1, description="threshold"
        ),
    )


def recount_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """The invented answer that distillation is often told with, beside a real one."""
    animals = {"dog": 0.30, "cat": 0.20, "cow": 0.05, "car": 0.005}
    told = class_bars(
        torch.tensor([*animals.values()]),
        [*animals],
        axis="as it is told",
        color=LABEL_COLOR,
    )
    picked = picked_images(columns)
    logits = columns["teacher_logits"][picked]

    def view(temperature: float, image_number: int) -> tuple[go.Figure, str]:
        probs = soften(logits[image_number], temperature)
        figure = side_by_side(
            f"As it is told, and a real teacher at T = {temperature:.3g}",
            told,
            image(columns["images"][picked[image_number]]),
            class_bars(probs, class_names, axis="as a teacher answers"),
            widths=[1.5, 1, 1.7],
        )
        return figure, (
            f"{ranking(probs, class_names)} The invented one says dog with 30 %, cat "
            "with 20 %, cow with 5 % and car with 0.5 %."
        )

    return explore(
        view,
        presets={
            "as trained": {"temperature": 1.0},
            "like the invented one": {"temperature": 8.0},
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def uniform_mix_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Two images' targets mixed with the uniform one: entropy up, difference gone."""
    picked = picked_images(columns)
    pair = picked[4], picked[9]  # two classes that look alike
    answers = soften(columns["teacher_logits"][list(pair)], TORN_TEMPERATURE)
    most = math.log2(len(class_names))

    def view(uniform_share: float) -> tuple[go.Figure, str]:
        mixed = (1 - uniform_share) * answers + uniform_share / len(class_names)
        bits = entropy(mixed).mean().item() / math.log(2)
        apart = (mixed[0] - mixed[1]).abs().sum().item() / 2
        parts = []
        for row, probs in zip(pair, mixed, strict=True):
            parts += [image(columns["images"][row]), class_bars(probs, class_names)]
        figure = side_by_side(
            f"Entropy {bits:.2f} of {most:.2f} bits; the targets differ by {apart:.0%}",
            *parts,
            widths=[1, 1.6, 1, 1.6],
        )
        return figure, (
            f"With {uniform_share:.0%} of the uniform target in it, a target has "
            f"{bits:.2f} bits of entropy, and {apart:.0%} of its probability tells the "
            "two images apart."
        )

    return explore(
        view,
        presets={
            "the teacher's answers": {"uniform_share": 0.0},
            "uniform": {"uniform_share": 1.0},
        },
        uniform_share=widgets.FloatSlider(
            0.0, min=0, max=1, step=0.05, description="share of the uniform target"
        ),
    )


def temperature_slider(
    value: float = 1.0, low: float = -2.0, high: float = 5.0
) -> widgets.FloatLogSlider:
    """T from 2**low to 2**high; a step multiplies T by the eighth root of two."""
    return widgets.FloatLogSlider(
        value,
        base=2,
        min=low,
        max=high,
        step=1 / 8,
        description="temperature T",
        readout_format=".3g",
    )


def second_answers(logits: Tensor, temperature: float) -> Tensor:
    """Probability of the second answer: [N, classes] -> [N]."""
    return soften(logits, temperature).topk(2, dim=1).values[:, 1]


def picked_images(columns: Columns, torn: int = 6) -> list[int]:
    """Rows of the first image of each class, then of those that tear it most."""
    labels, logits = columns["labels"], columns["teacher_logits"]
    first = [int((labels == name).nonzero()[0]) for name in labels.unique()]
    order = entropy(soften(logits, TORN_TEMPERATURE)).argsort(descending=True)
    return first + order[:torn].tolist()


def picker(
    columns: Columns, rows: Sequence[int], class_names: Sequence[str]
) -> widgets.Widget:
    """Thumbnails of these rows; the value is the position among them."""
    labels = columns["labels"]
    names = [f"image {row}, a {class_names[labels[row]]}" for row in rows]
    return image_picker(columns["images"][list(rows)], names)


def top_words(probs: Tensor, class_names: Sequence[str]) -> str:
    """'98.2 % to 4': the first answer of [classes]."""
    return f"{probs.max():.1%} to {class_names[int(probs.argmax())]}"


def ranking(probs: Tensor, class_names: Sequence[str]) -> str:
    """The first three answers of [classes] in words."""
    values, names = probs.topk(3)
    said = [
        f"{class_names[name]} with {value:.2%}"
        for value, name in zip(values.tolist(), names.tolist(), strict=True)
    ]
    return f"The teacher says {said[0]}, then {said[1]}, then {said[2]}."
