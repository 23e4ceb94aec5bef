"""Numbers of half the bits: what is certain of them, and what this machine does."""

import copy
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor, nn

from kdlab.compression import model_bytes, race
from kdlab.data import scaled

from .races import top_answers

KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def half_table(model: nn.Module, images: Tensor) -> pd.DataFrame:
    """A net in numbers of 16 bits: bytes, rounding, other answers, milliseconds."""
    nets = {name: copy.deepcopy(model).to(kind) for name, kind in KINDS.items()}
    runs = {name: in_kind(net, KINDS[name]) for name, net in nets.items()}
    times = race(runs, images[:32], rounds=5)["ms"]  # few: some take 30 times as long
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    answers = {name: top_answers(run, images[:500]) for name, run in runs.items()}
    rows = {}
    for name, kind in KINDS.items():
        off = ((weights.to(kind).float() - weights) / weights).nan_to_num().abs().max()
        others = (answers[name] != answers["float32"]).sum().item()
        rows[name] = {"kB": round(model_bytes(nets[name]) / 1000)}
        rows[name] |= {"a weight is off by up to": f"{off:.2%}"}
        rows[name] |= {"other answers of 500": others}
        rows[name] |= {"ms for 32 images": round(times[name], 2)}
    return pd.DataFrame.from_dict(rows, orient="index")


def in_kind(net: nn.Module, kind: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The net on images of its own kind of numbers; no gradient."""
    return torch.inference_mode()(lambda images: net(scaled(images).to(kind)))
