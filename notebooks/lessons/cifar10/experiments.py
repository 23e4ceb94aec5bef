"""The stored experiments of this lesson, all of CIFAR-10."""

from itertools import product

from kdlab import experiments as lab

from .students import SAME, colour_run

RATES = {"convnet": [5e-3, 1e-2, 2e-2, 4e-2], "mixer": [2e-3, 4e-3, 8e-3, 1.6e-2]}
ALL = 50_000
LABELS = {"method": "labels"}
SMOOTHING = {"method": "smoothing 0.1"}
FEW = {"batch_size": 100}  # 600 steps for everybody:
FEW_LABELS = [
    {"labels": 1000, "pictures": 1000, "epochs": 60, **FEW},
    {"labels": 1000, "pictures": 10_000, "epochs": 6, **FEW},
    {"labels": 5000, "pictures": 5000, "epochs": 12, **FEW},
]
LONG = {"labels": 5000, "pictures": 5000, "epochs": 36, **FEW}


def taught(teacher: str, temperature: float, views: str = "fixed views") -> lab.Setting:
    """A way to teach."""
    told = {"method": "teacher", "temperature": temperature, "soft_weight": 1.0}
    return {"teacher": teacher, "views": views, **told}


def settings(*groups: list[lab.Setting], **changes: object) -> list[lab.Setting]:
    """Every combination of one setting of each group, for each seed."""
    run = {"dataset": "cifar10", "split": "test", "teacher": "unsmoothed"}
    run |= {"student": "convnet", "method": "labels", "temperature": None}
    run |= {"soft_weight": 0.0, "labels": ALL, "pictures": ALL, "views": "fixed views"}
    run |= {"epochs": 10, "batch_size": 500, "learning_rate": 1e-2, "seed": 0}
    merged = []
    for parts in product(*groups):
        one = run | changes
        for part in parts:
            one = one | part
        merged.append(one)
    return merged


TAUGHT = [taught(teacher, hot) for teacher in lab.TEACHERS for hot in (1.0, 4.0)]


def seeds(number: int) -> list[lab.Setting]:
    """The first seeds, as a group of `settings`."""
    return [{"seed": seed} for seed in range(number)]


def tried() -> list[lab.Setting]:
    """Learning rates, on held-out images: after half the epochs, or in 600 steps."""
    arms = [LABELS, taught("unsmoothed", 4.0, SAME)]
    held = {"split": "held_out", "labels": 45_000, "pictures": 45_000}
    long = [
        {"student": student, "learning_rate": rate}
        for student, rates in RATES.items()
        for rate in rates
    ]
    alone, told = FEW_LABELS[::2], FEW_LABELS[1:]
    fixed, few = taught("unsmoothed", 4.0), []
    for student, number in {"convnet": 2, "mixer": 1}.items():
        rates = [{"learning_rate": rate} for rate in RATES[student]]
        how = {"student": student, "split": "held_out"}
        few += settings(alone, rates, [LABELS], seeds(number), **how)
        few += settings(told, rates, [fixed], seeds(number), **how)
    others = [arm for arm in TAUGHT if arm != fixed]
    rates = [{"learning_rate": rate} for rate in RATES["convnet"]]
    few += settings(told, rates, others, split="held_out")
    return settings(long, arms, epochs=5, **held) + few


def tuned(runs: list[lab.Setting]) -> list[lab.Setting]:
    """Each setting with the rate that was best for this net and way to teach."""
    best = lab.rates_of("colour_tuning", "lessons.cifar10", tried(), kind_of)
    return [{**run, "learning_rate": best[kind_of(run)]} for run in runs]


def kind_of(run: lab.Setting) -> tuple:
    """Which runs share a rate; smoothed labels learn as labels do."""
    told = run["method"] == "teacher"
    how = run["teacher"], run["temperature"] if told else None
    return run["student"], told, *how, run["labels"] < ALL / 2


def by_views() -> list[lab.Setting]:
    """All pictures and all labels: fixed views and the same crop, and more epochs."""
    fixed, same = taught("unsmoothed", 4.0), taught("unsmoothed", 4.0, SAME)
    arms = [LABELS, SMOOTHING, fixed, same]
    long = settings([LABELS, fixed], seeds(3), epochs=40)
    return tuned(settings(arms, seeds(5)) + long)


def by_labels() -> list[lab.Setting]:
    """Few labels, equal steps: which teacher, which temperature, which pictures.

    Then three times as many steps, and another architecture.
    """
    alone, told = FEW_LABELS[::2], FEW_LABELS[1:]
    fixed, also = taught("unsmoothed", 4.0), taught("unsmoothed", 4.0, SAME)
    mixer = {"student": "mixer"}
    return tuned(
        settings(alone, [LABELS, SMOOTHING], seeds(5))
        + settings(told, [*TAUGHT, also], seeds(5))
        + settings([LONG], [LABELS, fixed, also], seeds(5))
        + settings(alone, [LABELS, SMOOTHING], seeds(5), **mixer)
        + settings(told, [fixed, also], seeds(5), **mixer)
    )


AFTER = ("colour_teachers", "colour_tuning")
colour_tuning = lab.Experiment(colour_run, tried, after=AFTER[:1])
few_labels = lab.Experiment(colour_run, by_labels, after=AFTER)
colour = lab.Experiment(colour_run, by_views, after=AFTER)
