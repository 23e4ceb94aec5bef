"""A still of a plotly figure, drawn by matplotlib: for pages without JavaScript.

It knows what the course's figures hold: lines, dots, words, bars, cells and images.
"""

import base64
import io
import math
from collections.abc import Callable

import matplotlib.image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import (
    LogLocator,
    MultipleLocator,
    NullLocator,
    StrMethodFormatter,
)

WIDTH, DOT = 1000, 0.72  # pixels; points in a pixel at 100 dots per inch
COLORS = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
DASHES = {"dash": "--", "dot": ":", "dashdot": "-."}
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "cross": "P", "star": "*"}
SYMBOLS |= {"triangle-up": "^", "line-ns": "|"}


def png(figure: dict, kind: str = "png") -> bytes:
    """The figure, {data, layout}, as a PNG, or as an "svg" with larger letters."""
    file, around = io.BytesIO(), "tight" if kind == "svg" else None
    drawn(figure, kind).savefig(file, format=kind, bbox_inches=around)
    return file.getvalue()


def drawn(figure: dict, kind: str) -> Figure:
    """The figure as matplotlib's."""
    layout, height = figure["layout"], figure["layout"].get("height", 340)
    inch = 120 if kind == "svg" else 100  # pixels; a slide is read from the back
    paper = Figure((WIDTH / inch, height / inch), dpi=inch)
    margin = {"l": 60, "r": 20, "t": 50, "b": 55} | layout.get("margin", {})
    if any("colorbar" in trace for trace in figure["data"]):
        margin["r"] += 80
    left, bottom = margin["l"] / WIDTH, margin["b"] / height
    inner = 1 - left - margin["r"] / WIDTH, 1 - bottom - margin["t"] / height

    def place(x: tuple, y: tuple) -> list[float]:
        """Shares of the paper for [from, to] of what is within the margins."""
        size = (x[1] - x[0]) * inner[0], (y[1] - y[0]) * inner[1]
        return [left + x[0] * inner[0], bottom + y[0] * inner[1], *size]

    parts = {}
    for number in sorted({trace.get("xaxis", "x")[1:] for trace in figure["data"]}):
        x, y = (layout.get(f"{name}axis{number}", {}) for name in "xy")
        spots = place(x.get("domain", (0, 1)), y.get("domain", (0, 1)))
        parts[number] = paper.add_axes(spots)
        draw_part(parts[number], number, figure, x, y)
    for image in layout.get("images", []):
        draw_image(paper, parts, image, place)
    title = (layout.get("title") or {}).get("text", "")
    spot = (0.98, "top") if kind == "png" else (top_of(paper) + 0.02, "bottom")
    paper.text(left, spot[0], title, va=spot[1], fontsize=13, wrap=True)
    return paper


def top_of(paper: Figure) -> float:
    """Where all that is drawn ends, legends of many rows too; 1 is the paper's end."""
    ruler = FigureCanvasAgg(paper).get_renderer()
    tops = [part.get_tightbbox(ruler).y1 for part in paper.axes if part.axison]
    return max(tops, default=paper.bbox.height) / paper.bbox.height


def draw_image(paper: Figure, parts: dict, image: dict, place: Callable) -> None:
    """An image of the layout, on the paper or among the points of a part."""
    pixels = pixels_of(image["source"])
    x, y, w, h = (image[key] for key in ("x", "y", "sizex", "sizey"))
    x -= w / 2 if image.get("xanchor") == "center" else 0
    if image.get("xref", "paper") == "paper":
        spot = paper.add_axes(place((x, x + w), (y - h, y)))
    else:
        part = parts[image["xref"][1:]]
        spot = part.inset_axes([x, y - h, w, h], transform=part.transData)
    spot.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    spot.axis("off")


def draw_part(part, number: str, figure: dict, x: dict, y: dict) -> None:
    """The traces of one pair of axes."""
    traces = [
        {"color": COLORS[place % len(COLORS)], **trace}
        for place, trace in enumerate(figure["data"])
        if trace.get("xaxis", "x")[1:] == number
    ]
    bars = [trace for trace in traces if trace.get("type") == "bar"]
    for trace in traces:
        kind = trace.get("type", "scatter")
        if kind == "bar":
            draw_bars(part, trace, bars.index(trace), len(bars))
        elif kind == "heatmap":
            draw_cells(part, trace)
        else:
            draw_points(part, trace)
    for name, axis in (("x", x), ("y", y)):
        set_axis(part, name, axis)
    part.spines[:].set_visible(False)
    part.set_axisbelow(True)
    named = [trace for trace in traces if trace.get("showlegend") is not False]
    if figure["layout"].get("showlegend") and any(trace.get("name") for trace in named):
        part.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False)


def set_axis(part, name: str, axis: dict) -> None:
    """Scale, ends, ticks and title of one axis."""
    own = {"x": part.xaxis, "y": part.yaxis}[name]
    ends, log = axis.get("range"), axis.get("type") == "log"
    if log:
        getattr(part, f"set_{name}scale")("log")
    if ends:
        getattr(part, f"set_{name}lim")(*(10**end if log else end for end in ends))
    elif axis.get("autorange") == "reversed":
        own.set_inverted(True)
    if log:
        set_powers(own, axis.get("dtick", 1))
    elif isinstance(axis.get("dtick"), int | float):
        own.set_major_locator(MultipleLocator(axis["dtick"]))
    if "tickvals" in axis:
        own.set_ticks(axis["tickvals"], axis.get("ticktext", axis["tickvals"]))
        own.set_ticks([], minor=True)
    if axis.get("showticklabels") is False:
        own.set_tick_params(labelleft=False, labelbottom=False)
    own.set_tick_params(length=0, labelsize=10, pad=3)
    title = (axis.get("title") or {}).get("text", "")
    own.set_label_text(title, fontsize=11)
    own.labelpad = 2
    own.set_visible(axis.get("visible", True))
    if axis.get("showgrid", True) and axis.get("visible", True):
        part.grid(axis=name, color="#DDDDDD")


def set_powers(own, step: int) -> None:
    """Ticks at powers of ten; where there is one at most, at numbers between, too."""
    low, high = (math.log10(end) for end in sorted(own.get_view_interval()))
    powers = math.floor(high) - math.ceil(low) + 1
    inches = own.axes.get_window_extent().width / own.axes.figure.dpi
    while own.axis_name == "x" and powers / step > 2 * inches:  # no room for so many
        step += 1
    if powers > step:
        own.set_major_locator(LogLocator(base=10.0**step, numticks=99))
    else:
        own.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=99))
        own.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
    own.set_minor_locator(NullLocator())


def numbers(values: list) -> list:
    """None is a hole in a line."""
    return [math.nan if value is None else value for value in values]


def draw_points(part, trace: dict) -> None:
    """A line, dots, words, or all three."""
    y = numbers(trace.get("y") or [])
    x, mode = numbers(trace.get("x") or range(len(y))), trace.get("mode", "lines")
    line, marker = trace.get("line", {}), trace.get("marker", {})
    alpha, name = trace.get("opacity", 1), trace.get("name", "")
    if trace.get("showlegend") is False or not name:
        name = "_" + name
    color = line.get("color") or trace["color"]
    if "lines" in mode and line.get("width", 2):
        style = {"ls": DASHES.get(line.get("dash"), "-"), "alpha": alpha, "label": name}
        style["drawstyle"] = "steps-post" if line.get("shape") == "hv" else "default"
        part.plot(x, y, color=color, lw=DOT * line.get("width", 2), **style)
        name = "_"
    if "error_y" in trace:
        part.errorbar(x, y, trace["error_y"]["array"], fmt="none", ecolor=color)
    if "markers" in mode:
        draw_dots(part, x, y, {"color": color, "opacity": alpha, **marker}, name)
    if "text" in mode:
        at = trace.get("textposition", "middle center").split()
        align = {"left": "right", "right": "left"}.get(at[-1], "center")
        side = {"top": "bottom", "bottom": "top"}.get(at[0], "center")
        for here, there, word in zip(x, y, trace["text"], strict=True):
            lines = str(word).replace("<br>", "\n")
            part.text(here, there, lines, ha=align, va=side, fontsize=10, clip_on=True)


def draw_dots(part, x: list, y: list, marker: dict, name: str) -> None:
    """Dots; size, colour and symbol are one for all, or one each."""
    each = {"symbol": "circle", "size": 6, "color": COLORS[0], **marker}
    each = {
        key: each[key] if isinstance(each[key], list) else [each[key]] * len(x)
        for key in ("symbol", "size", "color")
    }
    for symbol in dict.fromkeys(each["symbol"]):
        here = [at for at, one in enumerate(each["symbol"]) if one == symbol]
        colors = [each["color"][at] for at in here]
        style = {"marker": SYMBOLS.get(symbol.removesuffix("-open"), "o")}
        style |= {"s": [(DOT * each["size"][at]) ** 2 for at in here], "label": name}
        style |= {"linewidths": DOT * (marker.get("line") or {}).get("width", 1)}
        if symbol.endswith("-open") and style["marker"] != "|":
            style |= {"facecolors": "none", "edgecolors": colors}
        else:
            style["c"] = colors
        spots = [x[at] for at in here], [y[at] for at in here]
        part.scatter(*spots, alpha=marker["opacity"], zorder=3, **style)
        name = "_"


def draw_bars(part, trace: dict, place: int, of: int) -> None:
    """Bars, beside those of other traces."""
    flat, marker = trace.get("orientation") == "h", trace.get("marker", {})
    names, values = (trace[key] for key in ("yx" if flat else "xy"))
    wide = trace.get("width", 0.75 / of)
    at = names
    if any(isinstance(name, str) for name in names):
        at = [row + wide * (place - (of - 1) / 2) for row in range(len(names))]
        (part.set_yticks if flat else part.set_xticks)(range(len(names)), names)
    draw = part.barh if flat else part.bar
    color = marker.get("color", trace["color"])
    hatch = 2 * (marker.get("pattern") or {}).get("shape", "")
    style = {"color": color, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
    bars = draw(at, numbers(values), wide, **style, label=trace.get("name") or "_")
    opacity = marker.get("opacity", 1)
    for number, bar in enumerate(bars):
        bar.set_alpha(opacity[number] if isinstance(opacity, list) else opacity)


def draw_cells(part, trace: dict) -> None:
    """Coloured cells with their numbers, and the scale of the colours."""
    rows = [numbers(row) for row in trace["z"]]
    scale = trace.get("colorscale")
    known = isinstance(scale, list)
    colors = LinearSegmentedColormap.from_list("", scale) if known else "viridis"
    ends = {"vmin": trace.get("zmin"), "vmax": trace.get("zmax")}
    cells = part.imshow(rows, cmap=colors, aspect="auto", origin="lower", **ends)
    for row, texts in enumerate(trace.get("text") or []):
        for column, text in enumerate(texts):
            part.text(column, row, text, ha="center", va="center", fontsize=8)
    if trace.get("showscale") is not False:
        bar = part.figure.colorbar(cells, ax=part, fraction=0.04, pad=0.02)
        settings = trace.get("colorbar", {})
        bar.set_label((settings.get("title") or {}).get("text", ""))
        if "tickvals" in settings:
            bar.set_ticks(settings["tickvals"], labels=settings.get("ticktext"))


def pixels_of(address: str) -> object:
    """The image that stands in its own address."""
    pixels = matplotlib.image.imread(
        io.BytesIO(base64.b64decode(address.partition(",")[2])), format="png"
    )
    return (pixels * 255).astype("uint8")
