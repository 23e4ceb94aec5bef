"""Settings of runs, as grids, and the learning rates that were best for them.

`tuning` holds the rates tried, on held-out images, for all that the lessons compare.
"""

from itertools import product

from kdlab.experiments.students import (
    CHANGES,
    WITHOUT_TEACHER,
    learning_rate_of,
    student_run,
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
    run |= {"batch_size": 64, "learning_rate": learning_rate_of(method), "seed": 0}
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
    )


tuning = Experiment(student_run, tried, after=("teachers",))


def tuned(settings: list[Setting]) -> list[Setting]:
    """The settings with the learning rates that were best on the held-out images.

    Best in the mean over seeds; where nothing was tuned, the rate stays.

    Raises ValueError if the stored tuning is unfinished.
    """
    by = ["student", "method", "temperature", "labels", "epochs"]
    runs = load_runs("tuning").fillna({"temperature": 0})
    if len(runs) < len(tried()):
        raise ValueError("First finish: python -m kdlab.experiments kdlab tuning")
    means = runs.groupby([*by, "learning_rate"])["test_accuracy"].mean()
    best = means.groupby(level=by).idxmax()
    rates = {key[:-1]: key[-1] for key in best}
    for run in settings:
        like = {**run, "labels": min(run["labels"], 50_000)}
        like["temperature"] = run["temperature"] or 0
        key = tuple(like[name] for name in by)
        run["learning_rate"] = float(rates.get(key, run["learning_rate"]))
    return settings
