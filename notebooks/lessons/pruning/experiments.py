"""The stored experiments of this lesson, all of MNIST, from the course's teacher."""

import time

from kdlab import experiments as lab
from kdlab.compression import (
    baked,
    model_bytes,
    multiply_adds,
    recalibrated,
    zipped_bytes,
)
from kdlab.training import last_of
from kdlab.weights import load_teacher

from .pruned import pruning_steps, smaller, weights_left, widths_of

FEW = {"labels": 2000, "epochs": 15, "batch_size": 64, "shift": 0}  # 480 steps
ALL = {"labels": 60_000, "epochs": 3, "batch_size": 128, "shift": 1}
LABELS = {"method": "labels", "temperature": None, "soft_weight": 0.0}
TAUGHT = {"method": "teacher", "temperature": 4.0, "soft_weight": 1.0}
MILD = {**TAUGHT, "temperature": 2.0}
COLOUR = {"dataset": "colour_digits", "epochs": 5}  # its net has BatchNorm
AS_IT_IS = {"method": "none", "temperature": None, "soft_weight": 0.0}
AS_IT_IS |= {"epochs": 0, "learning_rate": None}
RATES = [3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 4e-2, 8e-2]
KINDS = [("channels", 0.75, 2), ("from scratch", 0.75, 2)]  # and seeds, to try rates
KINDS += [("rank", 0.9375, 1)]
HELD = "held_out"


def ways(how: str, *shares: float) -> list[lab.Setting]:
    """A way to make the net smaller, at each share that it removes."""
    return [{"how": how, "share": share} for share in shares]


def settings(*groups: list[lab.Setting], **changes: object) -> list[lab.Setting]:
    """Every combination of one setting of each group."""
    run = {"dataset": "mnist", "split": "test", "teacher": "course", "how": "channels"}
    merged = [{**run, "share": 0.0, **LABELS, **FEW, "learning_rate": 1e-3} | changes]
    for group in groups:
        merged = [one | part for one in merged for part in group]
    return merged


def seeds(number: int) -> list[lab.Setting]:
    """The first seeds: each draws its 2,000 images, their order, and what is chance."""
    return [{"seed": seed} for seed in range(number)]


def pruning_run(setting: lab.Setting) -> lab.Setting:
    """Make the teacher smaller, train it again, and measure; a row of the table."""
    names = "dataset", "split", "teacher", "labels"
    draw = setting["seed"] if setting["labels"] < 50_000 else 0
    train_set, test_set = lab.columns_of(*(setting[n] for n in names), draw)
    teacher, _ = load_teacher(setting["dataset"])
    start = time.perf_counter()
    if not setting["epochs"]:
        net = smaller(setting["how"], teacher, setting["share"], setting["seed"])
        if setting["method"] == "recalibrated":
            net = recalibrated(net, train_set["images"])
    else:
        apart = {*names, "soft_weight"}
        told = {name: value for name, value in setting.items() if name not in apart}
        net = last_of(pruning_steps(teacher, train_set, **told))
    seconds, plain = time.perf_counter() - start, baked(net)
    kind = "cnn" if setting["dataset"] == "mnist" else "convnet"
    run = {**setting, "student": "-".join([kind, *map(str, widths_of(net)[:-1])])}
    run |= {**lab.measured(net, test_set), "weights": weights_left(net)}
    run |= {"bytes": model_bytes(plain), "zipped_bytes": zipped_bytes(plain)}
    run |= {"multiply_adds": multiply_adds(plain, test_set["images"])}
    return run | {"train_seconds": round(seconds, 1)}


def tried() -> list[lab.Setting]:
    """Learning rates, on held-out images, of each kind of net that learns again."""
    few, rates = [], [{"learning_rate": rate} for rate in RATES]
    for how, share, number in KINDS:
        for arm in [LABELS, TAUGHT, MILD] if how == "channels" else [LABELS, TAUGHT]:
            some = rates[:4] if arm is LABELS else rates[1:5]
            some = rates[1:] if how == "from scratch" else some
            few += settings(ways(how, share), [arm], some, seeds(number), split=HELD)
    whole = {**ALL, "labels": 50_000, "split": HELD}
    kinds = ways("channels", 0.75) + ways("from scratch", 0.75)
    few += settings(kinds, rates[1:6], seeds(1), **whole)
    in_colour = settings([LABELS, TAUGHT], rates[1:6], seeds(1), **COLOUR, share=0.5)
    return few + [run | {"split": HELD} for run in in_colour]


def tuned(runs: list[lab.Setting]) -> list[lab.Setting]:
    """Each setting with the rate that was best for its kind of net and its method."""
    best = lab.rates_of("pruning_tuning", "lessons.pruning", tried(), kind_of)
    return [{**run, "learning_rate": best[kind_of(run)]} for run in runs]


def kind_of(run: lab.Setting) -> tuple:
    """Which runs share a rate; how channels or weights go does not matter."""
    how = run["how"].split()[-1].replace("weights", "channels")
    return run["dataset"], how, run["temperature"], run["labels"] == FEW["labels"]


def compared() -> list[lab.Setting]:
    """All that the page compares: as it is, trained again, and from scratch."""
    sparsities = 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98
    sure = ways("weights", *sparsities) + ways("weights by layer", *sparsities)
    sure += ways("channels", 0.0, 0.25, 0.5, 0.75) + ways("rank", 0.875, 0.9375)
    lots = ways("random weights", 0.5, 0.8, 0.9) + ways("random channels", 0.75)
    as_it_is = settings(sure, seeds(1), **AS_IT_IS)
    as_it_is += settings(lots, seeds(5), **AS_IT_IS)
    both = ways("channels", 0.0, 0.25, 0.5, 0.75) + ways("from scratch", 0.5, 0.75)
    both += ways("rank", 0.9375)
    taught = ways("rank", 0.875) + ways("weights", 0.95, 0.98)
    taught += ways("gradual weights", 0.98) + ways("random weights", 0.95)
    taught += ways("gradual channels", 0.75) + ways("random channels", 0.75)
    few = settings(both, [LABELS, TAUGHT], seeds(5)) + settings(
        taught, [TAUGHT], seeds(5)
    )
    whole = settings(both[3:6:2], [LABELS], seeds(5), **ALL)
    return as_it_is + tuned(few + whole)


def with_norms() -> list[lab.Setting]:
    """A net with BatchNorm: as it is, with new statistics, and trained again."""
    kinds = ways("channels", 0.25, 0.5, 0.75)
    still = [AS_IT_IS, {**AS_IT_IS, "method": "recalibrated"}]
    as_it_is = settings(kinds, still, seeds(1), dataset="colour_digits")
    return as_it_is + tuned(settings(kinds, [LABELS, TAUGHT], seeds(5), **COLOUR))


AFTER = ("teachers",)
pruning_tuning = lab.Experiment(pruning_run, tried, after=AFTER)
pruning = lab.Experiment(pruning_run, compared, after=(*AFTER, "pruning_tuning"))
pruning_norms = lab.Experiment(
    pruning_run, with_norms, after=(*AFTER, "pruning_tuning")
)
