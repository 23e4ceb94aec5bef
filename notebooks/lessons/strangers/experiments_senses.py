"""The stored experiments with other senses: shadows, halves, and scanned reliefs."""

import time
from functools import cache

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import load_images
from kdlab.objectives import label_loss
from kdlab.training import last_of, predict

from .choices import chosen, several
from .sides import few, half, learn, new_net, said, shadows, side

STEPS, BATCH = 600, 64
PICTURE = "cnn-8-16-64"
BASE = {"dataset": "mnist", "split": "test", "teacher": None, "student": "mlp-128"}
BASE |= {"sense": "shadows", "method": "labels", "temperature": None}
BASE |= {"soft_weight": 0.0, "labels": 10_000, "broken": 0.0, "epochs": None}
BASE |= {"learning_rate": None, "seed": 0}
RATES = [2e-3, 5e-3, 1e-2, 2e-2]
PAIRS = [100, 300, 1000, 10_000]


def epochs_of(images: int) -> int:
    """As many epochs of so many images as make about STEPS steps."""
    return max(1, round(STEPS / -(-images // BATCH)))


def sensed(sense: str, images: Tensor) -> Tensor:
    """What a student has of the pictures: their "shadows", or their "left half"."""
    return shadows(images) if sense == "shadows" else half(images, 1.0)


@cache
def of_half(overlap: float, draw: int) -> nn.Module:
    """A teacher that sees 14 columns, which share a part with the student's."""
    images = side(draw, "teacher")
    images = {**images, "images": half(images["images"], overlap)}
    net, how = new_net("mlp-256", draw, inputs=392), {"epochs": 4, "batch_size": 64}
    return learn(net, images, label_loss, 5e-3, seed=100 + draw, **how)


def heard(teacher: str, draw: int) -> Tensor:
    """Logits [N, 10] of the student's pictures, from a teacher who sees all or half."""
    if teacher == PICTURE:
        return said(teacher, draw)
    overlap = float(teacher.split()[1])
    images = half(side(draw, "pupil")["images"], overlap)
    return predict(of_half(overlap, draw), images)


def broken(logits: Tensor, share: float, seed: int) -> Tensor:
    """The answers [N, 10], but of so many the pairs are broken: they change places."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(logits), generator=draw)[: round(share * len(logits))]
    logits = logits.clone()
    logits[rows] = logits[rows.roll(1)]
    return logits


def sense_run(setting: lab.Setting) -> lab.Setting:
    """A student with a poorer sense than its teacher's; its row."""
    draw, pairs, sense = (setting[name] for name in ("seed", "labels", "sense"))
    judges, images = load_images("mnist", setting["split"]), few(draw, pairs)
    images["images"] = sensed(sense, images["images"])
    judges = {**judges, "images": sensed(sense, judges["images"])}
    if setting["teacher"]:
        logits = heard(setting["teacher"], draw)[:pairs]
        images["teacher_logits"] = broken(logits, setting["broken"], draw)
    net = new_net(setting["student"], draw, inputs=images["images"][0].numel())
    how = ("method", "temperature", "soft_weight", "epochs", "learning_rate", "seed")
    how, start = {name: setting[name] for name in how}, time.perf_counter()
    last_of(lab.student_steps(images, model=net, batch_size=BATCH, **how))
    seconds = round(time.perf_counter() - start, 2)
    row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
    return row | {"train_seconds": seconds}


def arms(*teachers: str, pairs: list[int], **changes: object) -> list[lab.Setting]:
    """Labels, smoothed ones, a teacher's arg max and all it says, of so many pairs."""
    plain = [{"method": "labels"}, {"method": "smoothing 0.1"}]
    plain += [{"method": "arg max", "teacher": name} for name in teachers]
    soft = {"method": "teacher", "soft_weight": 1.0}
    plain += [{**soft, "teacher": name} for name in teachers]
    return [
        {**BASE, **one, "labels": n, "epochs": epochs_of(n), **changes}
        for n in pairs
        for one in plain
    ]


HALVES = [f"half {overlap}" for overlap in (0.0, 0.5, 1.0)]


def all_arms() -> list[lab.Setting]:
    """Every arm, of seed 0; temperature and peak are still to be chosen."""
    wrong = arms(PICTURE, pairs=[10_000], broken=0.2)[2:]
    left = {"sense": "left half", "pairs": [10_000]}
    return arms(PICTURE, pairs=PAIRS) + wrong + arms(*HALVES, PICTURE, **left)


def tried() -> list[lab.Setting]:
    """Temperature and peak of each arm, on held-out images."""
    seeds, every = {"split": ["held_out"], "seed": range(1)}, all_arms()
    soft = [one for one in every if one["method"] == "teacher"]
    hard = [one for one in every if one["method"] != "teacher"]
    hot = {"temperature": [1.0, 4.0], "learning_rate": RATES[2:]}
    return several(hard, learning_rate=RATES[1:], **seeds) + several(
        soft, **hot, **seeds
    )


def cell_of(run: lab.Setting) -> tuple:
    """The arm that a temperature and a peak were chosen for."""
    names = "sense", "teacher", "method", "labels", "broken"
    return tuple(run[name] or None for name in names)


def all_senses() -> list[lab.Setting]:
    """Every arm at its best; beside the soft ones of shadows, pairs shuffled in class."""
    best = chosen("senses_tuning", cell_of, "temperature", "learning_rate")
    settings = [{**one, **best[cell_of(one)]} for one in all_arms()]
    settings += [
        {**one, "method": "shuffled within class"}
        for one in settings
        if one["method"] == "teacher"
        and one["teacher"] == PICTURE
        and not one["broken"]
    ]
    return several(settings, seed=lab.SEEDS)


senses_tuning = lab.Experiment(sense_run, tried)
senses = lab.Experiment(sense_run, all_senses, after=("senses_tuning",))
