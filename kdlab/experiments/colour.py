"""Teachers for colour pictures, of labels and of smoothed ones; what they answer."""

import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from kdlab.data import Columns, count, load_images, scaled
from kdlab.experiments.students import measured
from kdlab.experiments.sweep import Experiment, Setting, where
from kdlab.models import build_model, whiten
from kdlab.objectives import on_augmented, smoothed_label_loss
from kdlab.speed import Way, fastest_way
from kdlab.training import best_device, fit, predict
from kdlab.weights import WEIGHTS, save_model, write_whole

# Chosen on the held-out images; the same for every seed and method.
RECIPES = {
    "cifar10": {"widths": [64, 256, 256], "epochs": 40, "batch_size": 512, "pixels": 4},
    "colour_digits": {"widths": [16, 32, 32], "epochs": 15, "batch_size": 128}
    | {"pixels": 2},
}
PEAK, MOMENTUM, DECAY = 0.75, 0.85, 1.3e-3  # learning rate, and weight decay, of SGD
TEACHERS = {"course": 0.2, "unsmoothed": 0.0}  # label smoothing


def colour_file(dataset: str, teacher: str) -> Path:
    """Where a colour teacher, one of TEACHERS, is stored."""
    name = "teacher" if teacher == "course" else teacher
    return WEIGHTS / f"{dataset}_{name}.safetensors"


def way_here(model: nn.Module, columns: Columns) -> Way:
    """How this machine trains it: on a CPU measured; on a GPU half precision wins."""
    if best_device() == "cuda":
        return Way(torch.bfloat16, channels_last=True)
    return fastest_way(model, columns)


def new_colour_teacher(dataset: str, columns: Columns, seed: int) -> nn.Module:
    """The untrained net of RECIPES, its first layer set by the images."""
    sizes = colour_sizes(dataset)
    model = build_model("convnet", seed=seed, **sizes)
    whiten(model, scaled(columns["images"][:5000]))
    return model.to(best_device())


def colour_sizes(dataset: str) -> dict[str, object]:
    """The sizes of a dataset's colour teacher, as `build_model` takes them."""
    return {"widths": RECIPES[dataset]["widths"], "divisor": 9.0}


def fit_colour_teacher(
    model: nn.Module, dataset: str, name: str, columns: Columns, **how: object
) -> None:
    """Train one of TEACHERS by its recipe: SGD, the rate linear up and down.

    `how` is of `fit`: seed, way, checkpoint, progress.
    """
    recipe = RECIPES[dataset]
    length = {key: recipe[key] for key in ("epochs", "batch_size")}
    batches = -(-count(columns) // recipe["batch_size"])
    free = [p for p in model.parameters() if p.requires_grad]
    sgd = torch.optim.SGD(
        free, PEAK, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True
    )
    cycle = {"pct_start": 0.2, "anneal_strategy": "linear", "cycle_momentum": False}
    schedule = OneCycleLR(sgd, PEAK, total_steps=recipe["epochs"] * batches, **cycle)
    objective = on_augmented(smoothed_label_loss(TEACHERS[name]), recipe["pixels"])
    fit(model, columns, objective, sgd, schedule=schedule, **length, **how)


def colour_teacher_run(setting: Setting, keep: Path | None = None) -> Setting:
    """Train a colour teacher; its row. Killed, the same call goes on from a checkpoint.

    The setting is dataset, name and seed. `keep`: where to save the model, in half
    precision, and beside it its answers to all images, as they are and mirrored.
    """
    dataset, name, seed = (setting[key] for key in ("dataset", "name", "seed"))
    train_set, test_set = (load_images(dataset, s) for s in ("train", "test"))
    model = new_colour_teacher(dataset, train_set, seed)
    way = way_here(model, train_set)
    checkpoint = WEIGHTS / f"{dataset}_{name}_{seed}.checkpoint"
    how = {"seed": seed, "way": way, "checkpoint": checkpoint, "progress": False}
    start = time.perf_counter()
    fit_colour_teacher(model, dataset, name, train_set, **how)
    seconds = time.perf_counter() - start
    model.half().float()  # as it will be stored
    widths = "-".join(map(str, RECIPES[dataset]["widths"]))
    run = {**setting, "teacher": None, "student": f"convnet-{widths}"}
    run |= {"method": "smoothing 0.2" if TEACHERS[name] else "labels"}
    run |= {"temperature": None, "soft_weight": 0.0}
    run |= {"labels": count(train_set), "epochs": RECIPES[dataset]["epochs"]}
    run |= {**measured(model, test_set), "teacher_agreement": None}
    run |= {"train_seconds": round(seconds, 1), "device": where(), "way": str(way)}
    if keep:
        facts = {name: value for name, value in run.items() if value is not None}
        sizes = colour_sizes(dataset)
        save_model(keep, model.half(), "convnet", sizes, **facts)
        store_answers(keep, model.float(), train_set, test_set)
    for file in checkpoint.parent.glob(f"{checkpoint.name}*"):
        file.unlink()
    return run


def store_answers(
    weights: Path, model: nn.Module, train_set: Columns, test_set: Columns
) -> None:
    """Write what the teacher says, half precision, beside its weights: `told_by`."""
    images = {"train": train_set["images"], "test": test_set["images"]}
    images |= {"mirrored": train_set["images"].flip(3)}
    answers = {name: predict(model, some).half() for name, some in images.items()}
    write_whole(answers_file(weights), save(answers))


def answers_file(weights: Path) -> Path:
    """The file of answers that lies beside a file of weights."""
    return weights.with_name(f"{weights.stem}_answers.safetensors")


def told_by(teacher: str, dataset: str) -> dict[str, Tensor]:
    """A colour teacher's stored logits [N, classes]: "train", "mirrored" and "test"."""
    found = load_file(answers_file(colour_file(dataset, teacher)))
    return {name: logits.float() for name, logits in found.items()}


# three seeds: a teacher takes longer than ten minutes on two cores
colour_teachers = Experiment(
    colour_teacher_run,
    lambda: [
        {"dataset": dataset, "name": name, "seed": seed}
        for dataset in RECIPES
        for name in TEACHERS
        for seed in range(3)
    ],
    keeps=lambda run: (
        None if run["seed"] else colour_file(run["dataset"], run["name"]).name
    ),
)
