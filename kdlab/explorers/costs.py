"""What a net costs: numbers to keep, and milliseconds to ask."""

import time
from collections.abc import Mapping
from copy import deepcopy
from statistics import median

import pandas as pd
from torch import Tensor, nn

from kdlab.models import count_parameters
from kdlab.training import one_cpu_thread, predict

REPEATS = 20


def costs_of(nets: Mapping[str, nn.Module], images: Tensor) -> pd.DataFrame:
    """Each net's parameters, kilobytes, and milliseconds for one image and for 200.

    Times are medians of REPEATS on one thread of the CPU.
    """
    rows = {}
    for name, net in nets.items():
        numbers, copy = count_parameters(net), deepcopy(net).cpu()
        rows[name] = {"parameters": f"{numbers:,}", "kB": round(4 * numbers / 1000)}
        for some in (images[:1], images[:200]):
            rows[name][f"ms for {len(some)}"] = round(milliseconds(copy, some), 2)
    return pd.DataFrame.from_dict(rows, orient="index")


def milliseconds(net: nn.Module, images: Tensor) -> float:
    """What it takes to answer all the images at once."""
    taken = []
    with one_cpu_thread():
        for _ in range(REPEATS + 1):  # the first warms up
            start = time.perf_counter()
            predict(net, images)
            taken.append(1000 * (time.perf_counter() - start))
    return median(taken[1:])
