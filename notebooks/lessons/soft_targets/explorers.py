"""What a teacher says that a label does not: explorers of this page.

Columns are a test set with a column teacher_logits [N, classes].
"""

import math
from collections.abc import Sequence

import torch
from ipywidgets import FloatLogSlider, FloatSlider
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, count
from kdlab.explorers.answers import (
    DIGITS,
    TORN_TEMPERATURE,
    first_two,
    picked_images,
    picker,
    ranking,
    top_words,
)
from kdlab.metrics import entropy, soften
from kdlab.panels import Explorer, dropdown, explore, tick


def label_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """The label beside the teacher's answer at T = 1, also in powers of ten."""
    picked = picked_images(columns)
    logits, labels = columns["teacher_logits"], columns["labels"]

    def view(image_number: int, log: bool) -> fig.Drawn:
        row = picked[image_number]
        probs = soften(logits[row], 1.0)
        one_hot = torch.eye(len(class_names))[labels[row]]
        scale = [-12, 0] if log else [0, 1]
        style = {"scale": scale, "log": log}
        figure = side_by_side(
            f"The label says {class_names[labels[row]]}; the teacher says "
            f"{top_words(probs, class_names)}",
            fig.image(columns["images"][row]),
            fig.class_bars(
                one_hot,
                class_names,
                color=fig.LABELS,
                title="label: else exactly 0",
                **style,
            ),
            fig.class_bars(probs, class_names, title="teacher, T = 1", **style),
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
    axes = fig.axis("rank", ends, log=True), fig.axis("entropy, bits", [0, most])

    def caption(row: int) -> str:
        label = class_names[labels[row]]
        return f"label {label}<br>{first_two(answers[row], class_names)}"

    def view(rank: float, ranked_at: str) -> fig.Drawn:
        rank, (bits, order) = round(rank), ranked[ranked_at]
        rows = order[rank - 1 : rank + 5]
        line = {"": [bits[place - 1].item() for place in ranks]}
        figure = side_by_side(
            f"Ranks {rank:,} to {rank + 5:,} of {count(columns):,}, most torn first",
            fig.gallery(columns["images"][rows], [*map(caption, rows.tolist())], 3),
            fig.curves(ranks, line, rank, axes, [fig.TEACHER]),
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
    height = fig.axis("test images", [0, images * 1.03]) | {"tickformat": ","}
    axes = fig.axis("threshold", [-4.1, -0.25], log=True, ticks=ticks), height
    colors = [fig.TEACHER, fig.SOFTENED]

    def view(threshold: float) -> fig.Drawn:
        share, least = threshold / 100, f"{threshold:.3g} %"
        at = min(range(len(thresholds)), key=lambda i: abs(thresholds[i] - share))
        cold, warm = (values[at] for values in counts.values())
        figure = side_by_side(
            f"{cold:,} of {images:,} images have a second answer above {least}",
            fig.curves(thresholds, counts, share, axes, colors),
            legend=True,
        )
        return figure, (
            f"At T = 1 the second answer is above {least} on {cold:,} of {images:,} "
            f"images ({fig.percent(cold / images)}); softened with T = 4, on {warm:,} "
            f"({fig.percent(warm / images)})."
        )

    style = {"description": "threshold, %", "readout_format": ".3g"}
    slider = widgets.FloatLogSlider(0.1, min=-2, max=1.7, step=0.1, **style)
    presets = {"1 %": {"threshold": 1.0}, "10 %": {"threshold": 10.0}}
    return explore(view, presets=presets, threshold=slider)


def second_answers(logits: Tensor, temperature: float) -> Tensor:
    """Probability of the second answer: [N, classes] -> [N]."""
    return soften(logits, temperature).topk(2, dim=1).values[:, 1]


def uniform_mix_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Two images' targets mixed with the uniform one: entropy up, difference gone."""
    picked = picked_images(columns)
    pair = picked[4], picked[9]  # two classes that look alike
    answers = soften(columns["teacher_logits"][list(pair)], TORN_TEMPERATURE)
    most = math.log2(len(class_names))

    def view(uniform_share: float) -> fig.Drawn:
        mixed = (1 - uniform_share) * answers + uniform_share / len(class_names)
        bits = entropy(mixed).mean().item() / math.log(2)
        apart = fig.percent((mixed[0] - mixed[1]).abs().sum().item() / 2, 0)
        parts = []
        for row, probs in zip(pair, mixed, strict=True):
            parts += [
                fig.image(columns["images"][row]),
                fig.class_bars(probs, class_names),
            ]
        figure = side_by_side(
            f"Entropy {bits:.2f} of {most:.2f} bits; the targets differ by {apart}",
            *parts,
            widths=[1, 1.6, 1, 1.6],
        )
        return figure, (
            f"With {fig.percent(uniform_share, 0)} of the uniform target mixed in, the two "
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
