"""An int8 net as a small text, with which a page answers by itself: see student.js."""

import json
import zlib
from base64 import b64encode
from pathlib import Path

import numpy as np

from kdlab.compression.deployment import engine
from kdlab.weights import write_whole

# What student.js can do: these nodes, with these attributes, of one size both ways.
KNOWN = {"Sub": {}, "Div": {}, "QuantizeLinear": {}, "Gemm": {"transB": 1}}
KNOWN["Conv"] = {"kernel_shape": 3, "pads": 1, "strides": 1, "dilations": 1, "group": 1}
KNOWN["MaxPool"] = {"kernel_shape": 2, "pads": 0, "strides": 2, "dilations": 1}


def to_page(source: Path, path: Path, card: dict[str, object]) -> Path:
    """Write an int8 ONNX file anew as the text that `readNet` of student.js reads.

    The source: what `to_int8(..., every_layer=True)` made of an `mlp` or a `cnn`; with
    `reduce_range`, too, every processor's engine answers as the page. `card`: facts to
    show. Raises as `engine` does, and ValueError for what student.js cannot do.
    """
    engine(source)  # says it if the file is damaged, or none
    import onnx

    graph, layers = onnx.load(source).graph, []
    channels, side, width = (
        one.dim_value for one in graph.input[0].type.tensor_type.shape.dim[1:]
    )
    way = [n for n in graph.node if n.op_type not in ("DequantizeLinear", "Reshape")]
    pools = sum(node.op_type == "MaxPool" for node in way)
    square = channels == 1 and side == width and side % 2**pools == 0
    scaled = [node.op_type for node in way[:3]] == ["Sub", "Div", "QuantizeLinear"]
    if not (square and scaled and all(map(is_known, way))):
        raise ValueError(
            f"{source.name} is no mlp or cnn for grey squares, of even sides where it "
            "pools, with biases and every layer in 8 bits. Export one, and write it "
            "with to_int8(every_layer=True)."
        )
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    held = {node.output[0]: [*map(stored.get, node.input)] for node in graph.node}
    (_, mean), (_, spread), (_, step, zero) = (held[n.output[0]] for n in way[:3])
    greys = (np.arange(256, dtype=np.float32) / np.float32(255) - mean) / spread
    codes = np.clip(np.rint(greys / step) + zero, 0, 255).astype(np.uint8)
    for node, then in zip(way[3:], way[4:], strict=False):
        if node.op_type != "QuantizeLinear":
            layers.append({"kind": node.op_type, "side": width})
            width //= 2 if node.op_type == "MaxPool" else 1
        if node.op_type in ("Conv", "Gemm"):
            x, weights, (biases, *_) = (held[name] for name in node.input)
            _, step, zero = held[then.output[0]]
            layers[-1] |= {"zero": x[2].item(), "nextZero": zero.item()}
            layers[-1] |= {"weights": weights[0], "scales": x[1] * weights[1] / step}
            layers[-1]["biases"] = biases
    card = json.loads(json.dumps(card, allow_nan=False))  # facts only, and no arrays
    net = {"card": card, "side": side, "codes": codes, "layers": layers}
    net |= {"step": step.item(), "zero": zero.item()}  # of the logits
    rest = json.dumps(net, default=lambda array: b64encode(array).decode())[1:]
    first = f'{{"kdlab_student": 1, "adler32": {zlib.adler32(rest.encode())},\n'
    write_whole(path, (first + rest).encode())
    return path


def is_known(node: object) -> bool:
    """Whether student.js does what this node does."""
    said = {one.name: {*one.ints} or {one.i} for one in node.attribute}
    known, has_bias = KNOWN.get(node.op_type), len(node.input) == 3
    if known is None or (node.op_type in ("Conv", "Gemm") and not has_bias):
        return False
    return all(said.get(name) == {value} for name, value in known.items())
