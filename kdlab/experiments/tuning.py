"""Settings of runs, as grids, and the learning rates that were best for them.

`tuning` holds the rates tried, on held-out images, for all that the lessons compare.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import product
from operator import itemgetter
from statistics import fmean
from typing import NamedTuple

from kdlab.experiments.students import (
    CHANGES,
    LEARNING_RATE,
    WITHOUT_TEACHER,
    student_run,
    widths_of,
)
from kdlab.experiments.sweep import SEEDS, Experiment, Setting
from kdlab.results import load_runs

TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
HOT = 8.0  # at which the arms of `gain` are compared
RATES = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 8e-2]
WIDTHS, EPOCHS = [8, 32, 128, 512], [8, 60]
LABEL_COUNTS = [100, 300, 1000, 2000, 5000, 10_000, 30_000, 60_000]
DRAWS = [{"draw": seed, "seed": seed} for seed in SEEDS]  # each seed its own images
TUNED = "teachers", "tuning"  # what an experiment reads that takes its rates from here


def setting(
    method: str = "labels", temperature: float | None = None, **changes: object
) -> Setting:
    """The setting of one run: the default student, but for the changes."""
    run = {"dataset": "mnist", "split": "test", "teacher": "course"}
    run |= {"student": "mlp-128", "method": method, "temperature": temperature}
    run |= {"soft_weight": 0.0 if temperature is None else 1.0}
    run |= {"labels": 2000, "label_noise": 0.0, "draw": 0, "epochs": 15}
    run |= {"batch_size": 64, "learning_rate": LEARNING_RATE, "seed": 0}
    return run | changes


def grid(**axes: object) -> list[Setting]:
    """Settings at every combination of what is a list, the last one fastest.

        grid(soft_weight=[0.1, 0.9], arm=taught(1.0, 8.0), seed=SEEDS)

    A dict sets several things at once; the name of such an axis is free.
    """
    lists = (v if isinstance(v, list | tuple | range) else [v] for v in axes.values())
    settings = []
    for values in product(*lists):
        changes = {}
        for name, value in zip(axes, values, strict=True):
            changes |= value if isinstance(value, dict) else {name: value}
        settings.append(setting(**changes))
    return settings


def taught(*temperatures: float, method: str = "teacher") -> list[Setting]:
    """A way to teach at each temperature, as an axis of `grid`."""
    return [{"method": method, "temperature": t} for t in temperatures]


LABELS, SMOOTHING = {"method": "labels"}, {"method": "smoothing 0.1"}
ARMS = [{"method": method} for method in (*WITHOUT_TEACHER, "arg max")]
ARMS += taught(1.0, 4.0, HOT)
ARMS += [arm for method in CHANGES for arm in taught(HOT, method=method)]
WITHOUT_A_DIGIT = [LABELS, *taught(1.0, 4.0, 20.0), *taught(20.0, method="class means")]


def epochs_for(labels: int) -> int:
    """As many steps as the default student has, and at least ten epochs."""
    return max(10, round(15 * 2000 / labels))


def tried() -> list[Setting]:
    """Learning rates on the held-out images, for each kind of run that is compared."""
    rates = {"learning_rate": RATES, "split": "held_out"}
    sizes = [{"student": f"mlp-{w}", "epochs": n} for w in WIDTHS for n in EPOCHS]
    counts = [
        {"labels": min(n, 50_000), "epochs": epochs_for(n)}
        for n in LABEL_COUNTS
        if n != 2000
    ]
    plain, every = [LABELS, SMOOTHING], taught(*TEMPERATURES)
    arms = ARMS + [arm for arm in every if arm not in ARMS]
    few = {**rates, "seed": range(2)}
    return (
        grid(arm=arms, **rates, seed=SEEDS)
        + grid(size=sizes, arm=plain + every, **few)
        + grid(size=counts, arm=plain + taught(HOT), **few)
        + grid(arm=[LABELS, *taught(1.0, HOT)], labels=20_000, **few)
        + grid(arm=WITHOUT_A_DIGIT, labels=10_000, epochs=8, **few)
    )


tuning = Experiment(student_run, tried, after=("teachers",))


class Cell(NamedTuple):
    """A kind of run whose learning rate was tuned."""

    method: str
    temperature: float  # 1 where there is no teacher
    width: int  # of the student's first hidden layer
    labels: int
    epochs: int


def cell_of(run: Mapping[str, object]) -> Cell:
    """The cell that a setting, or a stored run, belongs to."""
    width, *_ = widths_of(run["student"])
    temperature = run["temperature"] or 1.0
    return Cell(run["method"], temperature, width, run["labels"], run["epochs"])


def rates_of(
    table: str,
    home: str,
    tried: list[Setting],
    kind_of: Callable[[Setting], Hashable],
    wanted: Sequence[str] = ("learning_rate",),
) -> dict[Hashable, object]:
    """The learning rate of each kind of run that was best in a stored tuning.

    Mean accuracy over seeds decides. `kind_of` is given a row, or a setting; what a row
    does not have is None. Of several that are `wanted` it is a tuple.

    Raises ValueError if the table of this home lacks some of what is `tried`.
    """
    runs = load_runs(table)
    if len(runs) < len(tried):
        raise ValueError(f"First finish: python -m kdlab.experiments {home} {table}")
    runs = runs.astype(object).where(runs.notna(), None).to_dict("records")
    found: dict[Hashable, dict[object, list[float]]] = {}
    for run in runs:
        rates = found.setdefault(kind_of(run), {})
        rates.setdefault(itemgetter(*wanted)(run), []).append(run["test_accuracy"])
    return {
        kind: max(sorted(rates), key=lambda rate: fmean(rates[rate]))
        for kind, rates in found.items()
    }


def best_rates() -> dict[Cell, float]:
    """The learning rate of each cell that was best on held-out images, mean over seeds.

    Raises ValueError if the stored tuning is unfinished.
    """
    return rates_of("tuning", "kdlab", tried(), cell_of)


def nearest_rate(rates: Mapping[Cell, float], run: Mapping[str, object]) -> float:
    """The rate of the cell of this method that is fewest doublings away.

    Counted over temperature, width, labels and epochs. `rates` are `best_rates()`.
    """
    wanted = cell_of(run)

    def doublings(cell: Cell) -> float:
        pairs = zip(cell[1:], wanted[1:], strict=True)
        return sum(abs(math.log2(one / other)) for one, other in pairs)

    return rates[min((c for c in rates if c.method == wanted.method), key=doublings)]


def tuned(settings: list[Setting]) -> list[Setting]:
    """The settings, each with the `nearest_rate`."""
    rates = best_rates()
    return [{**run, "learning_rate": nearest_rate(rates, run)} for run in settings]
