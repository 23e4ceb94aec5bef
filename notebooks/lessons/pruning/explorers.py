"""What is left of a net that gets smaller: accuracy, bytes, work, milliseconds."""

import warnings
from collections.abc import Callable
from functools import cache, partial

import pandas as pd
import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.compression import (
    baked,
    layers_of,
    model_bytes,
    multiply_adds,
    race,
    zipped_bytes,
)
from kdlab.data import Columns, count, sample
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.training import evaluate

from .pruned import smaller, weights_left

JUDGES = 1000  # images on which a net is judged here
WHAT = {  # {name: (words, shares that go, {which go: the way})}
    "weights": (
        "weights set to zero",
        [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98],
        {"smallest of all": "weights", "smallest of each layer": "weights by layer"}
        | {"by lot": "random weights"},
    ),
    "channels": (
        "channels removed",
        [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875],
        {"smallest": "channels", "by lot": "random channels"},
    ),
    "rank": (
        "rank removed",
        [0.0, 0.5, 0.625, 0.75, 0.875, 0.9375, 0.96875],
        {"smallest singular values": "rank"},
    ),
}
SPARSE = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99]
BARS = "share of the whole net's"
REMOVED = torch.tensor([231, 41, 138]).byte()  # pink: weights are grey


def smaller_explorer(
    net: nn.Module, columns: Columns, what: str, clock: Callable | None = None
) -> Explorer:
    """What a net keeps while a share of something is taken: WHAT names it.

    It is judged on some of the images; the net itself stays as it is. `clock`: in the
    place of `times`, where they must not vary.
    """
    unit, shares, hows = WHAT[what]
    columns, whole = sample(columns, min(JUDGES, count(columns))), baked(net)
    of_whole, timed = sizes(whole, columns["images"]), clock or times

    @cache  # it takes half a second, and times should stay as they were
    def found(how: str, share: float) -> tuple[dict[str, float], Tensor]:
        made = baked(smaller(how, net, share))
        kept = {"accuracy": evaluate(made, columns)["accuracy"]}
        own = sizes(made, columns["images"])
        kept |= {name: own[name] / of_whole[name] for name in own}
        return kept | timed(made, whole, columns["images"]), filters(whole, made)

    def view(share: float, how: str) -> fig.Drawn:
        kept, picture = found(how, share)
        words = [f"{name} {fig.percent(part)}" for name, part in kept.items()]
        style = {"color": fig.OTHER, "scale": (0, 1.35), "title": BARS}
        bars = fig.class_bars(torch.tensor([*kept.values()]), [*kept], **style)
        one = fig.upright(1, [*kept][:: len(kept) - 1], "the whole net")
        parts = [{**bars, "traces": [*bars["traces"], one]}, fig.image(picture)]
        more = "On the right the filters of the first layer, what is gone in pink."
        if what == "rank":  # which leaves these alone
            parts, more = parts[:1], "The first two layers and the last are whole."
        title = f"{100 * share:.4g} % of the {unit}"
        right, time = kept["accuracy"], kept["ms, 128 images"]
        return fig.picture(
            f"{title}: {fig.percent(right)} right, in {time:.2f} times the time",
            *parts,
            widths=[2.2, 1][: len(parts)],
            says=f"{title}: {'; '.join(words)}. {more}",
        )

    options = [(f"{100 * share:.4g} %", share) for share in shares]
    share = choice(unit, options, shares[len(shares) // 2])
    if len(hows) == 1:
        return explore(partial(view, how=[*hows.values()][0]), share=share)
    return explore(view, share=share, how=dropdown("which", list(hows.items())))


def sizes(net: nn.Module, images: Tensor) -> dict[str, float]:
    """What a net holds and computes, whatever the machine."""
    return {
        "numbers not 0": weights_left(net),
        "bytes": model_bytes(net),
        "zipped bytes": zipped_bytes(net),
        "multiply-adds": multiply_adds(net, images),
    }


def times(net: nn.Module, whole: nn.Module, images: Tensor) -> dict[str, float]:
    """How long it takes beside the whole one, both raced here and now."""
    found = {}
    for number, name in ((1, "ms, 1 image"), (128, "ms, 128 images")):
        both = race({"net": net, "whole": whole}, images[:number], rounds=9)["ms"]
        found[name] = both["net"] / both["whole"]
    return found


def filters(whole: nn.Module, net: nn.Module, side: int = 4) -> Tensor:
    """The first filters of a net as grey squares, bytes [3, H, W], in rows of `side`.

    Of those of the whole net, what is zero or gone in the smaller one is pink.
    """
    weights, kept = (
        next(iter(layers_of(n).values())).weight.detach().mean(1) for n in (whole, net)
    )
    there = kept != 0
    if len(kept) < len(weights):  # whole filters are gone
        same = (kept[:, None] == weights).flatten(2).all(2).any(0)
        there = same[:, None, None].expand_as(weights)
    grey = (127 + 127 * weights / weights.abs().max()).byte()
    colors = torch.where(there[..., None], grey[..., None], REMOVED).movedim(-1, 1)
    large = nn.functional.pad(
        colors.repeat_interleave(16, 2).repeat_interleave(16, 3), (4,) * 4, value=255
    )
    rows = large.unflatten(0, (-1, side)).permute(2, 0, 3, 1, 4)
    return rows.flatten(3).flatten(1, 2)


def sparse_times(net: nn.Module) -> dict[int, dict[float, list[float]]]:
    """How long the largest layer takes with ever more zeros, stored as CSR.

    {batch: {share of zeros: [quartile, median, quartile]}}, beside the dense product
    raced in the same rounds.
    """
    layer = max(layers_of(net).values(), key=lambda layer: layer.weight.numel())
    weight = layer.weight.detach().flatten(1)
    forms, found = {"dense": weight}, {}
    with warnings.catch_warnings(record=True):  # torch says that CSR is in beta
        for share in SPARSE:
            kept = weight * (weight.abs() > weight.abs().quantile(share))
            forms[share] = kept.to_sparse_csr()
    products = {name: partial(torch.matmul, form) for name, form in forms.items()}
    for batch in (1, 128):
        inputs = torch.rand(weight.shape[1], batch)
        table = race(products, inputs, rounds=30)[["low", "ms", "high"]]
        table /= table["ms"]["dense"]
        found[batch] = {share: table.loc[share].tolist() for share in SPARSE}
    return found


def break_even(found: dict[float, list[float]]) -> float:
    """The least share of zeros from which on the sparse product is quicker; or 1."""
    slow = [share for share, (_, ms, _) in found.items() if ms >= 1]
    return min([share for share in found if share > max(slow, default=0)], default=1.0)


def break_even_picture(found: dict[int, dict[float, list[float]]]) -> fig.Drawn:
    """Of `sparse_times`: the sparse product's time beside the dense one's."""
    runs = {f"{batch} at once": [*of.values()] for batch, of in found.items()}
    ticks = {fig.percent(share, 0): share for share in SPARSE if share != 0.98}
    x = fig.axis("share of zeros", [0.48, 1.01], ticks=ticks)
    y = fig.axis("time beside the dense product", [-1.1, 1.3], log=True)
    part = fig.lines_with_spread(SPARSE, runs, (x, y), [fig.TEACHER, fig.STUDENT])
    even = {"type": "scatter", "mode": "lines", "name": "as long", "x": [0, 2]}
    even |= {"y": [1, 1], "line": {"color": fig.LABELS, "dash": "dot", "width": 2}}
    said = [f"{100 * break_even(of):g} % ({b} at once)" for b, of in found.items()]
    return fig.picture(
        f"The sparse product pays from {' and '.join(said)}",
        {**part, "traces": [*part["traces"], even]},
        says=f"At 50 % zeros it takes {found[1][0.5][1]:.1f} times as long for one "
        f"vector, {found[128][0.5][1]:.1f} times for 128. Quartiles of 30 rounds on "
        "one thread of this machine.",
        legend=True,
    )


def sensitivity_picture(table: pd.DataFrame) -> fig.Drawn:
    """Accuracy when one layer alone is pruned: a line a layer."""
    lines = {f"layer {name}": table[name].tolist() for name in table}
    x = fig.axis("share of the layer's weights set to zero", [-0.02, 1.0])
    axes = x, fig.axis("accuracy", [0, 1.02])
    colors = [fig.TEACHER, fig.SOFTENED, fig.STUDENT, fig.OTHER]
    last, gone = table.iloc[-1], fig.percent(table.index[-1], 0)
    return fig.picture(
        f"{gone} of one layer gone: layer {last.idxmin()} suffers most",
        fig.curves(table.index.tolist(), lines, table.index[-1], axes, colors),
        says=f"With {gone} of one layer gone: "
        + ", ".join(f"layer {n} {fig.percent(a)} right" for n, a in last.items())
        + ". All other layers are whole.",
        legend=True,
    )
