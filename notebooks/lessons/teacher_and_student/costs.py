"""What a net costs: numbers to keep, and milliseconds to ask."""

from collections.abc import Mapping
from copy import deepcopy

import pandas as pd
from torch import Tensor, nn

from kdlab.compression import race
from kdlab.models import count_parameters

ROUNDS = 20


def costs_of(nets: Mapping[str, nn.Module], images: Tensor) -> pd.DataFrame:
    """Each net's parameters, kilobytes, and milliseconds for one image and for 200.

    Times are medians of a race of all of them, on one thread of the CPU.
    """
    copies = {name: deepcopy(net).cpu() for name, net in nets.items()}
    numbers = {name: count_parameters(net) for name, net in copies.items()}
    words = [f"{number:,}" for number in numbers.values()]
    table = pd.DataFrame({"parameters": words}, index=list(numbers))
    table["kB"] = [round(4 * number / 1000) for number in numbers.values()]
    for some in (images[:1], images[:200]):
        found = race(copies, some, rounds=ROUNDS)["ms"]
        table[f"ms for {len(some)}"] = found.round(2)
    return table
