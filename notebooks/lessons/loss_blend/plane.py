"""Traces in a plane; classes are told apart by their colours and shapes."""

from torch import Tensor

from kdlab import figures as fig

# Of classes, so neither a teacher's colour nor a student's: green, pink and olive.
COLORS, SYMBOLS = [fig.OTHER, "#CC79A7", "#9A9A00"], ["circle", "square", "diamond"]


def trace(places: Tensor, mode: str, **style: object) -> dict:
    """Dots or lines through places [N, 2]; NaN interrupts them."""
    x, y = places.T.tolist()
    return {"type": "scatter", "mode": mode, "x": x, "y": y, **style}


def class_dots(places: Tensor, labels: Tensor, **marker: object) -> dict:
    """Dots at places [N, 2] of the classes that the labels [N] name."""
    marker["color"] = [COLORS[label] for label in labels.tolist()]
    marker["symbol"] = [SYMBOLS[label] for label in labels.tolist()]
    return trace(places, "markers", marker=marker, hoverinfo="skip")
