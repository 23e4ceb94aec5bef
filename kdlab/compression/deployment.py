"""A net as a file that another engine runs, in float32 or int8; and what it costs.

ONNX and its engine are the extra `compress`: imported only where they are needed.
"""

import copy
import os
import time
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pandas as pd
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kdlab.compression.layers import baked
from kdlab.data import check_images, scaled
from kdlab.speed import cpu_threads
from kdlab.training import predict
from kdlab.weights import write_whole

Runner = Callable[[Tensor], Tensor]  # images -> logits
PART = 500  # images that an engine is given at once: more take memory, and gain nothing

# What makes products of 8-bit numbers fast, in the words of `torch.cpu`; in order.
INSTRUCTIONS = {"avx2": "AVX2", "avx512_f": "AVX-512", "avx_vnni": "VNNI"}
INSTRUCTIONS |= {"avx512_vnni": "VNNI", "amx_int8": "AMX", "neon": "NEON"}
INSTRUCTIONS |= {"dot": "dot product", "i8mm": "i8mm"}


def lacking() -> str:
    """What to install to run a net in another engine; empty if all is there."""
    try:
        for name in ("onnx", "onnxscript", "onnxruntime"):
            import_module(name)
    except ImportError as error:  # or a library of its own is missing
        return (
            "This needs onnx, onnxscript and onnxruntime, the extra `compress`: "
            f'python -m pip install -e ".[compress]" in the course\'s folder ({error}).'
        )
    return ""


def _check_engine() -> None:
    if said := lacking():
        raise ImportError(said)


def export(model: nn.Module, path: Path, images: Tensor) -> Path:
    """Write the model as one ONNX file in float32, for any number of images; its path.

    Images [N, C, H, W] give the shape: the file takes floats in [0, 1]. Masks and grids
    are baked in. In one step: a reader or a crash never meets half a file. Takes about
    three seconds the first time, then one.

    Raises ImportError as `lacking` says, ValueError if these are no images, OSError if
    the folder cannot be written.
    """
    _check_engine()
    check_images(images)
    if not len(images):
        raise ValueError("An export needs the shape of one image, got none.")
    two = scaled(images[:1]).cpu().repeat(2, *[1] * (images.ndim - 1))  # 1 is special
    program = torch.onnx.export(
        baked(model).cpu().eval(),
        (two,),
        dynamo=True,  # the other exporter is deprecated
        external_data=False,  # or the weights lie in a second file
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    return _store(path, program.model_proto)


def to_int8(
    source: Path,
    path: Path,
    images: Tensor,
    *,
    reduce_range: bool = False,
    every_layer: bool = False,
) -> Path:
    """Write an ONNX file anew with weights and activations of 8 bits; its new path.

    Ranges of activations are measured on these unlabelled images [N, C, H, W]; weights
    have a step for each channel. Activations are unsigned and weights signed: the pair
    that engines are fast with. `reduce_range` gives weights 7 bits, for processors
    without VNNI, whose sums of 8-bit products overflow. A convolution of fewer than
    four channels, as the first one is, stays in float32, unless `every_layer` is asked
    for: in 8 bits it takes up to six times as long. Written in one step.

    Raises ImportError as `lacking` says, ValueError if there are no images or the
    source is damaged, OSError if the folder cannot be written.
    """
    _check_engine()
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    check_images(images)
    if not len(images):
        raise ValueError("Ranges are measured on images, got none: give a hundred.")
    engine(source)  # says it if the file is damaged
    feed = ({"images": part.numpy()} for part in scaled(images).cpu().split(PART))
    with TemporaryDirectory() as folder:
        prepared, quantized = Path(folder) / "prepared", Path(folder) / "quantized"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        model = onnx.load(prepared)
        in_float = [] if every_layer else _thin_convolutions(model)
        quantize_static(
            onnx.shape_inference.infer_shapes(model),
            quantized,
            SimpleNamespace(get_next=partial(next, feed, None)),
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=in_float,
        )
        return _store(path, onnx.load(quantized))


def _thin_convolutions(model: object) -> list[str]:
    """Names of convolutions of fewer than four channels, which are quicker in float32.

    ReLU and pooling after one change places, which changes no answer: else the engine
    rounds before the pooling, and that and an 8-bit pooling take longer than the rest.
    """
    shapes = {weight.name: weight.dims for weight in model.graph.initializer}
    nodes, found = model.graph.node, []
    for conv, second, third in zip(nodes, nodes[1:], nodes[2:], strict=False):
        if conv.op_type == "Conv" and shapes[conv.input[1]][1] < 4:
            found.append(conv.name)
            if (second.op_type, third.op_type) == ("Relu", "MaxPool"):
                second.op_type, third.op_type = "MaxPool", "Relu"
                second.attribute.extend(third.attribute)
                third.ClearField("attribute")
    model.graph.ClearField("value_info")  # the shapes between them are other ones
    return found


def _store(path: Path, model: object) -> Path:
    """Write an ONNX model without what nobody runs: stack traces, inner shapes."""
    graph = model.graph
    graph.ClearField("value_info")
    for part in (model, graph, *graph.node, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    write_whole(path, model.SerializeToString())
    return path


def engine(path: Path, threads: int = 1) -> Runner:
    """An ONNX file in ONNX Runtime: images [N, C, H, W], also bytes -> logits [N, C].

    Raises ImportError as `lacking` says, FileNotFoundError, ValueError if the file is
    damaged.
    """
    _check_engine()
    import onnxruntime

    if not path.exists():
        raise FileNotFoundError(f"No {path.name} in {path.parent}: export it first.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3  # errors
    # threads that wait spinning slow down whoever is measured next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    where = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(path, options, providers=where)
    except Exception as error:  # the engine's errors have no class in common
        told = f"({str(error).splitlines()[0]}). Export it again."
        raise ValueError(f"{path.name} is damaged or no ONNX file {told}") from error

    def run(images: Tensor) -> Tensor:
        feeds = ({"images": part.numpy()} for part in scaled(images).split(PART))
        logits = [torch.from_numpy(session.run(None, feed)[0]) for feed in feeds]
        return torch.cat(logits)

    run.threads = threads
    return run


def race(
    models: dict[str, Runner], images: Tensor, *, rounds: int = 50, threads: int = 1
) -> pd.DataFrame:
    """Milliseconds that each model takes for these images; a row each, by name.

    Every round has a turn of each, so that what else the machine does hits all alike.
    Of the two calls of a turn the second counts: the first fetches the memory that the
    others pushed out. Median (`ms`) and quartiles (`low`, `high`). Modules are run on
    the CPU with these threads; other callables, such as an `engine`, bring their own,
    which must be as many.

    Raises ValueError for no model, no rounds, or an engine of other threads.
    """
    if not models or rounds < 1:
        raise ValueError(f"A race needs models and rounds, got {[*models]}, {rounds}.")
    for name, model in models.items():
        if (found := getattr(model, "threads", threads)) != threads:
            raise ValueError(
                f"{name!r} runs with threads={found}, the race with threads={threads}: "
                "open its engine with as many."
            )
        if isinstance(model, nn.Module):
            models = {**models, name: copy.deepcopy(model).eval()}
    images, times = scaled(images), {name: [] for name in models}
    with cpu_threads(threads), torch.inference_mode():
        for _ in range(rounds + 2):  # two warm up
            for name, run in models.items():
                run(images)
                start = time.perf_counter()
                run(images)
                times[name].append(1000 * (time.perf_counter() - start))
    quartiles = pd.DataFrame(times)[2:].quantile([0.5, 0.25, 0.75])
    table = quartiles.T.set_axis(["ms", "low", "high"], axis=1).rename_axis("model")
    return table.assign(batch=len(images), threads=threads, rounds=rounds)


def multiply_adds(model: nn.Module, images: Tensor) -> int:
    """Products and their sums that the model computes for one of these images."""
    with FlopCounterMode(display=False) as counter:
        predict(model, images[:1])
    return counter.get_total_flops() // 2  # a product and a sum count as two


def file_bytes(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size


def model_bytes(model: nn.Module) -> int:
    """Bytes of the model as a safetensors file: all that its state holds."""
    return len(_as_file(model))


def zipped_bytes(source: Path | nn.Module) -> int:
    """Bytes of a file, or of a model's, when zlib has done its best."""
    whole = _as_file(source) if isinstance(source, nn.Module) else source.read_bytes()
    return len(zlib.compress(whole, 9))


def _as_file(model: nn.Module) -> bytes:
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    return safetensors.torch.save(state)


def processor() -> dict[str, str]:
    """What a time depends on: this processor, its instructions, and the engines."""
    able = torch.cpu.get_capabilities()
    name, cores = able.get("cpu_name") or able["architecture"], os.cpu_count()
    known = {words: None for name, words in INSTRUCTIONS.items() if able.get(name)}
    engines = [f"torch {torch.__version__.partition('+')[0]}"]
    if find_spec("onnxruntime"):
        engines.append(f"onnxruntime {version('onnxruntime')}")
    return {
        "processor": f"{name}, {cores} core{'s' * (cores != 1)}",
        "instructions": ", ".join(known) or able["architecture"],
        "engine": ", ".join(engines),
    }


def has_vnni() -> bool:
    """Whether the processor adds up products of bytes at once and without overflow.

    VNNI on x86; on ARM the dot product.
    """
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("avx512_vnni", "avx_vnni", "dot"))
