"""Pictures: functions from numbers to a figure of plotly, as a plain dict.

A picture is a row of *parts* (an image, bars, curves), put together by `picture`.
Fonts, text colour and background are the page's: `panels` adds them in the browser.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PIL import Image
from torch import Tensor

# Okabe and Ito's colours, told apart also by the colour-blind; never colour alone.
TEACHER, STUDENT, LABELS = "#0072B2", "#D55E00", "#999999"
SOFTENED, OTHER = "#56B4E9", "#009E73"  # the teacher softened; neither
STUDENTS = "#F0AE80", "#E37F3B", STUDENT  # kinds of them, told apart also by shape
TEMPERATURE_TICKS = [0.25, 0.5, 1, 2, 4, 8, 16, 32]
GAP = 0.09  # of the width, between two parts: room for an axis title
TITLE = {"xref": "paper", "x": 0, "xanchor": "left", "y": 0.98, "yanchor": "top"}
LONGEST = 10  # letters of a name that stands in the gap or under an axis
DASHES = ["solid", "dash", "dot", "dashdot", "18px,3px"]
HATCHES = ["", "/", "x"]
SYMBOLS = ["circle", "square", "diamond", "cross", "star"]

Part = dict  # {"traces": [...], "x": axis, "y": axis} or {"image": address}


class Drawn(NamedTuple):
    """What a view returns: a figure (data and layout) and its sentence."""

    figure: dict
    sentence: str


def picture(
    title: str,
    *parts: Part,
    says: str,
    widths: Sequence[float] | None = None,
    height: int = 360,
    legend: bool = False,
) -> Drawn:
    """The parts in one row, `widths` as shares of it.

    The title states the finding, `says` is the sentence beneath. The margin on the left
    has room for the names of the first part's rows; names of the others are cut.
    """
    widths = widths or [1.0] * len(parts)
    unit = (1 - GAP * (len(parts) - 1)) / sum(widths)
    left, parts = _room_for_names(parts[0]), [parts[0], *map(_with_short, parts[1:])]
    margin = {"l": left, "r": 20, "t": 84 if legend else 56, "b": _room_under(parts)}
    layout = {
        "title": {"text": title, **TITLE},
        "height": height,
        "margin": margin,
        "showlegend": legend,
        "images": [],
        "bargap": 0.25,
    }
    traces, start, number = [], 0.0, 0
    for part, width in zip(parts, widths, strict=True):
        domain = [start, min(start + width * unit, 1.0)]
        start = domain[1] + GAP
        if "image" in part:
            layout["images"].append(_placed(part["image"], domain))
            continue
        number += 1
        name = "" if number == 1 else str(number)
        layout[f"xaxis{name}"] = {"domain": domain, "anchor": f"y{name}", **part["x"]}
        layout[f"yaxis{name}"] = {"anchor": f"x{name}", **part["y"]}
        over = {"orientation": "h", "x": domain[0], "y": 1, "yanchor": "bottom"}
        layout[f"legend{name}"] = over  # under the title
        axes = {"xaxis": f"x{name}", "yaxis": f"y{name}", "legend": f"legend{name}"}
        traces += [{**trace, **axes} for trace in part["traces"]]
        within = {"xref": axes["xaxis"], "yref": axes["yaxis"], "sizing": "contain"}
        layout["images"] += [{**i, **within} for i in part.get("images", [])]
    return Drawn({"data": traces, "layout": layout}, says)


def image(pixels: Tensor) -> Part:
    """One image [1 or 3, H, W] in [0, 1] or bytes."""
    return {"image": image_address(pixels)}


def gallery(pictures: Tensor, captions: Sequence[str], columns: int) -> Part:
    """Images [N, 1 or 3, H, W] in rows of `columns`, a caption under each."""
    rows = -(-len(pictures) // columns)
    places = [(i % columns, rows - 1 - i // columns) for i in range(len(pictures))]
    images = [
        {"source": image_address(picture), "x": x + 0.5, "y": y + 1}
        | {"sizex": 0.9, "sizey": 0.64, "xanchor": "center", "yanchor": "top"}
        for picture, (x, y) in zip(pictures, places, strict=True)
    ]
    words = {
        "type": "scatter",
        "mode": "text",
        "x": [x + 0.5 for x, _ in places],
        "y": [y + 0.2 for _, y in places],
        "text": list(captions),
        "hoverinfo": "skip",
    }
    hidden = {"visible": False, "fixedrange": True}
    x, y = {**hidden, "range": [0, columns]}, {**hidden, "range": [0, rows]}
    return {"traces": [words], "x": x, "y": y, "images": images}


def image_address(pixels: Tensor) -> str:
    """An image [1 or 3, H, W], in [0, 1] or bytes, as a PNG in its own address."""
    pixels = (pixels * 255).round().byte() if pixels.is_floating_point() else pixels
    array = pixels.movedim(0, -1).cpu().numpy()
    file = io.BytesIO()
    Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array).save(
        file, "PNG"
    )
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def class_bars(
    values: Tensor,
    class_names: Sequence[str],
    *,
    title: str = "probability",
    color: str = TEACHER,
    name: str = "",
    scale: Sequence[float] = (0, 1),
    log: bool = False,
) -> Part:
    """One value for each class [classes] as bars on a scale that stays.

    With `log` the scale is in powers of ten, and bars start at its left end.
    """
    numbers = values.tolist()
    ends = [10.0**end for end in scale] if log else list(scale)
    bars = {"type": "bar", "orientation": "h", "y": list(class_names)}
    bars |= {"x": [max(number, ends[0]) for number in numbers] if log else numbers}
    bars |= {"hovertemplate": "%{y}: %{customdata:.3g}<extra></extra>"}
    bars |= {"customdata": numbers, "name": name, "marker": {"color": color}}
    x = axis(title, scale, log=log) | ({"dtick": 2} if log else {})
    y = {"type": "category", "autorange": "reversed", "ticksuffix": " "}
    y["fixedrange"] = True
    return {"traces": [bars], "x": x, "y": y}


def grouped_bars(
    answers: Mapping[str, tuple[Tensor, str]],
    class_names: Sequence[str],
    title: str = "probability",
) -> Part:
    """Named answers ([classes], colour) as bars beside each other, class by class.

    They are hatched differently, too.
    """
    traces = []
    for number, (name, (probs, color)) in enumerate(answers.items()):
        part = class_bars(probs, class_names, name=name, color=color, title=title)
        hatch = {"shape": HATCHES[number % len(HATCHES)], "size": 6, "solidity": 0.25}
        hatch |= {"fillmode": "overlay", "fgcolor": "white"}
        part["traces"][0]["marker"]["pattern"] = hatch
        traces += part["traces"]
    return {**part, "traces": traces}


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    here: float,
    axes: tuple[dict, dict],
    colors: Sequence[str],
    *marks: dict,
) -> Part:
    """Named curves over x, a large dot on each where the slider is, and `marks`."""
    traces = []
    at = nearest(x, here)
    for number, (name, y) in enumerate(lines.items()):
        color, symbol = colors[number % len(colors)], SYMBOLS[number % len(SYMBOLS)]
        style = {"color": color, "dash": DASHES[number % len(DASHES)], "width": 3}
        traces.append(
            {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y)}
            | {"name": name, "line": style}
        )
        marker = {"size": 15, "symbol": symbol, "color": color}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": [x[at]], "y": [y[at]]}
            | {"name": name, "marker": marker, "showlegend": False}
        )
    return {"traces": [*traces, *marks], "x": axes[0], "y": axes[1]}


def nearest(places: Sequence[float], here: float) -> int:
    """The number of the place that is closest: where a slider is on a curve."""
    return min(range(len(places)), key=lambda i: abs(places[i] - here))


def upright(x: float, ends: Sequence[float], name: str) -> dict:
    """A dotted grey line at x: a mark for `curves`."""
    line = {"color": LABELS, "dash": "dot", "width": 2}
    place = {"x": [x, x], "y": list(ends), "name": name, "line": line}
    return {"type": "scatter", "mode": "lines", **place}


def reliability_bars(table: Mapping[str, Tensor], color: str) -> Part:
    """Accuracy of the answers in each bin of confidence; on the dashes is calibrated.

    `table` is that of `metrics.reliability`; the paler a bar, the fewer its examples.
    """
    bins = len(table["share"])
    share = (table["share"] / table["share"].max()).sqrt()
    bars = {
        "type": "bar",
        "name": "accuracy",
        "x": [(number + 0.5) / bins for number in range(bins)],
        "y": table["accuracy"].nan_to_num(0).tolist(),
        "width": 0.9 / bins,
        "marker": {"color": color, "opacity": (0.25 + 0.75 * share).tolist()},
    }
    diagonal = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1]}
    diagonal |= {"name": "calibrated", "line": {"color": LABELS, "dash": "dash"}}
    ends = [0, 1]
    x, y = axis("confidence", ends), axis("accuracy", ends)
    return {"traces": [bars, diagonal], "x": x, "y": y}


def axis(
    title: str,
    ends: Sequence[float] | None = None,
    *,
    log: bool = False,
    ticks: Mapping[str, float] | None = None,
) -> dict:
    """An axis that no drag moves: its `ends` (powers of ten if `log`), named ticks."""
    fixed = {"title": {"text": title}, "fixedrange": True}
    if ends is not None:
        fixed["range"] = list(ends)
    if log:
        fixed |= {"type": "log", "dtick": 1, "exponentformat": "power"}
    if ticks:
        fixed |= {"tickvals": [*ticks.values()], "ticktext": [*ticks]}
    return fixed


def ticks_at(examples: int, shares: Sequence[float]) -> dict[str, int]:
    """Named ticks at about these shares of the examples, whole numbers from 1 on."""
    places = (round(share * examples) for share in shares)
    return {f"{place:,}": place for place in places if place}


def temperature_axis(
    title: str = "temperature T", ticks: Sequence[float] = TEMPERATURE_TICKS
) -> dict:
    """The x axis of everything that is drawn over T: powers of two, equally far."""
    ends = [math.log10(min(ticks) * 0.87), math.log10(max(ticks) * 1.15)]
    return axis(title, ends, log=True, ticks={f"{t:g}": t for t in ticks})


def _room_for_names(part: Part) -> int:
    """Pixels on the left of a part, for the names of its rows or bars."""
    y = part.get("y", {})
    bars = part["traces"][0]["y"] if y.get("type") == "category" else []
    return max([60, *(12 + 8 * len(name) for name in y.get("ticktext", bars))])


def _room_under(parts: Sequence[Part]) -> int:
    """Pixels under the parts, for names that plotly turns where they are long."""
    names = (text for part in parts for text in part.get("x", {}).get("ticktext", []))
    return 60 + 7 * max([0, *(len(name) - len("100,000") for name in names)])


def _with_short(part: Part) -> Part:
    """The part with names that fit into the gap on its left, cut if need be."""
    y = part.get("y", {})
    names = part["traces"][0]["y"] if y.get("type") == "category" else []
    if not any(len(name) > LONGEST for name in names):
        return part
    return {**part, "y": {**y, "tickvals": names, "ticktext": [*map(short, names)]}}


def short(name: str) -> str:
    """The name, its end cut off if it is long."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _placed(address: str, domain: Sequence[float]) -> dict:
    """An image in its share of the row."""
    place = {"x": domain[0], "y": 1, "sizex": domain[1] - domain[0], "sizey": 1}
    where = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top"}
    return {"source": address, "sizing": "contain", "layer": "above", **place, **where}
