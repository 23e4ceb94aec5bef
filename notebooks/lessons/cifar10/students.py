"""Students of colour pictures: from a setting to one run, as in `kdlab.experiments`."""

import time
from collections.abc import Generator
from functools import lru_cache

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, load_images, sample, scaled
from kdlab.experiments.students import objective_of
from kdlab.models import build_model, whiten
from kdlab.objectives import on_augmented
from kdlab.speed import PLAIN, Way
from kdlab.training import (
    best_device,
    cycle_of,
    evaluate,
    last_of,
    predict,
    training_steps,
)
from kdlab.weights import load_model

NETS = {
    "convnet": {"widths": [16, 64, 64]},  # the teacher's family
    "mixer": {"width": 96, "depth": 4},  # no convolution but the one that cuts patches
    "resnet": {"depth": 20},
}
PIXELS = 2  # by which pictures are moved
SAME = "same crop"  # the teacher answers what the student sees; else "fixed views"


def told_set(
    split: str, teacher: str = "unsmoothed", dataset: str = "cifar10"
) -> Columns:
    """Pictures and what a stored teacher says: teacher_logits, and mirrored_logits."""
    columns = load_images(dataset, split)
    told = lab.told_by(teacher, dataset)
    if split == "test":
        return {**columns, "teacher_logits": told["test"]}
    examples = len(columns["labels"])
    rows = slice(-examples, None) if split == "held_out" else slice(examples)
    names = {"teacher_logits": "train", "mirrored_logits": "mirrored"}
    return columns | {name: told[stored][rows] for name, stored in names.items()}


def new_student(student: str, columns: Columns, seed: int) -> nn.Module:
    """The untrained net of NETS, on the fastest device."""
    _, colors, _, image_size = columns["images"].shape
    sizes = NETS[student] | {"colors": colors}
    sizes["classes"] = columns["teacher_logits"].shape[1]
    if student == "mixer":
        sizes["image_size"] = image_size
    model = build_model(student, seed=seed, **sizes)
    if student == "convnet":
        whiten(model, scaled(columns["images"][:5000]))
    return model.to(best_device())


def student_steps(
    train_set: Columns,
    *,
    student: str = "convnet",
    method: str = "teacher",
    temperature: float | None = 4.0,
    soft_weight: float = 1.0,
    epochs: int = 6,
    batch_size: int = 100,
    learning_rate: float = 1e-2,
    seed: int = 0,
    teacher: nn.Module | None = None,
    model: nn.Module | None = None,
    way: Way = PLAIN,
) -> Generator[tuple[int, dict[str, Tensor]], None, nn.Module]:
    """Train a student on moved and mirrored pictures; yield as `training_steps`.

    A teacher, if one is given, answers what the student sees; else its answers to the
    pictures, and to the mirrored ones, stand in the columns.
    """
    if model is None:
        model = new_student(student, train_set, seed)
    told = objective_of(method, temperature, soft_weight)
    length = {"epochs": epochs, "batch_size": batch_size}
    cycle = cycle_of(model, train_set, learning_rate, **length)
    objective = on_augmented(told, PIXELS, teacher)
    how = {**cycle, "seed": seed, "way": way}
    yield from training_steps(model, train_set, objective, **how)
    return model


@lru_cache(maxsize=4)
def images_of(dataset: str, split: str, teacher: str) -> tuple[Columns, Columns]:
    """Pictures to learn from, and pictures to judge by."""
    learn = "fit" if split == "held_out" else "train"
    return told_set(learn, teacher, dataset), told_set(split, teacher, dataset)


@lru_cache(maxsize=2)
def model_of(dataset: str, teacher: str) -> nn.Module:
    """The stored teacher, on the fastest device and in the layout it likes."""
    model, _ = load_model(lab.colour_file(dataset, teacher))
    return model.to(best_device(), memory_format=torch.channels_last)


def own_teacher(dataset: str, train_set: Columns) -> nn.Module:
    """A teacher of labels, trained here and now where there is a GPU; else the stored.

    It says what it took, and how often it is right.
    """
    if best_device() != "cuda":
        _, facts = load_model(lab.colour_file(dataset, "unsmoothed"))
        seconds, device = (facts[name] for name in ("train_seconds", "device"))
        print(
            f"There is no GPU here. The stored teacher took {seconds:.0f} s: {device}."
        )
        return model_of(dataset, "unsmoothed")
    model = lab.new_colour_teacher(dataset, train_set, seed=0)
    way = lab.way_here(model, train_set)
    lab.fit_colour_teacher(model, dataset, "unsmoothed", train_set, way=way)
    right = evaluate(model, load_images(dataset, "test"), way)["accuracy"]
    print(f"{lab.where()}: right on {right:.1%} of the test pictures.")
    return model.eval().requires_grad_(False)


APART = "dataset", "split", "teacher", "labels", "pictures", "views"


def colour_run(setting: lab.Setting) -> lab.Setting:
    """Train the student of a setting; the setting and what was measured, as one row.

    Who has no teacher learns from `labels` pictures; who has one sees `pictures`, and
    no label. The seed draws them: the labelled ones are among the others.
    """
    dataset, split, teacher = (setting[name] for name in APART[:3])
    whole, test_set = images_of(dataset, split, teacher)
    alone = setting["method"] in lab.WITHOUT_TEACHER
    seen = sample(whole, setting["labels" if alone else "pictures"], setting["seed"])
    how = {name: value for name, value in setting.items() if name not in APART}
    model = new_student(setting["student"], seen, setting["seed"])
    how["way"] = lab.way_here(model, seen)
    if setting["views"] == SAME:
        how["teacher"] = model_of(dataset, teacher)
    start = time.perf_counter()
    student = last_of(student_steps(seen, model=model, **how))
    seconds = round(time.perf_counter() - start, 2)
    found = lab.measured(student, test_set, how["way"])
    found |= per_class(student, test_set, how["way"])
    where = {"device": lab.where(), "way": str(how["way"])}
    return {**setting, **found, "train_seconds": seconds, **where}


def per_class(student: nn.Module, test_set: Columns, way: Way) -> dict[str, int]:
    """Errors on the test images of each class: errors_0, errors_1, ..."""
    answers = predict(student, test_set["images"], way=way).argmax(dim=1)
    labels = test_set["labels"]
    wrong = answers != labels
    counts = torch.bincount(labels[wrong], minlength=10).tolist()
    return {f"errors_{label}": errors for label, errors in enumerate(counts)}
