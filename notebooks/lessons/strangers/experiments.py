"""The stored experiments: another net here; other senses and other data beside it."""

import time

from kdlab import experiments as lab
from kdlab.data import load_images
from kdlab.training import last_of, predict

from .choices import chosen, several
from .experiments_clients import clients, clients_tuning  # noqa: F401 - other tables
from .experiments_clouds import clouds, clouds_tuning  # noqa: F401
from .experiments_senses import senses, senses_tuning  # noqa: F401
from .sides import few, moved, new_net, said, teacher_of

MLPS = "mlp-800", "mlp-800, moved"
CNNS = "cnn-8-16-64", "cnn-8-16-64, moved"
BASE = {"dataset": "mnist", "split": "test", "teacher": None, "student": "mlp-256"}
BASE |= {"method": "labels", "temperature": None, "soft_weight": 0.0, "jitter": 0}
BASE |= {"labels": 5000, "epochs": 10, "learning_rate": None, "seed": 0}
CNN = {"student": "cnn-4-8-32", "labels": 2000, "epochs": 15}
RATES, TEMPERATURES = [2e-3, 5e-3, 1e-2, 2e-2], [8.0, 32.0]


def shift_run(setting: lab.Setting) -> lab.Setting:
    """A student of a stranger; its row, with errors on digits moved by 0 to 6 pixels.

    A student of its teacher's name is the teacher itself.
    """
    draw, teacher = setting["seed"], setting["teacher"]
    images, judges = (
        few(draw, setting["labels"]),
        load_images("mnist", setting["split"]),
    )
    start = time.perf_counter()
    if setting["student"] == teacher:
        net = teacher_of(teacher, draw)
    else:
        if teacher:
            images["teacher_logits"] = said(teacher, draw)[: setting["labels"]]
        how = ("method", "temperature", "soft_weight", "jitter", "epochs")
        how = {name: setting[name] for name in (*how, "learning_rate", "seed")}
        net = new_net(setting["student"], draw)
        last_of(lab.student_steps(images, model=net, **how))
    seconds = round(time.perf_counter() - start, 2)
    row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
    shifts = range(7) if setting["student"].startswith("mlp") else (0, 2)
    for pixels in shifts if setting["split"] == "test" else ():
        answers = predict(net, moved(judges["images"], pixels)).argmax(dim=1)
        row[f"errors_{pixels}"] = int((answers != judges["labels"]).sum())
    return row | {"train_seconds": seconds}


def of_teacher(teacher: str, **changes: object) -> lab.Setting:
    """The setting of a student of a teacher's answers alone."""
    taught = {"teacher": teacher, "method": "teacher", "soft_weight": 1.0}
    return {**BASE, **taught, **changes}


HOT = {"temperature": TEMPERATURES, "learning_rate": RATES[2:]}


def tried() -> list[lab.Setting]:
    """Temperature and peak of each arm, on held-out images that are not moved."""
    plain = several([BASE], jitter=[0, 2], method=["labels", "smoothing 0.1"])
    taught = [of_teacher(name) for name in MLPS + CNNS]
    seeds = {"split": ["held_out"], "seed": range(1)}
    return several(plain, learning_rate=RATES[:3], **seeds) + several(
        taught, **HOT, **seeds
    )


def small_tried() -> list[lab.Setting]:
    """The same for small CNNs, which a patch mixer teaches, or a larger CNN."""
    plain = several([{**BASE, **CNN}], method=["labels", "smoothing 0.1"])
    taught = [of_teacher(name, **CNN) for name in ("mixer", CNNS[0])]
    seeds = {"split": ["held_out"], "seed": range(1)}
    return several(plain, learning_rate=RATES[:3], **seeds) + several(
        taught, **HOT, **seeds
    )


ARM = "student", "teacher", "method", "soft_weight", "jitter", "labels", "epochs"


def cell_of(run: lab.Setting) -> tuple:
    """The arm that a temperature and a peak were chosen for."""
    return tuple(run[name] or None for name in ARM)


def at_best(table: str) -> list[lab.Setting]:
    """Every arm of a tuning with what was best for it."""
    best = chosen(table, cell_of, "temperature", "learning_rate")
    arms = [
        {**BASE, **dict(zip(ARM, arm, strict=True)), **v} for arm, v in best.items()
    ]
    none = {"soft_weight": 0.0, "jitter": 0}
    return [one | {n: one[n] or zero for n, zero in none.items()} for one in arms]


def itself(*names: str) -> list[lab.Setting]:
    """Teachers, to be judged as their students are."""
    return [{**BASE, "student": name, "teacher": name} for name in names]


def all_shifts() -> list[lab.Setting]:
    """Every arm at its best, and the four teachers themselves."""
    return several(at_best("shifts_tuning") + itself(*MLPS, *CNNS), seed=lab.SEEDS)


def all_mixers() -> list[lab.Setting]:
    """Small CNNs at their best, and the mixer itself."""
    return several(at_best("mixers_tuning") + itself("mixer"), seed=lab.SEEDS)


shifts_tuning = lab.Experiment(shift_run, tried)
shifts = lab.Experiment(shift_run, all_shifts, after=("shifts_tuning",))
mixers_tuning = lab.Experiment(shift_run, small_tried)
mixers = lab.Experiment(shift_run, all_mixers, after=("mixers_tuning",))
