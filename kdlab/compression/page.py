"""An int8 net as a small text, with which a page answers by itself: see student.js."""

import json
import re
import zlib
from base64 import b64encode
from pathlib import Path

import numpy as np

from kdlab.compression.deployment import engine
from kdlab.weights import write_whole

# What student.js can do. The digits: sizes, padding, strides, dilations, as sorted.
KNOWN = "Sub Div( QuantizeLinear( Conv1{8}33| MaxPool0{4}112{4}| Gemm)?)+"


def to_page(source: Path, path: Path, card: dict[str, object]) -> Path:
    """Write an int8 ONNX file anew as the text that `readNet` of student.js reads.

    The source: what `to_int8(..., every_layer=True)` made of an `mlp` or a `cnn`; with
    `reduce_range`, too, every processor's engine answers as the page. `card`: facts to
    show. Raises as `engine` does, and ValueError for what student.js cannot do.
    """
    engine(source)  # says it if the file is damaged, or none
    import onnx

    graph, layers = onnx.load(source).graph, []
    side = width = graph.input[0].type.tensor_type.shape.dim[2].dim_value
    way = [n for n in graph.node if n.op_type not in ("DequantizeLinear", "Reshape")]
    shapes = [sorted(str(i) for one in n.attribute for i in one.ints) for n in way]
    does = " ".join(n.op_type + "".join(s) for n, s in zip(way, shapes, strict=True))
    if not re.fullmatch(KNOWN, does) or side % 2 ** does.count("Pool"):
        raise ValueError(
            f"{source.name} is no mlp or cnn, of even sides where it pools, with every "
            "layer in 8 bits. Export one, and write it with to_int8(every_layer=True)."
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
    net = {"card": card, "side": side, "codes": codes, "layers": layers}
    net |= {"step": step.item(), "zero": zero.item()}  # of the logits
    rest = json.dumps(net, default=lambda array: b64encode(array).decode())[1:]
    first = f'{{"kdlab_student": 1, "adler32": {zlib.adler32(rest.encode())},\n'
    write_whole(path, (first + rest).encode())
    return path
