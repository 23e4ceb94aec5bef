"""Students: from a setting to one run, defined once for sweeps and for explorers.

`student_steps` trains one student, step by step; `student_run` makes a row of it.
"""

import time
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from kdlab import hints
from kdlab.augmentations import jittered
from kdlab.data import Columns, load_images, sample, with_label_noise
from kdlab.experiments.teachers import teacher_for
from kdlab.losses import check_temperature
from kdlab.metrics import soften
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss, smoothed_label_loss
from kdlab.speed import PLAIN, Way
from kdlab.training import (
    Objective,
    best_device,
    cycle_of,
    evaluate,
    last_of,
    predict,
    training_steps,
)
from kdlab.weights import save_model

# A teacher's answers with one part taken away: notebook 03 and `hints`.
CHANGES = {
    "class means": hints.class_means,
    "wrong answers evened": hints.evened_out,
    "wrong answers permuted": hints.permuted,
    "shuffled within class": hints.shuffled_within_class,
    "shuffled": hints.shuffled,
    "wrong answers alone": hints.wrong_answers_alone,
}
RANDOM = "wrong answers permuted", "shuffled within class", "shuffled"
WITHOUT_TEACHER = "labels", "smoothing 0.1", "smoothing 0.3"
METHODS = *WITHOUT_TEACHER, "teacher", "arg max", *CHANGES
LEARNING_RATE = 1e-2  # where none was chosen: `tuning.nearest_rate`


def objective_of(method: str, temperature: float, soft_weight: float) -> Objective:
    """How a student is taught by one of METHODS. Raises ValueError for another name."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {[*METHODS]}, got {method!r}.")
    if method.startswith("smoothing"):
        return smoothed_label_loss(float(method.split()[1]))
    if method in ("labels", "arg max"):
        return label_loss
    return blended_loss(temperature, soft_weight)


def with_targets(
    columns: Columns, method: str, temperature: float, seed: int
) -> Columns:
    """The columns with what this method tells the student in the teacher's place.

    Raises ValueError for a method with a teacher if there are no teacher_logits, or if
    the temperature is not positive.
    """
    if method in WITHOUT_TEACHER:
        return columns
    if "teacher_logits" not in columns:
        raise ValueError(
            f"{method!r} needs a column teacher_logits: predict(teacher, images)."
        )
    if method == "arg max":
        return {**columns, "labels": columns["teacher_logits"].argmax(dim=1)}
    check_temperature(temperature)
    if method not in CHANGES:
        return columns
    probs = soften(columns["teacher_logits"].double(), temperature)
    of_seed = {"seed": seed} if method in RANDOM else {}
    probs = CHANGES[method](probs, columns["labels"], **of_seed)
    return {**columns, "teacher_logits": hints.as_logits(probs, temperature).float()}


def student_steps(
    train_set: Columns,
    *,
    student: str = "mlp-128",
    method: str = "teacher",
    temperature: float = 8.0,
    soft_weight: float = 1.0,
    epochs: int = 15,
    batch_size: int = 64,
    learning_rate: float = LEARNING_RATE,
    dropout: float = 0.0,
    jitter: int = 0,
    seed: int = 0,
    model: nn.Module | None = None,
) -> Generator[tuple[int, dict[str, Tensor]], None, nn.Module]:
    """Train a student with Adam in one cycle; yield as `training_steps`, return it.

    Args:
        train_set: images, labels, and teacher_logits unless the method has no teacher.
        student: "mlp-800-800" is a net with hidden layers of these widths.
        method: one of METHODS; temperature and soft_weight are of those with a teacher.
        learning_rate: the peak; `tuning.nearest_rate` knows what was best.
        jitter: each image of a batch is moved by up to so many pixels each way.
        seed: decides the initial weights, the order, dropout and jitter.
        model: trained in place, if one is wanted that can be watched: `new_student`.

    Raises:
        ValueError: settings that make no sense, before the first step.
        FloatingPointError: at the end of an epoch in which a loss is not finite.
    """
    told = objective_of(method, temperature, soft_weight)
    columns = with_targets(train_set, method, temperature, seed)
    if model is None:
        told_of = columns.get("teacher_logits", torch.empty(0, 10))
        model = new_student(student, seed, dropout, classes=told_of.shape[1])

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images = jittered(batch["images"], jitter) if jitter else batch["images"]
        return told(model, {**batch, "images": images})

    cycle = cycle_of(
        model, columns, learning_rate, epochs=epochs, batch_size=batch_size
    )
    yield from training_steps(model, columns, objective, seed=seed, **cycle)
    return model


def new_student(
    student: str, seed: int, dropout: float = 0.0, classes: int = 10
) -> nn.Module:
    """The untrained net of this name and seed, on the fastest device."""
    sizes = {"widths": widths_of(student), "dropout": dropout, "classes": classes}
    return build_model("mlp", seed=seed, **sizes).to(best_device())


def new_cnn(name: str, seed: int = 0) -> nn.Module:
    """The untrained net of a name such as "cnn-16-32-64"; 64 units are hidden."""
    *channels, hidden = map(int, name.split("-")[1:])
    return build_model("cnn", seed=seed, channels=channels, hidden=hidden)


def widths_of(student: str) -> list[int]:
    """[800, 800] of "mlp-800-800". Raises ValueError for another kind of name."""
    kind, *widths = student.split("-")
    if kind != "mlp" or not widths or not all(w.isdigit() and int(w) for w in widths):
        raise ValueError(f'A student is named such as "mlp-128", got {student!r}.')
    return [int(width) for width in widths]


@lru_cache(maxsize=8)
def columns_of(
    dataset: str, split: str, teacher: str, labels: int, draw: int
) -> tuple[Columns, Columns]:
    """Images to learn from and images to judge by, both as the teacher answers them.

    The split is "test", or "held_out" for what is chosen there: then the images to
    learn from are those of `fit`, else those of `train`.
    """
    whole = load_images(dataset, "fit" if split == "held_out" else "train")
    train_set, test_set = sample(whole, labels, draw), load_images(dataset, split)
    model = teacher_for(teacher, dataset, whole, train_set, draw)
    for columns in (train_set, test_set):
        columns["teacher_logits"] = predict(model, columns["images"])
    return train_set, test_set


OF_DATA = "dataset", "split", "teacher", "labels", "draw"


def student_run(
    setting: dict[str, object], keep: Path | None = None
) -> dict[str, object]:
    """Train the student of a setting; the setting and what was measured, as one row.

    Args:
        setting: OF_DATA and label_noise decide the images, the rest are the arguments
            of `student_steps`. The teacher is also the one to be compared with.
        keep: where to save the student, to be a teacher.
    """
    train_set, test_set = columns_of(*(setting[name] for name in OF_DATA))
    told = with_label_noise(train_set, setting["label_noise"], setting["seed"])
    apart = {*OF_DATA, "label_noise"}
    how = {name: value for name, value in setting.items() if name not in apart}
    start = time.perf_counter()
    student = last_of(student_steps(told, **how))
    seconds = round(time.perf_counter() - start, 2)
    if keep:
        sizes = {"widths": widths_of(setting["student"])}
        sizes["dropout"] = setting.get("dropout", 0.0)  # its layers are counted, too
        save_model(keep, student, "mlp", sizes, seed=setting["seed"])
    return {**setting, **measured(student, test_set), "train_seconds": seconds}


def measured(
    student: nn.Module, test_set: Columns, way: Way = PLAIN
) -> dict[str, float]:
    """`evaluate` under the names of the table of runs."""
    facts = evaluate(student, test_set, way)
    kept = {"agreement": "teacher_agreement"}
    kept |= {name: name for name in ("agreement_on_errors", "teacher_kl")}
    return {kept.get(k, f"test_{k}"): round(v, 6) for k, v in facts.items()}
