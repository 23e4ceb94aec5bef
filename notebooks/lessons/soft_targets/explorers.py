"""What a teacher says that a label does not: the explorers of this page.

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
    picked_images,
    picker,
    ranking,
    top_words,
)
from kdlab.metrics import entropy, soften
from kdlab.panels import Explorer, dropdown, explore, tick


def label_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """The label beside the teacher's answer at T = 1, also in powers of ten."""
    picked, torn = picked_images(columns), len(class_names)
    logits, labels = columns["teacher_logits"], columns["labels"]

    def view(image_number: int, log: bool) -> fig.Drawn:
        row = picked[image_number]
        probs, label = soften(logits[row], 1.0), labels[row]
        one_hot = torch.eye(len(class_names))[label]
        told = {"title": "label: else exactly 0", "color": fig.LABELS}
        scale = {"scale": [-12, 0] if log else [0, 1], "log": log}
        missing = " A bar that is missing is below 10⁻¹²." if log else ""
        said, bits = top_words(probs, class_names), entropy(probs).item() / math.log(2)
        return fig.picture(
            f"The label says {class_names[label]}; the teacher says {said}",
            fig.image(columns["images"][row]),
            fig.class_bars(one_hot, class_names, **told, **scale),
            fig.class_bars(probs, class_names, title="teacher, T = 1", **scale),
            widths=[1, 1.5, 1.5],
            says=f"{ranking(probs, class_names)} The label leaves 0 bits open, the "
            f"teacher {bits:.3f}.{missing}",
        )

    return explore(
        view,
        tabulate=2,
        presets={
            "a clear one, in powers of ten": {"image_number": 4, "log": True},
            "most torn": {"image_number": torn, "log": False},
            "next most torn": {"image_number": torn + 1, "log": False},
        },
        image_number=picker(columns, picked, class_names),
        log=tick("scale in powers of ten"),
    )


def torn_explorer(columns: Columns, class_names: Sequence[str] = DIGITS) -> Explorer:
    """All test images by how torn the teacher is; the slider walks down the ranks."""
    logits, labels = columns["teacher_logits"].double(), columns["labels"]
    answers, last = soften(logits, 1.0), count(columns) - 5
    ranked = {f"T = {t:g}": by_entropy(logits, t) for t in (TORN_TEMPERATURE, 1.0)}
    most, widest = math.log2(len(class_names)), math.log10(last)
    ranks = [round(10 ** (widest * step / 40)) for step in range(41)]
    x = fig.axis("rank", [-0.1, widest + 0.1], log=True)
    axes = x, fig.axis("entropy, bits", [0, most])

    def caption(row: int) -> str:
        label = class_names[labels[row]]
        return f"label {label}<br>{first_two(answers[row], class_names)}"

    def view(rank: float, ranked_at: str) -> fig.Drawn:
        rank, (bits, order) = round(rank), ranked[ranked_at]
        rows = order[rank - 1 : rank + 5]
        line = {"": [bits[place - 1].item() for place in ranks]}
        wrong = (answers[rows].argmax(1) != labels[rows]).sum()
        return fig.picture(
            f"Ranks {rank:,} to {rank + 5:,} of {count(columns):,}, most torn first",
            fig.gallery(columns["images"][rows], [*map(caption, rows.tolist())], 3),
            fig.curves(ranks, line, rank, axes, [fig.TEACHER]),
            widths=[1.5, 1],
            height=500,
            says=f"Rank {rank:,} at {ranked_at}: {bits[rank - 1]:.2f} bits, of at most "
            f"{most:.2f}. The teacher's first answer, as trained, is not the label on "
            f"{wrong} of these 6.",
        )

    style = {"description": "rank", "readout_format": ",.0f"}
    return explore(
        view,
        presets={"most torn": 1, "most certain": last},
        rank=FloatLogSlider(1, min=0, max=widest, step=widest / 40, **style),
        ranked_at=dropdown("ranked at", ranked),
    )


def by_entropy(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Entropies at T in bits, falling, and the rows they belong to; logits [N, C]."""
    bits = entropy(soften(logits, temperature)) / math.log(2)
    return bits.sort(descending=True, stable=True)


def second_answer_explorer(columns: Columns) -> Explorer:
    """How many images have a second answer above a threshold, at T = 1 and T = 4."""
    logits, images = columns["teacher_logits"], count(columns)
    thresholds = [10 ** (step / 10) for step in range(-40, -2)]
    cold, warm = (above(logits, t, thresholds) for t in (1.0, TORN_TEMPERATURE))
    lines = {"T = 1": cold, f"T = {TORN_TEMPERATURE:g}": warm}
    ticks = {"0.01 %": 1e-4, "0.1 %": 1e-3, "1 %": 1e-2, "10 %": 0.1, "50 %": 0.5}
    height = fig.axis("test images", [0, images * 1.03]) | {"tickformat": ","}
    axes = fig.axis("threshold", [-4.1, -0.25], log=True, ticks=ticks), height
    colors = [fig.TEACHER, fig.SOFTENED]

    def view(threshold: float) -> fig.Drawn:
        share, least = threshold / 100, f"{threshold:.3g} %"
        at = fig.nearest(thresholds, share)
        return fig.picture(
            f"{cold[at]:,} of {images:,} images have a second answer above {least}",
            fig.curves(thresholds, lines, share, axes, colors),
            says=f"At T = 1 the second answer is above {least} on {cold[at]:,} of "
            f"{images:,} images ({fig.percent(cold[at] / images)}); softened with "
            f"T = 4, on {warm[at]:,} ({fig.percent(warm[at] / images)}).",
            legend=True,
        )

    style = {"description": "threshold, %", "readout_format": ".3g"}
    return explore(
        view,
        presets={"1 %": 1.0, "10 %": 10.0},
        threshold=FloatLogSlider(0.1, min=-2, max=1.7, step=0.1, **style),
    )


def above(logits: Tensor, temperature: float, thresholds: Sequence[float]) -> list[int]:
    """How many second answers at T are above each threshold; logits [N, classes]."""
    second = soften(logits, temperature).topk(2, dim=1).values[:, 1]
    return [int((second > threshold).sum()) for threshold in thresholds]


def uniform_mix_explorer(
    columns: Columns, class_names: Sequence[str] = DIGITS
) -> Explorer:
    """Two images' targets mixed with the uniform one: entropy up, difference gone."""
    picked = picked_images(columns)
    pair = [picked[4], picked[9]]  # two classes that look alike
    images = [fig.image(pixels) for pixels in columns["images"][pair]]
    answers = soften(columns["teacher_logits"][pair], TORN_TEMPERATURE)
    most = math.log2(len(class_names))

    def view(uniform_share: float) -> fig.Drawn:
        mixed = (1 - uniform_share) * answers + uniform_share / len(class_names)
        bits = entropy(mixed).mean().item() / math.log(2)
        apart = fig.percent((mixed[0] - mixed[1]).abs().sum().item() / 2, 0)
        bars = [fig.class_bars(probs, class_names) for probs in mixed]
        return fig.picture(
            f"Entropy {bits:.2f} of {most:.2f} bits; the targets differ by {apart}",
            images[0],
            bars[0],
            images[1],
            bars[1],
            widths=[1, 1.6, 1, 1.6],
            says=f"With {fig.percent(uniform_share, 0)} of the uniform target mixed in,"
            f" the two targets have {bits:.2f} bits of entropy on average, and {apart} "
            "of the probability would have to move to turn one into the other.",
        )

    style = {"description": "share of the uniform target", "step": 0.05}
    return explore(
        view,
        presets={"the teacher's answers": 0.0, "uniform": 1.0},
        uniform_share=FloatSlider(0.0, min=0, max=1, **style),
    )


def first_two(probs: Tensor, class_names: Sequence[str]) -> str:
    """'4: 51 %, 9: 48 %': the first two answers of [classes]."""
    values, names = (side.tolist() for side in probs.topk(2))
    pairs = zip(names, values, strict=True)
    return ", ".join(
        f"{class_names[name]}: {100 * value:.0f} %" for name, value in pairs
    )
