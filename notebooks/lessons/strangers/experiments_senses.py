"""The stored experiments with other senses: shadows, halves, and scanned reliefs."""

from functools import cache

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, load_images
from kdlab.objectives import label_loss
from kdlab.training import last_of, predict

from . import sides
from .senses import PointNet, half, scanned, shadows
from .sides import few, learning, row_of, searched, several, side

STEPS, BATCH = 600, 64
SIDES, WHOLE = ("pupil", "teacher"), ("cnn-8-16-64", "mlp-800")
PICTURE, SHUFFLED = "cnn-8-16-64", "shuffled within class"
SEEN = {**sides.BASE, "student": "mlp-128", "sense": "shadows", "labels": 10_000}
SEEN |= {"broken": 0.0}
RATES, PAIRS = [2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 8e-2], [100, 300, 1000, 10_000]
HALVES = [f"half {overlap}" for overlap in (0.0, 0.5, 1.0)]


def sensed(sense: str, images: Tensor) -> Tensor:
    """What a student has of the pictures: their "shadows", or their "left half"."""
    return shadows(images) if sense == "shadows" else half(images)


@cache
def heard(teacher: str, draw: int) -> Tensor:
    """Logits [N, 10] of the student's pictures: of who sees all, or "half 0.5".

    That teacher sees 14 columns, which share this part with the student's.
    """
    if teacher in WHOLE:
        return sides.said(teacher, draw)
    overlap, both = float(teacher.split()[1]), (side(draw, s) for s in SIDES)
    own, other = ({**s, "images": half(s["images"], overlap)} for s in both)
    how = {"epochs": 4, "batch_size": 64, "seed": 100 + draw}
    net = sides.new_net("mlp-256", draw, inputs=392)
    net = last_of(learning(net, other, label_loss, 5e-3, **how))
    return predict(net, own["images"])


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
    net = sides.new_net(setting["student"], draw, inputs=images["images"][0].numel())
    return row_of(setting, net, images, judges, batch_size=BATCH)


def ways(*teachers: str, pairs: list[int], **more: object) -> list[lab.Setting]:
    """Labels, smoothed ones, a teacher's arg max and all it says, of so many pairs."""
    told = [{"method": "arg max", "teacher": name} for name in teachers]
    told = [
        *sides.PLAIN,
        *told,
        *({**sides.TAUGHT, "teacher": name} for name in teachers),
    ]
    epochs = {n: max(1, round(STEPS / -(-n // BATCH))) for n in pairs}
    return [
        {**SEEN, **way, "labels": n, "epochs": epochs[n], **more}
        for n in pairs
        for way in told
    ]


def sense_kind(run: lab.Setting) -> tuple:
    """The arm that was tried; pairs shuffled within the class take the right ones'."""
    method = "teacher" if run["method"] == SHUFFLED else run["method"]
    return method, *(run[name] for name in ("sense", "teacher", "labels", "broken"))


left = ways(*HALVES, *WHOLE, pairs=[10_000], sense="left half")
arms = [*ways(PICTURE, pairs=PAIRS), *ways(PICTURE, pairs=[10_000], broken=0.2)[2:]]
arms += left
mixed = [
    {**arm, "method": SHUFFLED}
    for arm in arms
    if arm["soft_weight"] and arm["teacher"] == PICTURE and not arm["broken"]
]
axes = {"learning_rate": RATES[:5]}, {"temperature": [1.0, 4.0]}
axes[1]["learning_rate"] = RATES[1:5]
senses_tuning, senses = searched("senses", sense_run, arms, sense_kind, axes, *mixed)

# --- reliefs --------------------------------------------------------------------------

DENSE, TURN, STARTS = 128, 15.0, 2
RELIEF = {**sides.BASE, "student": "points-16-32", "labels": 2000, "points": 64}
RELIEF |= {"told": None, "draws": 1, "epochs": 15}


@cache
def dense_teacher(draw: int) -> nn.Module:
    """A large PointNet, of dense scans of its own images, each scanned twice."""
    images = {name: column[:8000] for name, column in side(draw, "teacher").items()}
    scans = clouds_of(images, DENSE, 2, 1000 + draw)
    how = {"epochs": 4, "batch_size": 64, "seed": 100 + draw}
    net = PointNet(64, 128, seed=100 + draw)
    return last_of(learning(net, scans, label_loss, 5e-3, **how))


def clouds_of(images: Columns, points: int, draws: int, seed: int) -> Columns:
    """Each digit scanned so many times: rows that belong to one another follow."""
    images = {name: rows.repeat_interleave(draws, 0) for name, rows in images.items()}
    return {**images, "images": scanned(images["images"], points, TURN, seed)}


def thinned(scans: Columns, points: int) -> Columns:
    """The same scans with fewer points."""
    return {**scans, "images": scans["images"][:, :points]}


@cache
def judges_of(split: str) -> Columns:
    """The images to judge by, each scanned once and densely; thin them out."""
    return clouds_of(load_images("mnist", split), DENSE, 1, 0)


def cloud_run(setting: lab.Setting) -> lab.Setting:
    """Two students of sparse scans; the row of the first, and the errors' mean.

    `told` is how many points the teacher sees of the student's scans; `draws`, how
    often each digit is scanned, in equally many steps.
    """
    draw, points, told = (setting[name] for name in ("seed", "points", "told"))
    scans = clouds_of(few(draw, setting["labels"]), DENSE, setting["draws"], draw)
    judges, images = (
        thinned(judges_of(setting["split"]), points),
        thinned(scans, points),
    )
    if told:
        logits = predict(dense_teacher(draw), thinned(scans, told)["images"])
        images["teacher_logits"] = logits
    starts = STARTS if setting["split"] == "test" else 1
    rows, how = [], {"epochs": setting["epochs"] // setting["draws"]}
    for seed in range(10 * draw, 10 * draw + starts):
        net = PointNet(16, 32, seed=seed)
        rows.append(row_of(setting, net, images, judges, seed=seed, **how))
    mean = sum(row["test_errors"] for row in rows) / len(rows)
    return rows[0] | {"test_errors": round(mean, 1)}


def cloud_kind(run: lab.Setting) -> tuple:
    """The arm that was tried; scans that are drawn again take its choice."""
    return run["points"], run["method"], run["told"], run["labels"]


soft = {**sides.TAUGHT, "teacher": "points-64-128"}
arms = [
    {**RELIEF, "points": points, **way, "labels": images, "epochs": epochs}
    for images, epochs in ((2000, 15), (300, 100))
    for points in (16, 64)
    for way in (*sides.PLAIN, *({**soft, "told": told} for told in (DENSE, points)))
]
axes = (
    {"learning_rate": RATES[1:]},
    {"temperature": [1.0, 4.0, 16.0], "learning_rate": RATES[1:]},
)
again = several(arms[:8], draws=[15])
clouds_tuning, clouds = searched("clouds", cloud_run, arms, cloud_kind, axes, *again)
