"""A layer's weights beside the places of a grid: how far off, and where it should end."""

import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.compression import code_range, fake_quantize, fitting_step, layers_of
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.speed import cpu_threads

from .experiments import BITS

WEIGHT, PLACES, CUT, BINS = fig.LABELS, fig.STUDENT, fig.OTHER, 121
STEPS = {"one step for the layer": False, "one for each channel": True}
OUTLIERS = {"as trained": 1.0, "one weight of 3 times that": 3.0, "of 10 times": 10.0}
ENDS = [round(1.06**-k, 3) for k in reversed(range(40))]
OFF = "error, share of the weights"
SHARE = fig.axis("weight, share of the largest", [-1.05, 1.05])


def named_layers(model: nn.Module) -> dict[str, Tensor]:
    """Weights by names such as "layer 1, convolution, 144 weights"."""
    found = {}
    for name, layer in layers_of(model).items():
        kind = "convolution" if isinstance(layer, nn.Conv2d) else "dense"
        weight = layer.weight.detach().clone()
        found[f"layer {name}, {kind}, {weight.numel():,} weights"] = weight
    return found


def relative_error(weight: Tensor, rounded: Tensor) -> float:
    """Root mean square of what rounding adds, as a share of that of the weights."""
    return ((rounded - weight).square().mean() / weight.square().mean()).sqrt().item()


@cpu_threads()  # two that wait for each other are slower
def grid_explorer(model: nn.Module) -> Explorer:
    """A layer's weights as a histogram, the places of the grid, and the error by bits."""
    layers = named_layers(model)
    found = {(n, bits): on_places(layers[n], bits) for n in layers for bits in BITS}
    bars = {name: histogram(weight) for name, weight in layers.items()}
    count = fig.axis("how many", [-0.3, 5.5], log=True)
    axes = fig.axis("bits", [1.6, 8.4]), fig.axis(OFF, [-2.7, 0.3], log=True)

    def view(bits: int, layer: str) -> fig.Drawn:
        step, error, places = found[layer, bits]
        errors = [found[layer, b][1] for b in BITS]
        traces, most = [bars[layer], as_dots(places)], layers[layer].abs().max()
        zeros = places.get(0.0, 0) / layers[layer].numel()
        return fig.picture(
            f"{bits} bits: {len(places)} places are used, and weights are off by "
            f"{fig.percent(error)} of their size",
            fig.unnamed({"traces": traces, "x": SHARE, "y": count}),
            fig.curves(BITS, {"": errors}, bits, axes, [PLACES]),
            says=f"The {layer}: a grid as far as the largest, {most:.3g}"
            f". With {bits} bits places are {step:.3g} apart, {len(places)} of {2**bits} "
            f"are used; {fig.percent(zeros)} of the weights become 0. Off by "
            f"{fig.percent(error)}, root mean square.",
            widths=[2, 1],
            height=400,
        )

    bits = choice("bits", BITS, 4)
    return explore(
        view, tabulate=2, bits=bits, layer=dropdown("layer", [*layers], [*layers][1])
    )


def on_places(weight: Tensor, bits: int) -> tuple[float, float, dict[float, int]]:
    """Step, `relative_error`, and {place, by the largest weight: how many weights}."""
    step = fitting_step(weight, bits, False, "max")
    rounded = fake_quantize(weight, step, 0, bits)
    places, counts = rounded.unique(return_counts=True)
    found = zip((places / weight.abs().max()).tolist(), counts.tolist(), strict=True)
    return step.item(), relative_error(weight, rounded), dict(found)


def histogram(weight: Tensor) -> dict:
    """How many weights there are at each size, as a share of the largest."""
    middles = (2 * torch.arange(BINS) + 1 - BINS) / BINS
    counts = torch.histc(weight / weight.abs().max(), BINS, -1, 1).tolist()
    bars = {"type": "bar", "x": middles.tolist(), "y": counts, "width": 2 / BINS}
    return bars | {"marker": {"color": WEIGHT}, "hoverinfo": "skip", "name": "weights"}


def as_dots(places: dict[float, int]) -> dict:
    """How many weights each place of the grid has."""
    marker = {"color": PLACES, "size": 9, "symbol": "diamond"}
    dots = {"type": "scatter", "mode": "markers", "name": "on the grid"}
    return {**dots, "x": [*places], "y": [*places.values()], "marker": marker}


@cpu_threads()
def clip_explorer(model: nn.Module) -> Explorer:
    """Where the grid should end: what is rounded, what is cut off, and their sum."""
    name, weight = [*named_layers(model).items()][1]
    weights = {said: with_outlier(weight, times) for said, times in OUTLIERS.items()}
    errors = {(n, bits): split(w, bits) for n, w in weights.items() for bits in BITS}
    across = fig.axis("end of the grid, share of the largest", [0.05, 1.05])
    axes = across, fig.axis(OFF, [-2.7, 0.5], log=True)
    bars, most = histogram(weight), weight.abs().max().item()
    count = fig.axis("how many", [-0.3, 4], log=True)

    def view(end: float, bits: int, outlier: str) -> fig.Drawn:
        lines, largest = errors[outlier, bits], weights[outlier].abs().max().item()
        best = ENDS[min(range(len(ENDS)), key=lines["both"].__getitem__)]
        here = {n: fig.percent(found[ENDS.index(end)]) for n, found in lines.items()}
        sides = [side * min(end * largest / most, 1.0) for side in (-1, 1)]
        marks = [fig.upright(side, [0.5, weight.numel()], "end") for side in sides]
        left = {"traces": [bars, *marks], "x": SHARE, "y": count}
        return fig.picture(
            f"{bits} bits, ending at {end:g} of the largest weight: off by "
            f"{here['both']}; least at {best:g}",
            fig.unnamed(left),
            fig.curves(ENDS, lines, end, axes, [PLACES, WEIGHT, CUT]),
            says=f"The {name}, {outlier}: the largest is {largest:.3g}. With {bits} bits "
            f"off by {here['both']} of the weights' size (root mean square), "
            f"{here['rounded']} by rounding and {here['cut off']} by cutting off.",
            widths=[1, 1.2],
            height=430,
            legend=True,
        )

    controls = {"end": choice("end of the grid", ENDS, 1.0)}
    controls["bits"] = choice("bits", BITS, 3)
    controls["outlier"] = dropdown("largest weight", [*OUTLIERS])
    presets = {
        "2 bits": {"bits": 2},
        "an outlier": {"outlier": "of 10 times", "bits": 4},
    }
    return explore(view, tabulate=2, presets=presets, **controls)


def split(weight: Tensor, bits: int) -> dict[str, list[float]]:
    """`relative_error` at each of ENDS, and its parts: within the grid, and beyond."""
    weight, ends = weight.flatten(), torch.tensor(ENDS).unsqueeze(1)
    steps = ends * fitting_step(weight, bits, False, "max")
    off = (fake_quantize(weight, steps, 0, bits) - weight).square()
    beyond = (weight / steps).abs() > code_range(bits)[1] + 0.5
    parts = {"both": off, "rounded": off * ~beyond, "cut off": off * beyond}
    whole = weight.square().mean()
    return {n: (x.mean(dim=1) / whole).sqrt().tolist() for n, x in parts.items()}


def with_outlier(weight: Tensor, times: float) -> Tensor:
    """A copy whose first weight is so many times the largest; 1 changes nothing."""
    copy = weight.clone()
    if times != 1:
        copy.view(-1)[0] = times * weight.abs().max()
    return copy


def channels_explorer(model: nn.Module) -> Explorer:
    """The first layer, channel by channel, on one grid or each on its own."""
    weight = next(iter(named_layers(model).values())).flatten(1)
    most, rows = weight.abs().max().item(), len(weight)
    x = fig.axis("weight", [-1.05 * most, 1.05 * most])
    y = fig.axis("channel", [-0.8, rows - 0.2]) | {"dtick": 1, "showgrid": False}
    error_axis = fig.axis(OFF, [-2.8, 0.3], log=True)

    def view(bits: int, steps: str) -> fig.Drawn:
        step = {n: fitting_step(weight, bits, own, "max") for n, own in STEPS.items()}
        found = {n: fake_quantize(weight, s, 0, bits) for n, s in step.items()}
        off = {n: fig.percent(relative_error(weight, r)) for n, r in found.items()}
        pairs = zip(weight, found[steps], strict=True)
        errors = [relative_error(w, rounded) for w, rounded in pairs]
        bars = {"type": "bar", "orientation": "h", "x": errors, "y": [*range(rows)]}
        bars |= {"marker": {"color": PLACES}, "name": "error"}
        return fig.picture(
            f"{bits} bits, {steps}: off by {off[steps]}, the worst channel by "
            f"{fig.percent(max(errors))}",
            {"traces": channel_rows(weight, step[steps], bits), "x": x, "y": y},
            {"traces": [bars], "x": error_axis, "y": {**y, "title": {"text": ""}}},
            says=f"Dots are the {weight.shape[1]} weights of each of {rows} channels, "
            f"upright lines the places of its grid, {bits} bits. Off by "
            f"{' and by '.join(f'{o} with {n}' for n, o in off.items())}.",
            widths=[2, 1],
            height=560,
        )

    bits = choice("bits", BITS, 3)
    return explore(view, tabulate=2, bits=bits, steps=dropdown("steps", [*STEPS]))


def channel_rows(weight: Tensor, step: Tensor, bits: int) -> list[dict]:
    """A row for each channel: its weights as dots on the places of its grid."""
    most, (low, high) = weight.abs().max().item(), code_range(bits)
    places = torch.arange(low, high + 1) * step.expand(len(weight), 1)
    rows = torch.arange(len(weight)).unsqueeze(1)
    there = places.abs() <= 1.01 * most
    x, y = places[there].tolist(), rows.expand_as(places)[there].tolist()
    marker = {"symbol": "line-ns-open", "size": 22, "color": PLACES}
    grid = {"type": "scatter", "mode": "markers", "name": "places", "x": x, "y": y}
    dots = {"type": "scatter", "mode": "markers", "x": weight.flatten().tolist()}
    dots |= {"y": rows.expand_as(weight).flatten().tolist(), "name": "weights"}
    dots |= {"marker": {"color": WEIGHT, "size": 9}}
    return [{**grid, "marker": marker, "hoverinfo": "skip"}, dots]
