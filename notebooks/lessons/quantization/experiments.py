"""The stored experiments of this lesson: MNIST, weights of 2 to 8 bits.

Students learnt from 2,000 labelled images; what is done to them afterwards sees the
same images. All that are trained on take equally many steps, the nets in float32 too.
"""

import time
from copy import deepcopy
from functools import lru_cache

from torch import nn

from kdlab import experiments as lab
from kdlab.compression import on_grid
from kdlab.data import Columns, load_images, sample
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss
from kdlab.training import best_device, cycle_of, fit, predict
from kdlab.weights import load_teacher

BITS, TRAINED_BITS = [2, 3, 4, 5, 6, 7, 8], [2, 3, 4]
SHAPE = {"channels": [8, 16], "hidden": 64}  # "cnn-8-16-64"
BATCH, RATE, RATES = 64, 5e-3, [1e-3, 3e-3, 1e-2]
FLOAT, AFTER = "float32", "after training"
LONGER, LONGER_TAUGHT = "float32, longer", "float32, longer, taught"
STRAIGHT, LEARNED, TAUGHT = "straight-through", "learned step", "learned step, taught"
SOFT = {"temperature": 3.0, "soft_weight": 1.0}  # of who is taught, by its former self


@lru_cache(maxsize=2)
def images(split: str) -> tuple[Columns, Columns]:
    """2,000 labelled images to learn from, and those to judge by."""
    whole = load_images("mnist", "fit" if split == "held_out" else "train")
    return sample(whole, 2000), load_images("mnist", split)


@lru_cache(maxsize=12)
def started(student: str, split: str, seed: int) -> nn.Module:
    """The net in float32 before anything is done to it: the course's, or a student."""
    if student == "teacher":
        return load_teacher("mnist")[0]
    model, how = new_net(seed), {"epochs": 15, "batch_size": BATCH}
    cycle = cycle_of(model, images(split)[0], RATE, **how)
    fit(model, images(split)[0], label_loss, seed=seed, progress=False, **cycle)
    return model


@lru_cache(maxsize=2)
def judged_by(*which: object) -> Columns:
    """The images to judge by, and what the net in float32 answers to them."""
    _, columns = images(which[1])
    return columns | {"teacher_logits": predict(started(*which), columns["images"])}


def new_net(seed: int) -> nn.Module:
    """An untrained student."""
    return build_model("cnn", seed=seed, **SHAPE).to(best_device())


def told(start: nn.Module, train_set: Columns, method: str) -> tuple:
    """What a net that is trained on is told: labels, or what it said in float32."""
    if not method.endswith("taught"):
        return train_set, label_loss
    answers = predict(start, train_set["images"])
    return {**train_set, "teacher_logits": answers}, blended_loss(**SOFT)


def bits_run(setting: lab.Setting) -> lab.Setting:
    """Put a trained net on a grid, perhaps train it on; the row of the table."""
    which = setting["student"], setting["split"], setting["seed"]
    (train_set, _), start = images(setting["split"]), started(*which)
    model, method, began = deepcopy(start), setting["method"], time.perf_counter()
    if setting["bits"]:
        grid = {name: setting[name] for name in ("per_channel", "clip")}
        model = on_grid(model, setting["bits"], learned="learned" in method, **grid)
    if setting["epochs"]:
        columns, objective = told(start, train_set, method)
        length = {"epochs": setting["epochs"], "batch_size": BATCH}
        how = cycle_of(model, columns, setting["learning_rate"], **length)
        fit(model, columns, objective, seed=setting["seed"], progress=False, **how)
    seconds = round(time.perf_counter() - began, 2)
    found = lab.measured(model, judged_by(*which))
    return {**setting, **found, "train_seconds": seconds}


def settings(*groups: list[lab.Setting], **changes: object) -> list[lab.Setting]:
    """Every combination of one setting of each group, the last one fastest."""
    run = {"dataset": "mnist", "split": "test", "teacher": "itself"}
    run |= {"student": "cnn-8-16-64", "method": FLOAT, "bits": None}
    run |= {"per_channel": True, "clip": "error", "temperature": None}
    run |= {"soft_weight": 0.0, "labels": 2000, "epochs": 0, "learning_rate": None}
    found = [{**run, "seed": 0, **changes}]
    for group in groups:
        found = [{**one, **more} for one in found for more in group]
    return found


def trained_on(bits: list[int]) -> list[lab.Setting]:
    """Those that take more steps: in float32, and on a grid of each of these bits."""
    arms = [{"method": LONGER}, {"method": LONGER_TAUGHT, **SOFT}]
    on_grids = [{"method": STRAIGHT}, {"method": LEARNED}, {"method": TAUGHT, **SOFT}]
    arms += [{**arm, "bits": number} for number in bits for arm in on_grids]
    return [{**arm, "epochs": 8} for arm in arms]


def seeds() -> list[lab.Setting]:
    """All of them, as a group of `settings`."""
    return [{"seed": seed} for seed in lab.SEEDS]


def tried() -> list[lab.Setting]:
    """Learning rates of those that are trained on, on held-out images."""
    rates = [{"learning_rate": rate} for rate in RATES]
    return settings(trained_on([2, 4]), rates, split="held_out")


def best_rate(method: str, bits: int | None) -> float:
    """The rate that was best on held-out images, at 2 bits or at 4."""

    def kind_of(run: lab.Setting) -> tuple:
        return run["method"], run["bits"] and (2 if run["bits"] < 4 else 4)

    found = lab.rates_of(
        "quantization_tuning", "lessons.quantization", tried(), kind_of
    )
    return found[kind_of({"method": method, "bits": bits})]


def by_bits() -> list[lab.Setting]:
    """In float32, after training on four grids of each size, and trained on."""
    grids = [
        {"method": AFTER, "bits": bits, "per_channel": own, "clip": clip}
        for bits in BITS
        for own in (False, True)
        for clip in ("max", "error")
    ]
    after, course = [{}, *grids], {"student": "teacher", "labels": 60_000}
    longer = [
        {**arm, "learning_rate": best_rate(arm["method"], arm.get("bits"))}
        for arm in trained_on(TRAINED_BITS)
    ]
    widest = [{**arm, "clip": "max"} for arm in longer if arm.get("bits") == 2]
    return settings(seeds(), after + longer + widest) + settings(after, **course)


quantization_tuning = lab.Experiment(bits_run, tried, after=("teachers",))
quantization = lab.Experiment(
    bits_run, by_bits, after=("teachers", "quantization_tuning")
)
