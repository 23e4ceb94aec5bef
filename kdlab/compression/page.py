"""An int8 net as a small text, with which a page answers by itself: see student.js."""

import json
import zlib
from base64 import b64encode
from pathlib import Path

import numpy as np

from kdlab.compression.deployment import engine
from kdlab.weights import write_whole

STUDENT_JS = Path(__file__).with_name("student.js")

# What student.js can do: its names of a file's steps, and what these must say.
KINDS = {"Conv": "conv", "MaxPool": "pool", "Gemm": "dense"}
SAID = {"Conv": {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [1, 1]}}
SAID |= {"MaxPool": {"kernel_shape": [2, 2], "pads": [0] * 4, "strides": [2, 2]}}
SAID |= {"Gemm": {"transB": 1}}
START, AROUND = ["Sub", "Div", "QuantizeLinear"], {"QuantizeLinear", "Reshape"}


def to_page(source: Path, path: Path, *, side: int = 28, **card: object) -> Path:
    """Write an int8 ONNX file anew as the text that `readNet` of student.js reads.

    The source is what `to_int8(..., every_layer=True)` made of an `mlp` or a `cnn` for
    grey images of side × side pixels; with `reduce_range`, too, engines answer like the
    page on every processor. Its whole numbers stay as they are. `card`: facts to show,
    such as who taught it. The first line has a checksum of the rest. Written in one
    step; its path.

    Raises ImportError as `lacking` says, FileNotFoundError, ValueError if the source is
    damaged or does what student.js cannot.
    """
    engine(source)  # says it if the file is damaged, or none
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(source).graph
    numbers = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    way = [node for node in graph.node if node.op_type != "DequantizeLinear"]
    if [node.op_type for node in way[:3]] != START or not all(map(_known, way[3:])):
        done = ", ".join(node.op_type for node in way)
        raise ValueError(
            f"A page runs dense layers, 3×3 convolutions and 2×2 pooling, all in 8 "
            f"bits; {source.name} does {done}. Write it with to_int8(every_layer=True)."
        )
    given = {  # [codes, step, zero], of what is stored, or will be by what comes before
        node.output[0]: [numbers.get(name) for name in node.input]
        for node in graph.node
        if node.op_type == "DequantizeLinear"
    }
    after = {  # step and zero of what is rounded next
        node.input[0]: [numbers[name] for name in node.input[1:]]
        for node in way
        if node.op_type == "QuantizeLinear"
    }
    layers = [_layer(node, given, after) for node in way if node.op_type in KINDS]
    (mean, spread), (step, zero) = (numbers[n.input[1]] for n in way[:2]), after["div"]
    greys = (np.arange(256, dtype=np.float32) / np.float32(255) - mean) / spread
    codes = np.clip(np.rint(greys / step) + zero, 0, 255).astype(np.uint8)
    step, zero = numbers[way[-1].input[1]], numbers[way[-1].input[2]]
    whole = {"card": card, "side": side, "codes": _packed(codes), "layers": layers}
    rest = json.dumps({**whole, "step": float(step), "zero": int(zero)})[1:]
    first = f'{{"form": "kdlab-student-1", "crc32": "{zlib.crc32(rest.encode()):08x}",'
    write_whole(path, f"{first}\n{rest}".encode())
    return path


def _known(node: object) -> bool:
    """Whether student.js does what a node says."""
    said = {one.name: one.i or [*one.ints] for one in node.attribute}
    asked = SAID.get(node.op_type, {}).items()
    return node.op_type in {*KINDS, *AROUND} and all(said[k] == v for k, v in asked)


def _layer(node: object, given: dict, after: dict) -> dict[str, object]:
    """What student.js needs of a convolution, a dense layer or a pooling."""
    kind = KINDS[node.op_type]
    if kind == "pool":
        return {"kind": kind}
    (_, step, zero), (weights, steps, _), (biases, *_) = map(given.get, node.input)
    next_step, next_zero = after[node.output[0]]
    layer = {"kind": kind, "zero": int(zero), "nextZero": int(next_zero)}
    packed = {"scales": step * steps / next_step, "biases": biases, "weights": weights}
    return layer | {name: _packed(values) for name, values in packed.items()}


def _packed(values: np.ndarray) -> str:
    """The bytes of an array as text."""
    return b64encode(values.tobytes()).decode()
