"""Tables of pictures: what a view draws at many positions, packed small.

A table says which control values it covers. It holds its first picture whole, the paths
at which pictures differ, each distinct value once, one row of numbers for each picture,
and the sentences. `plots.js` puts a picture together: the first one, then the row's
values at the paths. One picture alone is a table too, so there is only this format.
"""

import base64
import gzip
import json
import math
from collections.abc import Iterator

import numpy as np

Path = tuple[str | int, ...]  # such as ("data", 0, "marker", "color")
Place = bool | int | float | str | None  # a control's value, as the browser keeps it


def as_array(value: object) -> object:
    """Typed arrays of plotly, tensors, lists of floats as numpy; the rest as it is."""
    if isinstance(value, dict) and "bdata" in value:  # plotly: {dtype, bdata, shape}
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = str(value.get("shape", array.size))
        return array.reshape([int(length) for length in shape.split(",")])
    floats = isinstance(value, list | tuple) and all(type(x) is float for x in value)
    return np.asarray(value) if hasattr(value, "dtype") or floats else value


def jsonable(value: object) -> object:
    """What JSON can say of a value: numpy as numbers, not finite ones as null."""
    if isinstance(value, dict):
        return {key: jsonable(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return value if isinstance(value, bool | int | float | None) else str(value)


def as_json(value: object) -> str:
    """A value of a figure as JSON; arrays of floats keep 6 digits; a screen shows 4."""
    array = as_array(value)
    if not (isinstance(array, np.ndarray) and array.dtype.kind == "f"):
        return json.dumps(jsonable(array))
    array = array.astype(float)
    with np.errstate(all="ignore"):  # 0 and tiny numbers have no scale: kept
        scale = 10.0 ** (5 - np.floor(np.log10(np.abs(array))))
        array = np.where(np.isfinite(scale), np.round(array * scale) / scale, array)
    array[~np.isfinite(array)] = np.nan
    return json.dumps(array.tolist()).replace("NaN", "null")


def leaves(node: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """(path, value) of all in a figure that is not a dict; traces are looked into."""
    if isinstance(node, dict) and node and "bdata" not in node:
        children = node.items()
    elif path == ("data",) and node:
        children = enumerate(node)
    else:
        yield path, node
        return
    for key, child in children:
        yield from leaves(child, (*path, key))


def is_on(axis: list[Place], place: Place) -> bool:
    """Is it one of these? The browser's floats may differ in the last digits."""
    if place in axis:
        return True
    if not isinstance(place, float):
        return False
    return min(abs(x - place) for x in axis) < 1e-6 * (abs(axis[0]) + abs(axis[-1]))


class Table:
    """Pictures at all combinations of `axes`, added in the order of their product."""

    def __init__(self, axes: dict[str, list[Place]]):
        """`axes`: for each control the places (values in the browser) covered."""
        self.axes = axes
        self.rows: list[dict[Path, int] | None] = []
        self.sentences: list[str] = []
        self.numbers = {"null": 0}  # JSON of a value -> its number

    def add(self, figure: dict | None, sentence: str) -> None:
        """Append a picture. None: refused; the sentence says why, the picture stays."""
        self.sentences.append(sentence)
        if figure is None:
            self.rows.append(None)
            return
        values = ((path, as_json(value)) for path, value in leaves(figure))
        numbers = self.numbers
        self.rows.append({p: numbers.setdefault(v, len(numbers)) for p, v in values})

    def covers(self, places: dict[str, Place]) -> bool:
        """Is there a picture for these places of the controls?"""
        return all(is_on(axis, places[name]) for name, axis in self.axes.items())

    def packed(self) -> bytes:
        """The table as compressed JSON, values renumbered in the order of their use."""
        drawn = [row for row in self.rows if row is not None]
        paths = list(dict.fromkeys(path for row in drawn for path in row))
        varied = [p for p in paths if len({row.get(p, 0) for row in drawn}) > 1]
        used = {0: 0}  # number here -> number in the pack

        def renumber(row: dict[Path, int], paths: list[Path]) -> list[int]:
            return [used.setdefault(row.get(path, 0), len(used)) for path in paths]

        first = drawn[0] if drawn else {}
        pack = {
            "axes": self.axes,
            "sentences": self.sentences,
            "first": list(zip(first, renumber(first, list(first)), strict=True)),
            "paths": varied,
            "rows": [row and renumber(row, varied) for row in self.rows],
        }
        values = list(self.numbers)  # JSON already: joined as text
        joined = ",".join(values[number] for number in used)
        text = f'{json.dumps(pack)[:-1]}, "values": [{joined}]}}'
        return gzip.compress(text.encode(), compresslevel=6)
