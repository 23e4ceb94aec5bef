"""A way from one image to another, and what the teacher says along it.

A way is a stack of grey images [POSITIONS, H, W]. Columns are a test set with a column
teacher_logits [N, classes].
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from ipywidgets import FloatSlider
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, scaled
from kdlab.explorers.answers import (
    TORN_TEMPERATURE,
    bits_open,
    names_of,
    open_words,
    picker,
    ranking,
)
from kdlab.metrics import soften
from kdlab.panels import Explorer, dropdown, explore
from kdlab.training import predict

POSITIONS, GRAINS = 41, 300
PAIRS = (4, 9), (3, 8), (1, 7), (2, 5)  # of the buttons
SHARES = torch.linspace(0, 1, POSITIONS)  # of the way
PERCENT = [100 * step / (POSITIONS - 1) for step in range(POSITIONS)]
SIDES = "from", "to"


def faded(start: Tensor, end: Tensor) -> Tensor:
    """One image [H, W] fades while the other appears: [POSITIONS, H, W]."""
    return torch.lerp(start, end, SHARES[:, None, None])


def moved(start: Tensor, end: Tensor) -> Tensor:
    """The ink of one image [H, W] moves to where that of the other lies.

    Grains of ink are paired so that the sum of their squared distances is the least,
    and move on straight lines (McCann 1997, displacement interpolation). What grains
    are too coarse for fades, so that both ends are the images themselves.
    """
    from scipy.optimize import linear_sum_assignment  # 0.2 s, for those who move ink

    here, there = grains(start), grains(end)
    squares = (here[:, None] - there).square().sum(dim=2)  # exact on every machine
    there = there[linear_sum_assignment(squares)[1]]
    places = torch.lerp(here, there, SHARES[:, None, None])
    ink = torch.lerp(start.sum(), end.sum(), SHARES) / GRAINS
    drawn = ink[:, None, None] * spread(places, start.shape)
    return (drawn + faded(start - drawn[0], end - drawn[-1])).clamp(0, 1)


def grains(image: Tensor) -> Tensor:
    """Rows and columns [GRAINS, 2] of equally heavy grains of the ink of [H, W]."""
    ink = image.double().flatten().cumsum(0)
    pixels = torch.searchsorted(ink, (torch.arange(GRAINS) + 0.5) / GRAINS * ink[-1])
    return torch.stack([pixels // image.shape[1], pixels % image.shape[1]], 1).float()


def spread(places: Tensor, shape: Sequence[int]) -> Tensor:
    """Grains at places [N, GRAINS, 2], each on its four nearest pixels: [N, H, W]."""
    rows, columns = (
        (1 - (place[..., None] - torch.arange(size)).abs()).clamp(min=0)
        for place, size in zip(places.unbind(-1), shape, strict=True)
    )
    return rows.mT @ columns


WAYS = {"its ink moves": moved, "it fades": faded}


def between_explorer(
    columns: Columns, teacher: nn.Module, class_names: Sequence[str] | None = None
) -> Explorer:
    """From one test image to another, and where the teacher changes its mind.

    The images are grey: the first of each class, and the second to go to. ValueError:
    all are of one class.
    """
    names, labels = names_of(columns, class_names, compared=True), columns["labels"]
    shown = labels.unique().tolist()
    rows = [(labels == label).nonzero()[:2, 0].tolist() for label in shown]
    sides = [of[0] for of in rows], [of[-1] for of in rows]

    @lru_cache(maxsize=8)
    def walked(start: int, end: int, how: str) -> tuple[Tensor, Tensor]:
        images = scaled(columns["images"][[sides[0][start], sides[1][end]], 0])
        way = WAYS[how](*images)[:, None]
        return way, predict(teacher, way).double()

    def view(percent: float, start: int, end: int, how: str) -> fig.Drawn:
        way, logits = walked(start, end, how)
        return picture_at(percent, way, logits, (shown[start], shown[end]), names)

    pairs = [pair for pair in PAIRS if {*pair} <= {*shown}] or [tuple(shown[:2])]
    places = [{"start": shown.index(a), "end": shown.index(b)} for a, b in pairs]
    buttons = [f"{names[a]} to {names[b]}" for a, b in pairs]
    pickers = [picker(columns, side, names) for side in sides]
    for pick, of, described in zip(pickers, places[0].values(), SIDES, strict=True):
        pick.value, pick.description = of, described
    style = {"description": "way, %", "step": 100 / (POSITIONS - 1)}
    return explore(
        view,
        tabulate=2,
        presets={
            b: {"percent": 0.0, **at} for b, at in zip(buttons, places, strict=True)
        },
        percent=FloatSlider(0, min=0, max=100, readout_format=".1f", **style),
        how=dropdown("how", WAYS),
        start=pickers[0],
        end=pickers[1],
    )


def picture_at(
    percent: float,
    way: Tensor,
    logits: Tensor,
    pair: tuple[int, int],
    names: Sequence[str],
) -> fig.Drawn:
    """A place on the way [POSITIONS, 1, H, W], its answer, and all answers up to it.

    `logits` are [POSITIONS, classes], `pair` the classes of both ends.
    """
    at = fig.nearest(PERCENT, percent)
    walked = logits[: at + 1]  # what lies ahead is to be found
    cold, warm = (soften(walked, t) for t in (1.0, TORN_TEMPERATURE))
    bars = {"T = 1": (cold[at], fig.TEACHER), "T = 4": (warm[at], fig.SOFTENED)}
    lines = {
        f"{s}: {fig.short(names[of])}": cold[:, of].tolist()
        for s, of in zip(SIDES, pair, strict=True)
    }
    lines["others"] = (1 - cold[:, [*{*pair}]].sum(1)).clamp(min=0).tolist()
    axes = fig.axis("way, %", [-3, 103]), fig.axis("probability, T = 1", [-0.03, 1.03])
    likely = " and ".join(
        f"{fig.short(names[of])} with {fig.percent(prob, 0)}"
        for prob, of in zip(*(side.tolist() for side in cold[at].topk(2)), strict=True)
    )
    colors = [fig.TEACHER, fig.OTHER, fig.LABELS]
    return fig.picture(
        f"{percent:g} % of the way: {likely}, {bits_open(cold[at]):.1f} bits",
        fig.curves(PERCENT[: at + 1], lines, percent, axes, colors),
        fig.image(way[at]),
        fig.grouped_bars(bars, names),
        widths=[1.5, 1, 1.1],
        height=400,
        legend=True,
        says=f"{percent:g} % of the way from {' to '.join(names[of] for of in pair)}. "
        f"{ranking(cold[at], names)} "
        f"{open_words(cold[at], warm[at], TORN_TEMPERATURE)}{changes(cold, names)}",
    )


def changes(answers: Tensor, names: Sequence[str]) -> str:
    """Where the first of these answers [N, classes] changes, and how torn it is there."""
    first = answers.argmax(dim=1).tolist()
    turns = [k for k in range(1, len(first)) if first[k] != first[k - 1]]
    told = [
        f"to {names[first[k]]} at {PERCENT[k]:g} % ({bits_open(answers[k]):.2f} bits)"
        for k in turns
    ]
    return f" So far its first answer changed {', '.join(told)}." if told else ""
