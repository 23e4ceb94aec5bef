"""Real files in a real engine, raced on this machine; and numbers of half the bits."""

import copy
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from torch import Tensor, nn

from kdlab import compression as small
from kdlab.data import scaled
from kdlab.experiments import EAGER, FLOAT, INT8
from kdlab.results import load_runs
from kdlab.training import predict

BATCHES = {1: 100, 128: 20}  # images at once, and rounds
HALVES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
Runners = dict[str, Callable[[Tensor], Tensor]]


def engines_of(model: nn.Module, images: Tensor) -> tuple[Runners, dict[str, int]]:
    """{name: images -> logits} of a net here and in another engine; bytes of each.

    The ranges of activations are measured on these images [N, C, H, W]. Without the
    extra `compress` the net is alone, and one line says what to install.
    """
    runners, sizes = {EAGER: model}, {EAGER: small.model_bytes(model)}
    if said := small.lacking():
        print(f"{said} The stored tables below show what you would see.")
        return runners, sizes
    with TemporaryDirectory() as folder:
        files = {FLOAT: small.export(model, Path(folder, "float32.onnx"), images)}
        files[INT8] = small.to_int8(files[FLOAT], Path(folder, "int8.onnx"), images)
        runners |= {name: small.engine(path) for name, path in files.items()}
        sizes |= {name: small.file_bytes(path) for name, path in files.items()}
    return runners, sizes


def race_table(
    runners: Runners, sizes: dict[str, int], columns: dict[str, Tensor]
) -> pd.DataFrame:
    """Bytes, errors on all images, and milliseconds for 1 and for 128 of them."""
    images, labels = columns["images"], columns["labels"]
    table = pd.DataFrame({"kB": {n: round(size / 1000) for n, size in sizes.items()}})
    table["errors"] = [errors(run, images, labels) for run in runners.values()]
    for batch, rounds in BATCHES.items():
        found = small.race(runners, images[:batch], rounds=rounds)
        table[f"ms for {batch}"] = found["ms"].round(3)
        for name in (EAGER, FLOAT):
            times = found["ms"].get(name, float("nan")) / found["ms"]
            table[f"{batch}: times {name}"] = times.round(1)
    return table


def int8_gain(table: pd.DataFrame) -> dict[str, object]:
    """How many times as fast int8 is for 128 images: here, or as it was stored."""
    if INT8 in table.index:
        row, where = table.loc[INT8], "this computer"
        found, eager = (row[f"128: times {name}"] for name in (FLOAT, EAGER))
    else:
        runs = load_runs("race").query("threads == 1 and batch == 128")
        where = runs["processor"].iloc[0]
        ms = runs[runs["processor"] == where].groupby("method")["ms"].median()
        found, eager = (ms[name] / ms[INT8] for name in (FLOAT, EAGER))
    return {"found": found, "eager": eager, "where": where}


def errors(run: Callable, images: Tensor, labels: Tensor) -> int:
    """How many images a runner gets wrong."""
    logits = predict(run, images) if isinstance(run, nn.Module) else run(images)
    return int((logits.argmax(dim=1) != labels).sum())


def here_words() -> str:
    """Which of the two kinds of processor this is, in sentences."""
    found = small.processor()
    kind = "has no 8-bit dot products: int8 is not what it is fast at"
    if small.has_vnni():
        kind = "multiplies and adds up bytes in one instruction (VNNI, or dot product)"
    return f"{found['processor']} ({found['instructions']}; {found['engine']}) {kind}."


def half_table(model: nn.Module, images: Tensor) -> pd.DataFrame:
    """A net in numbers of 16 bits: bytes, rounding, other answers, milliseconds."""
    nets = {n: copy.deepcopy(model).to(kind) for n, kind in HALVES.items()}
    runs = {n: in_kind(net, HALVES[n]) for n, net in nets.items()}
    times = small.race(runs, images[:32], rounds=5)["ms"]
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    own, rows = runs["float32"](images[:500]), {}
    for name, kind in HALVES.items():
        off = ((weights.to(kind).float() - weights) / weights).nan_to_num().abs().max()
        changed = (runs[name](images[:500]).argmax(1) != own.argmax(1)).sum().item()
        rows[name] = {"kB": round(small.model_bytes(nets[name]) / 1000)}
        rows[name] |= {"a weight is off by up to": f"{off:.2%}"}
        rows[name] |= {"other answers of 500": changed}
        rows[name] |= {"ms for 32 images": round(times[name], 2)}
    return pd.DataFrame.from_dict(rows, orient="index")


def in_kind(net: nn.Module, kind: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The net on images of its own kind of numbers; no gradient."""

    @torch.inference_mode()
    def run(images: Tensor) -> Tensor:
        return net(scaled(images).to(kind))

    return run
