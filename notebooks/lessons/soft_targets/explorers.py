"""What a teacher says that a label does not: the explorers of this page.

Columns are a test set with a column teacher_logits [N, classes].
"""

import math
from collections.abc import Sequence

import torch
from ipywidgets import FloatLogSlider, FloatSlider, IntSlider
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, count
from kdlab.explorers.answers import (
    TORN_TEMPERATURE,
    bits_open,
    most_torn,
    names_of,
    picked_images,
    picker,
    ranking,
    top_words,
)
from kdlab.metrics import soften
from kdlab.panels import Explorer, dropdown, explore, tick

SMALLEST = -12  # power of ten of the least probability that is drawn
GALLERY, POSITIONS = 6, 41  # images at once, and positions of a slider over ranks


def label_explorer(
    columns: Columns, class_names: Sequence[str] | None = None
) -> Explorer:
    """The label beside the teacher's answer at T = 1, also in powers of ten."""
    class_names, picked = names_of(columns, class_names), picked_images(columns)
    torn, last = most_torn(columns), len(picked) - 1
    logits, labels = columns["teacher_logits"], columns["labels"]

    def view(image_number: int, log: bool) -> fig.Drawn:
        row = picked[image_number]
        probs, label = soften(logits[row].double(), 1.0), labels[row]
        one_hot = torch.eye(len(class_names))[label]
        told = {"title": "label: else exactly 0", "color": fig.LABELS}
        scale = {"scale": [SMALLEST, 0] if log else [0, 1], "log": log}
        missing = " A bar that is missing is below 10⁻¹²." if log else ""
        said, bits = top_words(probs, class_names), bits_open(probs)
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
            "a clear one, in powers of ten": {
                "image_number": clearest(logits[picked[:torn]]),
                "log": True,
            },
            "most torn": {"image_number": torn, "log": False},
            "next most torn": {"image_number": min(torn + 1, last), "log": False},
        },
        image_number=picker(columns, picked, class_names),
        log=tick("scale in powers of ten"),
    )


def clearest(logits: Tensor) -> int:
    """The most certain of these answers [N, classes] in which all bars can be seen."""
    probs = soften(logits.double(), 1.0)
    seen = probs.amin(dim=1) > 10**SMALLEST
    return int((bits_open(probs) + 99 * ~seen).argmin())


def torn_explorer(
    columns: Columns, class_names: Sequence[str] | None = None
) -> Explorer:
    """All test images by how torn the teacher is; the slider walks down the ranks.

    Of less than a dozen images, half are shown at once. ValueError: there is only one.
    """
    class_names, images = names_of(columns, class_names), count(columns)
    logits, labels = columns["teacher_logits"].double(), columns["labels"]
    answers, shown = soften(logits, 1.0), min(GALLERY, (images + 1) // 2)
    last = images - shown + 1
    ranked = {f"T = {t:g}": by_entropy(logits, t) for t in (TORN_TEMPERATURE, 1.0)}
    most, widest = math.log2(len(class_names)), math.log10(last)
    ranks = sorted({round(10 ** (widest * k / 40)) for k in range(POSITIONS)})
    x = fig.axis("rank", [-0.1, widest + 0.1], log=True)
    axes = x, fig.axis("entropy, bits", [0, most])

    def caption(row: int) -> str:
        label = class_names[labels[row]]
        return f"label {label}<br>{first_two(answers[row], class_names)}"

    def view(rank: float, ranked_at: str) -> fig.Drawn:
        rank, (bits, order) = round(rank), ranked[ranked_at]
        rows = order[rank - 1 : rank - 1 + shown]
        line = {"": [bits[place - 1].item() for place in ranks]}
        wrong = (answers[rows].argmax(1) != labels[rows]).sum()
        return fig.picture(
            f"Ranks {rank:,} to {rank + shown - 1:,} of {images:,}, most torn first",
            fig.gallery(columns["images"][rows], [*map(caption, rows.tolist())], 3),
            fig.curves(ranks, line, rank, axes, [fig.TEACHER]),
            widths=[1.5, 1],
            height=500,
            says=f"Rank {rank:,} at {ranked_at}: {bits[rank - 1]:.2f} bits, of at most "
            f"{most:.2f}. The teacher's first answer, as trained, is not the label on "
            f"{wrong} of these {shown}.",
        )

    return explore(
        view,
        presets={"most torn": 1, "most certain": last},
        rank=rank_slider(last),
        ranked_at=dropdown("ranked at", ranked),
    )


def rank_slider(last: int) -> IntSlider | FloatLogSlider:
    """A slider from rank 1 to the last, in equal factors where there are many."""
    if last < 2:
        raise ValueError("Ranks need two images at least, and there is one.")
    if last <= POSITIONS:
        return IntSlider(1, min=1, max=last, description="rank")
    # `10 ** log10(195)` is less than 195: the last rank lies within, and rounds down
    end, style = math.log10(last + 0.4), {"readout_format": ",.0f"}
    ends = {"min": 0, "max": end, "step": end / (POSITIONS - 1)}
    return FloatLogSlider(1, description="rank", **ends, **style)


def by_entropy(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Entropies at T in bits, falling, and the rows they belong to; logits [N, C]."""
    bits = bits_open(soften(logits, temperature))
    return bits.sort(descending=True, stable=True)


def second_answer_explorer(columns: Columns) -> Explorer:
    """How many images have a second answer above a threshold, at T = 1 and T = 4."""
    names_of(columns, None)  # they can be shown
    logits, images = columns["teacher_logits"], count(columns)
    thresholds = [10 ** (step / 10) for step in range(-40, -2)]
    second = {f"T = {t:g}": second_answers(logits, t) for t in (1.0, TORN_TEMPERATURE)}
    lines = {
        name: [int((probs > share).sum()) for share in thresholds]
        for name, probs in second.items()
    }
    ticks = {"0.01 %": 1e-4, "0.1 %": 1e-3, "1 %": 1e-2, "10 %": 0.1, "50 %": 0.5}
    height = fig.axis("test images", [0, images * 1.03]) | {"tickformat": ","}
    axes = fig.axis("threshold", [-4.1, -0.25], log=True, ticks=ticks), height
    colors = [fig.TEACHER, fig.SOFTENED]

    def view(threshold: float) -> fig.Drawn:
        share, least = threshold / 100, f"{threshold:.3g} %"
        cold, warm = (int((probs > share).sum()) for probs in second.values())
        return fig.picture(
            f"{cold:,} of {images:,} images have a second answer above {least}",
            fig.curves(thresholds, lines, share, axes, colors),
            says=f"At T = 1 the second answer is above {least} on {cold:,} of "
            f"{images:,} images ({fig.percent(cold / images)}); softened with "
            f"T = 4, on {warm:,} ({fig.percent(warm / images)}).",
            legend=True,
        )

    style = {"description": "threshold, %", "readout_format": ".3g"}
    return explore(
        view,
        presets={"1 %": 1.0, "10 %": 10.0},
        threshold=FloatLogSlider(0.1, min=-2, max=1.7, step=0.1, **style),
    )


def second_answers(logits: Tensor, temperature: float) -> Tensor:
    """Probability of each second answer at T: [N, classes] -> [N]."""
    return soften(logits, temperature).topk(2, dim=1).values[:, 1]


def uniform_mix_explorer(
    columns: Columns, class_names: Sequence[str] | None = None
) -> Explorer:
    """Two images' targets mixed with the uniform one: entropy up, difference gone.

    They are of the two classes that are most alike. ValueError: all images are of one.
    """
    class_names = names_of(columns, class_names, compared=True)
    shown = columns["labels"].unique().tolist()
    first = dict(zip(shown, picked_images(columns), strict=False))
    pair = [first[name] for name in most_alike(columns, shown)]
    images = [fig.image(pixels) for pixels in columns["images"][pair]]
    answers = soften(columns["teacher_logits"][pair], TORN_TEMPERATURE)
    most = math.log2(len(class_names))

    def view(uniform_share: float) -> fig.Drawn:
        mixed = (1 - uniform_share) * answers + uniform_share / len(class_names)
        bits = bits_open(mixed).mean()
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


def most_alike(columns: Columns, shown: Sequence[int]) -> tuple[int, int]:
    """The two of these classes whose images are most often taken for the other."""
    answers = soften(columns["teacher_logits"], TORN_TEMPERATURE)
    told = [answers[columns["labels"] == name].mean(dim=0) for name in shown]
    told = torch.stack(told)[:, [*shown]].fill_diagonal_(-1)
    one, other = divmod(int((told + told.T).argmax()), len(shown))
    return shown[one], shown[other]


def first_two(probs: Tensor, class_names: Sequence[str]) -> str:
    """'4: 51 %, 9: 48 %': the first two answers of [classes]."""
    values, names = (side.tolist() for side in probs.topk(2))
    pairs = zip(names, values, strict=True)
    return ", ".join(
        f"{class_names[name]}: {100 * value:.0f} %" for name, value in pairs
    )
