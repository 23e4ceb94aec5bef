"""Experiments: from settings to one run, defined once for sweeps and for explorers.

`student_steps` trains one student, step by step; `student_run` makes a row of it.
"""

import time
from collections.abc import Generator
from pathlib import Path

import torch
from torch import Tensor, nn

from kdlab import targets
from kdlab.data import Columns
from kdlab.losses import check_temperature
from kdlab.metrics import accuracy, soften
from kdlab.models import build_model
from kdlab.objectives import blended_loss, jittered, label_loss, smoothed_label_loss
from kdlab.teachers import answers_of, images_of, some_of, teacher_of
from kdlab.training import (
    Objective,
    best_device,
    cycle_steps,
    evaluate,
    last_of,
    predict,
)
from kdlab.weights import save_model

# A teacher's answers with one part taken away: notebook 03 and `targets`.
CHANGES = {
    "class means": targets.class_means,
    "wrong answers evened": targets.evened_out,
    "wrong answers permuted": targets.permuted,
    "shuffled within class": targets.shuffled_within_class,
    "shuffled": targets.shuffled,
    "wrong answers alone": targets.wrong_answers_alone,
}
RANDOM = "wrong answers permuted", "shuffled within class", "shuffled"
WITHOUT_TEACHER = "labels", "smoothing 0.1", "smoothing 0.3"
METHODS = *WITHOUT_TEACHER, "teacher", "arg max", *CHANGES
# Peak learning rates of "mlp-128" on 2,000 images in 15 epochs, chosen on held-out
# images by `kdlab.sweeps tuning`; 1e-2 for methods that are not named.
LEARNING_RATES = {
    "smoothing 0.3": 5e-3,
    "class means": 2e-2,
    "wrong answers permuted": 2e-2,
    "wrong answers alone": 2e-2,
    "shuffled": 1e-3,
}


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
    return {**columns, "teacher_logits": targets.as_logits(probs, temperature).float()}


def with_label_noise(columns: Columns, share: float, seed: int = 0) -> Columns:
    """The columns with about this share of the labels [N] replaced by wrong ones."""
    draw, labels = torch.Generator().manual_seed(seed), columns["labels"]
    wrong = torch.rand(len(labels), generator=draw) < share
    classes = int(labels.max()) + 1
    other = labels + torch.randint(1, classes, labels.shape, generator=draw)
    return {**columns, "labels": torch.where(wrong, other % classes, labels)}


def student_steps(
    train_set: Columns,
    *,
    student: str = "mlp-128",
    method: str = "teacher",
    temperature: float = 8.0,
    soft_weight: float = 1.0,
    epochs: int = 15,
    batch_size: int = 64,
    learning_rate: float | None = None,
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
        learning_rate: the peak; by default the one chosen for the method.
        jitter: each image of a batch is moved by up to so many pixels each way.
        seed: decides the initial weights, the order, dropout and jitter.
        model: trained in place, if one is wanted that can be watched: `new_student`.

    Raises:
        ValueError: settings that make no sense, before the first step.
        FloatingPointError: at the end of an epoch in which a loss is not finite.
    """
    told = objective_of(method, temperature, soft_weight)
    columns = with_targets(train_set, method, temperature, seed)
    model = model or new_student(student, seed, dropout)
    if learning_rate is None:
        learning_rate = learning_rate_of(method)

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images = jittered(batch["images"], jitter) if jitter else batch["images"]
        return told(model, {**batch, "images": images})

    length = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    return (yield from cycle_steps(model, columns, objective, learning_rate, **length))


def new_student(student: str, seed: int, dropout: float = 0.0) -> nn.Module:
    """The untrained net of this name and seed, on the fastest device."""
    sizes = {"widths": widths_of(student), "dropout": dropout}
    return build_model("mlp", seed=seed, **sizes).to(best_device())


def widths_of(student: str) -> list[int]:
    """[800, 800] of "mlp-800-800". Raises ValueError for another kind of name."""
    kind, *widths = student.split("-")
    if kind != "mlp" or not widths or not all(w.isdigit() and int(w) for w in widths):
        raise ValueError(f'A student is named such as "mlp-128", got {student!r}.')
    return [int(width) for width in widths]


def learning_rate_of(method: str) -> float:
    """The peak chosen on held-out images for the default student."""
    return LEARNING_RATES.get(method, 1e-2)


def student_run(
    setting: dict[str, object], keep: Path | None = None
) -> dict[str, object]:
    """Train the student of a setting; the setting and what was measured, as one row.

    Args:
        setting: dataset, split, teacher, labels, label_noise and draw decide the
            images, the rest are the arguments of `student_steps`. The split is
            "test", or "held_out" for what is chosen there; training images are those
            of `train` and `fit`. The teacher is also the one to be compared with.
        keep: where to save the student, to be a teacher.
    """
    of_data = "dataset", "split", "teacher", "labels", "label_noise", "draw"
    dataset, split, teacher, labels, noise, draw = (setting[name] for name in of_data)
    whole = images_of(dataset, "fit" if split == "held_out" else "train")
    train_set = some_of(whole, labels, draw)
    train_set = with_label_noise(train_set, noise, setting["seed"])
    own = (labels, draw) if teacher.startswith("same images") else (0, 0)
    if setting["method"] not in WITHOUT_TEACHER:
        model = teacher_of(dataset, teacher, *own)
        train_set["teacher_logits"] = predict(model, train_set["images"])
    test_set = dict(images_of(dataset, split))
    test_set["teacher_logits"] = answers_of(dataset, teacher, *own, split)
    start = time.perf_counter()
    steps = student_steps(
        train_set, **{k: v for k, v in setting.items() if k not in of_data}
    )
    student, seconds = last_of(steps), time.perf_counter() - start
    if keep:
        sizes = {"widths": widths_of(setting["student"]), "dropout": setting["dropout"]}
        save_model(keep, student, "mlp", sizes, seed=setting["seed"])
    return {
        **setting,
        **measured(student, test_set),
        "train_seconds": round(seconds, 2),
    }


def fidelity_run(setting: dict[str, object]) -> dict[str, object]:
    """`student_run`, and how often its teacher is right."""
    dataset, split, teacher = (setting[n] for n in ("dataset", "split", "teacher"))
    told = answers_of(dataset, teacher, 0, 0, split)
    right = accuracy(told, images_of(dataset, split)["labels"]).item()
    return {**student_run(setting), "teacher_accuracy": round(right, 6)}


def measured(student: nn.Module, test_set: Columns) -> dict[str, float]:
    """`evaluate` under the names of the table of runs."""
    facts = evaluate(student, test_set)
    kept = {"agreement": "teacher_agreement"}
    kept |= {name: name for name in ("agreement_on_errors", "teacher_kl")}
    return {kept.get(k, f"test_{k}"): round(v, 6) for k, v in facts.items()}
