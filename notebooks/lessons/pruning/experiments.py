"""The stored experiments of this lesson, all of MNIST, from the course's teacher."""

import time

from kdlab import experiments as lab
from kdlab.compression import baked, model_bytes, multiply_adds, zipped_bytes
from kdlab.results import load_runs
from kdlab.training import evaluate, last_of
from kdlab.weights import load_teacher

from .pruned import pruning_steps, smaller, weights_left, widths_of

FEW = {"labels": 2000, "epochs": 15, "batch_size": 64, "shift": 0}  # 480 steps
ALL = {"labels": 60_000, "epochs": 6, "batch_size": 128, "shift": 1}  # the teacher's
LABELS = {"method": "labels", "temperature": None, "soft_weight": 0.0}
TAUGHT = {"method": "teacher", "temperature": 4.0, "soft_weight": 1.0}
MILD = {**TAUGHT, "temperature": 2.0}
AS_IT_IS = {"method": "none", "temperature": None, "soft_weight": 0.0}
AS_IT_IS |= {"epochs": 0, "learning_rate": None}
RATES = [3e-4, 1e-3, 3e-3, 1e-2, 2e-2]
KINDS = [("channels", 0.75, 2), ("from scratch", 0.75, 2)]  # and seeds, to try rates
KINDS += [("weights", 0.95, 1), ("rank", 0.875, 1)]
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
    how = {name: setting[name] for name in ("how", "share", "seed")}
    net = smaller(how["how"], teacher, how["share"], how["seed"])
    before, start = evaluate(net, test_set)["accuracy"], time.perf_counter()
    if setting["epochs"]:
        apart = {*names, "soft_weight"}
        told = {name: value for name, value in setting.items() if name not in apart}
        net = last_of(pruning_steps(teacher, train_set, **told))
    seconds, plain = time.perf_counter() - start, baked(net)
    run = {**setting, "student": "-".join(["cnn", *map(str, widths_of(net)[:-1])])}
    run |= {"before": before, **lab.measured(net, test_set)}
    run |= {"weights": weights_left(net), "bytes": model_bytes(plain)}
    run |= {"zipped_bytes": zipped_bytes(plain)}
    run |= {"multiply_adds": multiply_adds(plain, test_set["images"])}
    return run | {"train_seconds": round(seconds, 1)}


def tried() -> list[lab.Setting]:
    """Learning rates, on held-out images, of each kind of net that learns again."""
    few, rates = [], [{"learning_rate": rate} for rate in RATES]
    for how, share, number in KINDS:
        arms = [LABELS, TAUGHT, MILD] if how == "channels" else [LABELS, TAUGHT]
        for arm in arms:
            fast = how == "from scratch" or arm is not LABELS
            some = rates[1:] if fast else rates[:-1]
            few += settings(ways(how, share), [arm], some, seeds(number), split=HELD)
    whole = {**ALL, "labels": 50_000, "epochs": 3, "split": HELD}
    kinds = ways("channels", 0.75) + ways("from scratch", 0.75)
    return few + settings(kinds, rates[1:4], seeds(1), **whole)


def tuned(runs: list[lab.Setting]) -> list[lab.Setting]:
    """Each setting with the rate that was best for its kind of net and its method."""
    found = load_runs("pruning_tuning").fillna({"temperature": 0.0})
    if len(found) < len(tried()):
        raise ValueError("First finish: pruning_tuning, of lessons.pruning")
    found["few"] = found["labels"] == FEW["labels"]
    by = ["how", "temperature", "few"]
    means = found.groupby([*by, "learning_rate"])["test_accuracy"].mean()
    best = means.groupby(level=by).idxmax()

    def rate(run: lab.Setting) -> float:
        kind = run["how"].removeprefix("gradual ").removeprefix("random ")
        few = run["labels"] == FEW["labels"]
        return best[kind, run["temperature"] or 0.0, few][-1]

    return [{**run, "learning_rate": rate(run)} for run in runs]


def compared() -> list[lab.Setting]:
    """All that the page compares: as it is, trained again, and from scratch."""
    sparsities = 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98
    sure = ways("weights", *sparsities) + ways("weights by layer", *sparsities)
    as_it_is = settings(sure, seeds(1), **AS_IT_IS)
    as_it_is += settings(ways("random weights", 0.5, 0.8, 0.9), seeds(5), **AS_IT_IS)
    kinds = ways("channels", 0.0, 0.25, 0.5, 0.75) + ways("from scratch", 0.5, 0.75)
    kinds += ways("random channels", 0.75) + ways("gradual channels", 0.75)
    kinds += ways("rank", 0.875, 0.9375) + ways("weights", 0.95, 0.98)
    kinds += ways("random weights", 0.95) + ways("gradual weights", 0.98)
    few = settings(kinds, [LABELS, TAUGHT], seeds(5))
    whole = settings(kinds[3:6:2], [LABELS], seeds(5), **ALL)
    return as_it_is + tuned(whole + few)


AFTER = ("teachers",)
pruning_tuning = lab.Experiment(pruning_run, tried, after=AFTER)
pruning = lab.Experiment(pruning_run, compared, after=(*AFTER, "pruning_tuning"))
