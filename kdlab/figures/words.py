"""Numbers in words: shares, means and spreads, so that all pages say them alike."""

import math
from collections.abc import Mapping, Sequence

import torch

Runs = Mapping[str, Sequence[float]]  # {"labels": [733.0, 741.0, ...], ...}


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] in words; never 0 or 100 % for what is not exactly that."""
    least = 10.0 ** -(digits + 2)
    if 0 < share < least:
        return f"under {100 * least:.{digits}f} %"
    if 1 - least < share < 1:
        return f"over {100 * (1 - least):.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def a(name: str) -> str:
    """'a 4', 'an 8', 'an ankle boot'."""
    an = name[:1].lower() in "aeiou8" or name in ("11", "18")
    return f"an {name}" if an else f"a {name}"


def mean_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation over the runs; one alone has no spread: NaN."""
    runs = torch.tensor(list(values), dtype=torch.float64)
    return runs.mean().item(), (runs.std().item() if len(runs) > 1 else math.nan)


def mean_words(values: Sequence[float], digits: int = 0) -> str:
    """'742 ± 9': mean and spread; of one run '742'."""
    mean, spread = mean_spread(values)
    words = f"{mean:.{digits}f}"
    return words if math.isnan(spread) else f"{words} ± {spread:.{digits}f}"


def in_words(runs: Runs, digits: int = 0) -> str:
    """'742 ± 9 (labels); 510 ± 16 (teacher)', mean and spread of each."""
    return "; ".join(
        f"{mean_words(values, digits)} ({name})"
        for name, values in runs.items()
        if len(values)
    )
