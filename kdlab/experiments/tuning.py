"""The settings of the stored experiments: which runs each table of results holds.

Each function returns stages, [(run, settings)]: a stage begins when the one before it
has ended. A path behind them is a file that the stage keeps for the later ones: if it
is lost and they need it, the stage runs again. `sweeps` runs them.
"""

from collections.abc import Callable
from pathlib import Path

from kdlab.experiments import (
    CHANGES,
    WITHOUT_TEACHER,
    fidelity_run,
    learning_rate_of,
    student_run,
)
from kdlab.omitted import omitted_run
from kdlab.results import load_runs
from kdlab.teachers import HINTON

Setting = dict[str, object]
Stages = list[tuple[Callable[[Setting], Setting], list[Setting], *tuple[Path, ...]]]

SEEDS = range(5)
TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
HOT = 8.0  # at which the arms of `gain` are compared
TAUGHT = [("teacher", t) for t in TEMPERATURES]
ARMS = [(method, None) for method in (*WITHOUT_TEACHER, "arg max")]
ARMS += [("teacher", t) for t in (1.0, 4.0, HOT)]
ARMS += [(method, HOT) for method in CHANGES]
RATES = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 8e-2]
SLOW_RATES = [2.5e-4, 5e-4, 1e-3, 2e-3]  # of large nets
LARGE, SMALL = "mlp-1200-1200", "mlp-800-800"  # Hinton's
WIDTHS, EPOCHS = [8, 32, 128, 512], [8, 60]
LABEL_COUNTS = [100, 300, 1000, 2000, 5000, 10_000, 30_000, 60_000]


def setting(
    method: str, temperature: float | None = None, **changes: object
) -> Setting:
    """The setting of one run: the default student, but for the changes."""
    return {
        "dataset": "mnist",
        "split": "test",
        "teacher": "course",
        "student": "mlp-128",
        "method": method,
        "temperature": temperature,
        "soft_weight": 0.0 if temperature is None else 1.0,
        "labels": 2000,
        "label_noise": 0.0,
        "draw": 0,
        "epochs": 15,
        "batch_size": 64,
        "learning_rate": learning_rate_of(method),
        "seed": 0,
        **changes,
    }


def tuning() -> Stages:
    """Learning rates on the held-out images, for each kind of run that is compared."""
    counts = [
        {"labels": min(n, 50_000), "epochs": epochs_for(n)}
        for n in LABEL_COUNTS
        if n != 2000
    ]
    sizes = [{"student": f"mlp-{w}", "epochs": n} for w in WIDTHS for n in EPOCHS]
    plain = [("labels", None), ("smoothing 0.1", None)]
    plans = [(arm, {}, SEEDS) for arm in dict.fromkeys([*ARMS, *TAUGHT])]
    plans += [(arm, size, range(2)) for size in sizes for arm in plain + TAUGHT]
    plans += [(arm, n, range(2)) for n in counts for arm in [*plain, ("teacher", HOT)]]
    many = {"labels": 20_000}
    plans += [(arm, many, range(2)) for arm in (plain[0], TAUGHT[0], ("teacher", HOT))]
    runs = [
        setting(*arm, split="held_out", **size, learning_rate=rate, seed=seed)
        for arm, size, seeds in plans
        for rate in RATES
        for seed in seeds
    ]
    return [(student_run, runs)]


def tuned(settings: list[Setting]) -> list[Setting]:
    """The settings with the learning rates that were best on the held-out images.

    Best in the mean over seeds; where nothing was tuned, the rate stays.

    Raises ValueError if the stored tuning is unfinished.
    """
    by = ["student", "method", "temperature", "labels", "epochs"]
    runs = load_runs("tuning").fillna({"temperature": 0})
    ((_, wanted),) = tuning()
    if len(runs) < len(wanted):
        raise ValueError("First finish the tuning: python -m kdlab.sweeps tuning")
    means = runs.groupby([*by, "learning_rate"])["test_accuracy"].mean()
    best = means.groupby(level=by).idxmax()
    rates = {key[:-1]: key[-1] for key in best}
    for run in settings:
        like = {**run, "labels": min(run["labels"], 50_000)}
        like["temperature"] = run["temperature"] or 0
        key = tuple(like[name] for name in by)
        run["learning_rate"] = float(rates.get(key, run["learning_rate"]))
    return settings


def gain() -> Stages:
    """The table that takes the gain apart: twenty seeds of every arm."""
    runs = [setting(*arm, seed=seed) for seed in range(20) for arm in ARMS]
    own = {"teacher": "same images"}
    runs += [setting("teacher", HOT, seed=seed, **own) for seed in range(20)]
    return [(student_run, tuned(runs))]


def blend() -> Stages:
    """The heat map over temperature and weight of the teacher."""
    weights = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    runs = [setting("labels", seed=seed) for seed in SEEDS]
    runs += [
        setting("teacher", t, soft_weight=weight, seed=seed)
        for weight in weights
        for t in TEMPERATURES
        for seed in SEEDS
    ]
    return [(student_run, tuned(runs))]


def epochs_for(labels: int) -> int:
    """As many steps as the default student has, and at least ten epochs."""
    return max(10, round(15 * 2000 / labels))


def label_counts() -> Stages:
    """From 100 labelled images to all 60,000; each seed draws its own images."""
    runs = [
        setting(*arm, labels=n, epochs=epochs_for(n), draw=seed, seed=seed)
        for n in LABEL_COUNTS
        for arm in (("labels", None), ("smoothing 0.1", None), ("teacher", HOT))
        for seed in SEEDS
    ]
    return [(student_run, tuned(runs))]


def crossing() -> Stages:
    """Temperature by width of the student, in a short and in a long training."""
    runs = [
        setting(*arm, student=f"mlp-{width}", epochs=epochs, seed=seed)
        for epochs in EPOCHS
        for width in WIDTHS
        for arm in [("labels", None), *TAUGHT]
        for seed in SEEDS
    ]
    return [(student_run, tuned(runs))]


def fidelity() -> Stages:
    """Agreement beside accuracy, with the course's teacher and with two lesser ones."""
    runs = [
        setting(method, t, teacher=teacher, labels=labels, epochs=epochs, seed=seed)
        for teacher in ("course", "fair", "weak")
        for labels, epochs in ((2000, 15), (2000, 60), (20_000, 15))
        for method, t in (("labels", None), ("teacher", 1.0), ("teacher", HOT))
        for seed in SEEDS
    ]
    return [(fidelity_run, tuned(runs))]


def own_data() -> Stages:
    """What the teacher had seen; each seed draws its images and trains its teachers."""
    kinds = "course", "same images", "same images, stopped early"
    alone = "labels", "smoothing 0.1"
    runs = [setting(m, draw=seed, seed=seed) for m in alone for seed in SEEDS]
    runs += [
        setting("teacher", t, teacher=teacher, draw=seed, seed=seed)
        for seed in SEEDS
        for teacher in kinds
        for t in (1.0, 4.0, HOT)
    ]
    return [(student_run, tuned(runs))]


def omitted() -> Stages:
    """Every digit omitted once, two pairs kept alone; then with 50,000 images.

    There the 3 is omitted again, and a net of Hinton's size sees only 7 and 8.
    """
    digits = "0123456789"
    every = [digits.replace(digit, "") for digit in digits] + ["78", "35"]
    arms = [("labels", None), ("teacher", 1.0), ("teacher", 4.0), ("teacher", 20.0)]
    arms += [("class means", 20.0)]
    runs = [
        setting(method, t, labels=10_000, epochs=8, seed=seed) | {"seen": seen}
        for seen in every
        for method, t in arms
        for seed in SEEDS
    ]
    long = {"student": SMALL, "learning_rate": 2e-3, "epochs": 20}
    runs += [
        setting(method, t, labels=50_000, seed=seed, **size) | {"seen": seen}
        for seen, size in ((every[3], {"epochs": 8}), ("78", long))
        for method, t in arms
        for seed in SEEDS
    ]
    return [(omitted_run, runs)]


def hinton_tuning() -> Stages:
    """Learning rates and the dropout of `hinton`, on held-out images.

    What is chosen is chosen after eight epochs. Some rates are tried at the forty of
    `hinton`, too, to show what the choice may have cost: there the course's teacher
    teaches.
    """
    short, long = (8, SLOW_RATES), (40, [5e-4, 1e-3, 2e-3])
    plans = [
        (LARGE, "labels", 0.5, *short),
        (LARGE, "labels", 0.25, *short),
        (SMALL, "labels", 0.0, *short),
        (SMALL, "labels", 0.25, *long),
        (SMALL, "teacher", 0.0, 40, [1e-3, 2e-3]),
    ]
    runs = [
        hinton_setting(*row, labels=50_000, epochs=epochs, learning_rate=rate)
        | {"split": "held_out"}
        for *row, epochs, rates in plans
        for rate in rates
    ]
    return [(student_run, runs)]


def hinton() -> Stages:
    """Hinton's own table: a large regularised net, and a smaller one three times.

    The control has the large net's dropout and rate, the taught net that of the small
    one on labels.
    """
    chosen = load_runs("hinton_tuning").sort_values("test_accuracy")
    best = chosen[chosen["epochs"] == 8].groupby("student").last()
    (dropout, rate), (_, small) = best[["dropout", "learning_rate"]].to_numpy().tolist()
    whole = {"labels": 60_000, "learning_rate": rate}
    teachers = [
        hinton_setting(LARGE, "labels", dropout, epochs=60, seed=seed, **whole)
        for seed in range(3)
    ]
    whole |= {"teacher": "hinton", "epochs": 40}
    students = [
        hinton_setting(SMALL, *row, seed=seed, **whole | {"learning_rate": own})
        for seed in SEEDS
        for *row, own in (
            ("labels", 0.0, small),
            ("labels", dropout, rate),
            ("teacher", 0.0, small),
        )
    ]
    first, others = teachers[:1], teachers[1:]
    return [(hinton_teacher_run, first, HINTON), (student_run, others + students)]


def hinton_setting(
    student: str, method: str, dropout: float, **changes: object
) -> Setting:
    """A row of Hinton's table: who has dropout sees images moved by up to 2 pixels."""
    taught = {"temperature": 20.0, "soft_weight": 0.9} if method == "teacher" else {}
    run = setting(method, student=student, batch_size=128, **taught | changes)
    return run | {"dropout": dropout, "jitter": 2 if dropout else 0}


def hinton_teacher_run(setting: Setting) -> Setting:
    """A run of the large net, which is kept as the teacher: the first, not the best."""
    return student_run(setting, keep=HINTON)


GRIDS = {
    grid.__name__: grid
    for grid in (
        tuning,
        gain,
        blend,
        label_counts,
        crossing,
        fidelity,
        own_data,
        omitted,
        hinton_tuning,
        hinton,
    )
}
