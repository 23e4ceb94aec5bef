"""What an experiment tries, and what it then takes."""

from collections.abc import Callable, Hashable
from statistics import fmean

from kdlab.experiments import Setting
from kdlab.results import load_runs


def several(settings: list[Setting], **axes: list) -> list[Setting]:
    """The settings at each combination of these values, the last one fastest."""
    for name, values in axes.items():
        settings = [{**one, name: value} for one in settings for value in values]
    return settings


def chosen(
    table: str,
    cell_of: Callable[[dict], Hashable],
    *names: str,
    by: str = "test_errors",
) -> dict[Hashable, dict[str, object]]:
    """{cell: what was best for it on held-out images, such as its learning rate}."""
    found: dict = {}
    for run in load_runs(table).astype(object).fillna("").to_dict("records"):
        tries = found.setdefault(cell_of(run), {})
        values = tuple(None if run[name] == "" else run[name] for name in names)
        tries.setdefault(values, []).append(run[by])
    best = {
        cell: min(tries, key=lambda v: fmean(tries[v])) for cell, tries in found.items()
    }
    return {
        cell: dict(zip(names, values, strict=True)) for cell, values in best.items()
    }
