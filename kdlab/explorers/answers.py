"""The explorers of notebooks 00 to 02: each is a pure view and one call of `explore`.

Columns here are a test set with a column teacher_logits [N, classes], as `predict`
gives them. Pickers offer one image of each class, then those that tear it most.
"""

import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import torch
from torch import Tensor

from kdlab.controls import temperature_slider
from kdlab.data import Columns, count
from kdlab.figures import (
    LABEL_COLOR,
    SOFTENED_COLOR,
    TEACHER_COLOR,
    Drawn,
    axis,
    class_bars,
    curves,
    gallery,
    image,
    percent,
    side_by_side,
)
from kdlab.losses import soft_target_gradient
from kdlab.metrics import effective_classes, entropy, soften
from kdlab.panels import Explorer, explore, image_picker

DIGITS = [str(digit) for digit in range(10)]
TEMPERATURES = [2 ** (step / 6) for step in range(-12, 31)]  # those of the slider
TORN_TEMPERATURE = 4.0  # at which 'most torn' is measured: at 1 nearly all are sure


def answer_explorer(
    columns: Columns,
    class_names: Sequence[str] = DIGITS,
    beside: Mapping[str, float] | None = None,
) -> Explorer:
    """A teacher's answer to real images, and how it softens with the temperature.

    `beside` is another answer, {class: probability}, to compare it with.
    """
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"][picked], columns["labels"][picked]
    values, told = [*(beside or {}).values()], [*(beside or {})]
    other = class_bars(torch.tensor(values), told, title="invented", color=LABEL_COLOR)

    def view(temperature: float, image_number: int) -> Drawn:
        probs = soften(logits[image_number], temperature)
        parts = [
            image(columns["images"][picked[image_number]]),
            class_bars(probs, class_names, title="teacher's probability"),
        ]
        figure = side_by_side(
            f"T = {temperature:.4g}: the teacher gives {top_words(probs, class_names)}",
            *([other] if beside else []),
            *parts,
            widths=[1.5, 1, 1.7] if beside else [1, 2.4],
        )
        return figure, (
            f"Label {class_names[labels[image_number]]}. {ranking(probs, class_names)} "
            f"It is as open as a choice among {effective_classes(probs):.2f} equally "
            "likely classes."
        )

    return explore(
        view,
        presets={
            "as trained": {"temperature": 1.0},
            "soft": {"temperature": 8.0},
            "most torn image": {"temperature": 1.0, "image_number": len(class_names)},
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def label_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """The label beside the teacher's answer at T = 1, also in powers of ten."""
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"], columns["labels"]

    def view(image_number: int, log: bool) -> Drawn:
        row = picked[image_number]
        probs = soften(logits[row], 1.0)
        one_hot = torch.eye(len(class_names))[labels[row]]
        scale = [-12, 0] if log else [0, 1]
        style = {"scale": scale, "log": log}
        figure = side_by_side(
            f"The label says {class_names[labels[row]]}; the teacher says "
            f"{top_words(probs, class_names)}",
            image(columns["images"][row]),
            class_bars(
                one_hot,
                class_names,
                color=LABEL_COLOR,
                title="label: else exactly 0",
                **style,
            ),
            class_bars(probs, class_names, title="teacher, T = 1", **style),
            widths=[1, 1.5, 1.5],
        )
        bits = entropy(probs).item() / math.log(2)
        return figure, (
            f"{ranking(probs, class_names)} The label leaves 0 bits open, the teacher "
            f"{bits:.3f}." + " A bar that is missing is below 10⁻¹²." * log
        )

    torn = len(class_names)
    presets = {
        "a clear one, in powers of ten": {"image_number": 4, "log": True},
        "most torn": {"image_number": torn, "log": False},
        "next most torn": {"image_number": torn + 1, "log": False},
    }
    control = picker(columns, picked, class_names)
    tick = widgets.Checkbox(False, description="scale in powers of ten")
    both = ["image_number", "log"]
    return explore(view, tabulate=both, presets=presets, image_number=control, log=tick)


def torn_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """All test images by how torn the teacher is; the slider walks down the ranks."""
    logits, labels = columns["teacher_logits"].double(), columns["labels"]
    answers, last = soften(logits, 1.0), count(columns) - 5
    ranked = {f"T = {t:g}": by_entropy(logits, t) for t in (TORN_TEMPERATURE, 1.0)}
    most, widest = math.log2(len(class_names)), math.log10(last)
    ranks = [round(10 ** (widest * step / 40)) for step in range(41)]
    ends = [-0.1, widest + 0.1]
    axes = axis("rank", ends, log=True), axis("entropy, bits", [0, most])

    def caption(row: int) -> str:
        label = class_names[labels[row]]
        return f"label {label}<br>{first_two(answers[row], class_names)}"

    def view(rank: float, ranked_at: str) -> Drawn:
        rank, (bits, order) = round(rank), ranked[ranked_at]
        rows = order[rank - 1 : rank + 5]
        line = {"": [bits[place - 1].item() for place in ranks]}
        figure = side_by_side(
            f"Ranks {rank:,} to {rank + 5:,} of {count(columns):,}, most torn first",
            gallery(columns["images"][rows], [*map(caption, rows.tolist())], 3),
            curves(ranks, line, rank, axes, [TEACHER_COLOR]),
            widths=[1.5, 1],
            height=500,
        )
        wrong = (answers[rows].argmax(1) != labels[rows]).sum()
        return figure, (
            f"Rank {rank:,} at {ranked_at}: {bits[rank - 1]:.2f} bits, of at most "
            f"{most:.2f}. The teacher's first answer, as trained, is not the label on "
            f"{wrong} of these 6."
        )

    style = {"description": "rank", "readout_format": ",.0f"}
    slider = widgets.FloatLogSlider(1, min=0, max=widest, step=widest / 40, **style)
    presets = {"most torn": {"rank": 1}, "most certain": {"rank": last}}
    choice = widgets.Dropdown(options=list(ranked), description="ranked at")
    return explore(view, presets=presets, rank=slider, ranked_at=choice)


def by_entropy(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Entropies at T in bits, falling, and the rows they belong to; logits [N, C]."""
    bits = entropy(soften(logits, temperature)) / math.log(2)
    return bits.sort(descending=True, stable=True)


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
    ticks = {"0.01 %": 1e-4, "0.1 %": 1e-3, "1 %": 1e-2, "10 %": 0.1, "50 %": 0.5}
    height = axis("test images", [0, images * 1.03]) | {"tickformat": ","}
    axes = axis("threshold", [-4.1, -0.25], log=True, ticks=ticks), height
    colors = [TEACHER_COLOR, SOFTENED_COLOR]

    def view(threshold: float) -> Drawn:
        share, least = threshold / 100, f"{threshold:.3g} %"
        at = min(range(len(thresholds)), key=lambda i: abs(thresholds[i] - share))
        cold, warm = (values[at] for values in counts.values())
        figure = side_by_side(
            f"{cold:,} of {images:,} images have a second answer above {least}",
            curves(thresholds, counts, share, axes, colors),
            legend=True,
        )
        return figure, (
            f"At T = 1 the second answer is above {least} on {cold:,} of {images:,} "
            f"images ({percent(cold / images)}); softened with T = 4, on {warm:,} "
            f"({percent(warm / images)})."
        )

    style = {"description": "threshold, %", "readout_format": ".3g"}
    slider = widgets.FloatLogSlider(0.1, min=-2, max=1.7, step=0.1, **style)
    presets = {"1 %": {"threshold": 1.0}, "10 %": {"threshold": 10.0}}
    return explore(view, presets=presets, threshold=slider)


def uniform_mix_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Two images' targets mixed with the uniform one: entropy up, difference gone."""
    picked = picked_images(columns)
    pair = picked[4], picked[9]  # two classes that look alike
    answers = soften(columns["teacher_logits"][list(pair)], TORN_TEMPERATURE)
    most = math.log2(len(class_names))

    def view(uniform_share: float) -> Drawn:
        mixed = (1 - uniform_share) * answers + uniform_share / len(class_names)
        bits = entropy(mixed).mean().item() / math.log(2)
        apart = percent((mixed[0] - mixed[1]).abs().sum().item() / 2, 0)
        parts = []
        for row, probs in zip(pair, mixed, strict=True):
            parts += [image(columns["images"][row]), class_bars(probs, class_names)]
        figure = side_by_side(
            f"Entropy {bits:.2f} of {most:.2f} bits; the targets differ by {apart}",
            *parts,
            widths=[1, 1.6, 1, 1.6],
        )
        return figure, (
            f"With {percent(uniform_share, 0)} of the uniform target mixed in, the two "
            f"targets have {bits:.2f} bits of entropy on average, and {apart} of the "
            "probability would have to move to turn one into the other."
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


def gradient_length(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> float:
    """Mean over examples of |T · (q − p)|, the length of the soft gradient."""
    return (
        soft_target_gradient(student_logits, teacher_logits, temperature)
        .norm(dim=1)
        .mean()
        .item()
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
    return f"{percent(probs.max().item())} to {class_names[int(probs.argmax())]}"


def first_two(probs: Tensor, class_names: Sequence[str]) -> str:
    """'4: 51 %, 9: 48 %': the first two answers of [classes]."""
    values, names = (side.tolist() for side in probs.topk(2))
    pairs = zip(names, values, strict=True)
    return ", ".join(
        f"{class_names[name]}: {100 * value:.0f} %" for name, value in pairs
    )


def ranking(probs: Tensor, class_names: Sequence[str]) -> str:
    """The first three answers of [classes] in words."""
    values, names = probs.topk(3)
    said = [
        f"{class_names[name]} with {frequency(value)}"
        for value, name in zip(values.tolist(), names.tolist(), strict=True)
    ]
    return f"The teacher says {said[0]}, then {said[1]}, then {said[2]}."


def frequency(prob: float) -> str:
    """A probability in words: in percent, or '1 in 24,000' where that says nothing."""
    if prob > 0.001:
        return percent(prob, 2)
    if prob < 1e-9:
        return "less than 1 in a billion"
    return f"1 in {float(f'{1 / prob:.2g}'):,.0f}"
