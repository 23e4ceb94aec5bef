"""A net as a file that another engine runs, in float32 or int8; and what it costs.

ONNX and its engine are the extra `compress`: imported only where they are needed.
"""

import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
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
from kdlab.training import modes_of, predict, set_modes

PART = 500  # images that an engine is given at once: more take memory, and gain nothing

# What makes products of 8-bit numbers fast, in the words of `torch.cpu`; in order.
INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512_f": "AVX-512",
    "avx_vnni": "VNNI",
    "avx512_vnni": "VNNI",
    "amx_int8": "AMX",
    "neon": "NEON",
    "dot": "dot product",
    "i8mm": "i8mm",
}


def lacking() -> str:
    """What to install to run a net in another engine; empty if all is there."""
    try:
        for name in ("onnx", "onnxruntime"):
            import_module(name)
        if find_spec("onnxscript") is None:
            raise ImportError("No module named 'onnxscript'")
    except ImportError as error:
        return (
            "This needs onnx, onnxscript and onnxruntime, the extra `compress`: "
            f'python -m pip install -e ".[compress]" in the course\'s folder ({error}).'
        )
    return ""


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
    plain = baked(model).cpu().eval()
    two = scaled(images[:1]).cpu().repeat(2, *[1] * (images.ndim - 1))  # 1 is special
    program = torch.onnx.export(
        plain,
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
    parts = iter(scaled(images).cpu().split(PART))
    feed = ({"images": part.numpy()} for part in parts)
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


def engine(path: Path, threads: int = 1) -> Callable[[Tensor], Tensor]:
    """An ONNX file in ONNX Runtime: images [N, C, H, W], also bytes -> logits [N, C].

    Raises ImportError as `lacking` says, FileNotFoundError, ValueError if the file is
    damaged.
    """
    _check_engine()
    import onnxruntime

    if not path.exists():
        raise FileNotFoundError(f"No {path.name} in {path.parent}: export it first.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    where = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(path, options, providers=where)
    except Exception as error:  # the engine's errors have no class in common
        said = str(error).splitlines()[0]
        raise ValueError(
            f"{path.name} is damaged or no ONNX file ({said}). Export it again."
        ) from error
    name = session.get_inputs()[0].name

    def run(images: Tensor) -> Tensor:
        parts = (part.numpy() for part in scaled(images).split(PART))
        found = [torch.from_numpy(session.run(None, {name: x})[0]) for x in parts]
        return torch.cat(found) if len(found) > 1 else found[0]

    run.threads = threads
    return run


def race(
    models: dict[str, nn.Module | Callable[[Tensor], Tensor]],
    images: Tensor,
    *,
    rounds: int = 50,
    threads: int = 1,
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
        raise ValueError(
            f"A race needs models and rounds, got {list(models)}, {rounds}"
        )
    for name, model in models.items():
        if (found := getattr(model, "threads", threads)) != threads:
            raise ValueError(
                f"{name!r} runs with threads={found}, the race with threads={threads}: "
                "open its engine with as many."
            )
    with cpu_threads(threads), torch.inference_mode(), _evaluating(models.values()):
        times = pd.DataFrame(_rounds(models, scaled(images), rounds), columns=[*models])
    quartiles = times.quantile([0.5, 0.25, 0.75]).T
    table = quartiles.set_axis(["ms", "low", "high"], axis=1).rename_axis("model")
    return table.assign(batch=len(images), threads=threads, rounds=rounds)


def _rounds(models: dict[str, Callable], images: Tensor, rounds: int) -> list[list]:
    """Milliseconds of each model in each round, after two rounds to warm up."""
    found = []
    for _ in range(rounds + 2):
        found.append([])
        for model in models.values():
            model(images)
            start = time.perf_counter()
            model(images)
            found[-1].append(1000 * (time.perf_counter() - start))
    return found[2:]


@contextmanager
def _evaluating(models: Iterable[object]) -> Iterator[None]:
    """Modules are in evaluation mode inside, and in their own modes again outside."""
    modes = [modes_of(model) for model in models if isinstance(model, nn.Module)]
    try:
        for parts in modes:
            set_modes(dict.fromkeys(parts, False))
        yield
    finally:
        for parts in modes:
            set_modes(parts)


def multiply_adds(model: nn.Module, images: Tensor) -> int:
    """Products and their sums that the model computes for one of these images."""
    with FlopCounterMode(display=False) as counter:
        predict(model, images[:1])
    return counter.get_total_flops() // 2  # a product and a sum count as two


def file_bytes(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size


def zipped_bytes(source: Path | nn.Module) -> int:
    """Bytes of a file, or of a model's, when zlib has done its best."""
    whole = source.read_bytes() if isinstance(source, Path) else _as_file(source)
    return len(zlib.compress(whole, 9))


def model_bytes(model: nn.Module) -> int:
    """Bytes of the model as a safetensors file: all that its state holds."""
    return len(_as_file(model))


def processor() -> dict[str, str]:
    """What a time depends on: this processor, its instructions, and the engines."""
    able = torch.cpu.get_capabilities()
    known = {words: None for name, words in INSTRUCTIONS.items() if able.get(name)}
    engines = {"torch": torch.__version__.partition("+")[0]}
    if find_spec("onnxruntime"):
        engines["onnxruntime"] = version("onnxruntime")
    name, cores = able.get("cpu_name") or able["architecture"], os.cpu_count()
    return {
        "processor": f"{name}, {cores} core{'s' * (cores != 1)}",
        "instructions": ", ".join(known) or able["architecture"],
        "engine": ", ".join(f"{name} {number}" for name, number in engines.items()),
    }


def has_vnni() -> bool:
    """Whether the processor adds up products of bytes at once and without overflow.

    VNNI on x86; on ARM the dot product.
    """
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("avx512_vnni", "avx_vnni", "dot"))


def _thin_convolutions(model: object) -> list[str]:
    """Names of what is quicker in float32: convolutions of fewer than four channels.

    If ReLU and pooling follow, these are left with it, and change places, which changes
    no answer: else the engine moves the rounding before the pooling, where it and an
    8-bit pooling take longer than all the rest.
    """
    shapes = {weight.name: weight.dims for weight in model.graph.initializer}
    nodes, found = model.graph.node, []
    for conv, relu, pool in zip(nodes, nodes[1:], nodes[2:], strict=False):
        if conv.op_type != "Conv" or _channels(conv, shapes) > 3:
            continue
        found.append(conv.name)
        if (relu.op_type, pool.op_type) == ("Relu", "MaxPool"):
            found += [relu.name, pool.name]
            ends = relu.input[0], relu.output[0], pool.output[0]
            text = relu.SerializeToString()
            relu.CopyFrom(pool)
            pool.ParseFromString(text)
            relu.input[0], relu.output[0] = ends[:2]
            pool.input[0], pool.output[0] = ends[1:]
    model.graph.ClearField("value_info")  # the shapes between them are other ones
    return found


def _channels(conv: object, shapes: dict[str, list[int]]) -> int:
    """Of the images that an ONNX convolution reads."""
    groups = [setting.i for setting in conv.attribute if setting.name == "group"]
    return shapes[conv.input[1]][1] * (groups or [1])[0]


def _check_engine() -> None:
    if said := lacking():
        raise ImportError(said)


def _as_file(model: nn.Module) -> bytes:
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    return safetensors.torch.save(state)


def _store(path: Path, model: object) -> Path:
    """Write an ONNX model without what nobody runs: stack traces, inner shapes."""
    graph = model.graph
    graph.ClearField("value_info")
    parts = [graph.node, graph.input, graph.output, graph.initializer]
    for part in [model, graph, *(one for many in parts for one in many)]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(model.SerializeToString())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}). Give a path in a "
            "folder of your own."
        ) from error
    return path
