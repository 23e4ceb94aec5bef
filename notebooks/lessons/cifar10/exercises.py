"""The exercises of 06; mistakes.toml holds what real code does wrong in them."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.augmentations import shifted
from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import learned, soft_mistakes
from kdlab.losses import soft_target_loss

from . import solutions

NAMES = {"soft_target_loss": soft_target_loss}
MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml", NAMES)
RESTLESS = (
    "The number is right only on these pictures, chosen to have the mean and spread that "
    "BatchNorm has stored: the {0} is in train mode, where an answer depends on the batch "
    "and what is stored moves, in no_grad() too. Call {0}.eval(), with the ( ), first."
)
FROZEN = "The number is right, but the student is in eval mode, and has to learn."
LEFT = "The share is right, but the model stays in eval mode: call model.train() at the end."
GRAPH = "Right, but each answer keeps a graph for nothing: ask in torch.no_grad()."


def of_pictures(answer: Function) -> Seen:
    """Two pictures of 2 × 4 pixels; none is as dark or as bright as can be."""
    pictures = torch.randint(10, 240, (2, 2, 4, 3), dtype=torch.uint8)
    mean, spread = torch.tensor([[0.5, 0.45, 0.4], [0.3, 0.2, 0.25]])
    found = answer(pictures, mean, spread)
    double = str(getattr(found, "dtype", "")).endswith("float64")
    rest = "Right, but in float64, which no net here takes: .float()."
    return Seen(found, rest if double else "")


def with_norm() -> tuple[nn.Module, Tensor, list[tuple[bool, bool]]]:
    """A net, pictures, and of each time it is asked: in train mode? with a graph?

    Each picture has the mean and spread that BatchNorm has stored, so that a mistake is
    known by its number in either mode.
    """
    norm, modes = nn.BatchNorm2d(3, momentum=0.0), []
    net = nn.Sequential(norm, nn.Flatten(), nn.Linear(108, 10))
    nn.init.normal_(net[2].weight, std=0.2)
    norm.register_forward_hook(
        lambda norm, *_: modes.append((norm.training, torch.is_grad_enabled()))
    )
    return net, F.instance_norm(torch.randn(140, 3, 6, 6)), modes


def of_crop(answer: Function) -> Seen:
    """Loss of a student beside a teacher who was left in train mode."""
    (teacher, images, modes), (student, *_) = with_norm(), with_norm()
    loss = answer(student, teacher, images[:8], 4.0, lambda x: shifted(x, 2))
    seen = learned(loss, student[2].weight, list(teacher.parameters()))
    restless = any(training for training, _ in modes)
    rest = seen.besides or ("" if student.training else FROZEN)
    return seen._replace(besides=RESTLESS.format("teacher") if restless else rest)


def of_test_set(answer: Function) -> Seen:
    """Share of a net that is wrong on some pictures, and on most that are mirrored."""
    model, images, modes = with_norm()
    labels = (model(images) + torch.randn(140, 10)).argmax(dim=1)
    modes.clear()
    share = answer(model, images, labels, 64, lambda x: x.flip(3))
    faults = {
        RESTLESS.format("model"): any(training for training, _ in modes),
        LEFT: not model.training,
        GRAPH: any(graph for _, graph in modes),
    }
    return Seen(share, next((words for words, there in faults.items() if there), ""))


def of_schedule(answer: Function) -> Seen:
    """Four batches, three epochs, and a rate that falls in twelve steps."""
    optimizer, learnt = torch.optim.SGD([torch.zeros(1)], lr=0.6), []
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 - n / 12)
    optimizer.step()  # or torch warns that the schedule steps first
    rates = answer(learnt.append, list(range(4)), 3, schedule)
    rest = "The rates are right, but learn(batch) is to be called for each, in turn."
    return Seen(rates, "" if learnt == 3 * list(range(4)) else rest)


def of_logits(loss: Function) -> Function:
    """`same_crop_loss` with another loss of the logits."""
    return lambda s, t, images, T, crop: loss(s(x := crop(images)), t(x), T)


TASKS = {
    "prepare": Task(
        of_pictures,
        solutions.prepare,
        "Each pixel kept its three colours, and all are near 0.",
        MISTAKES["prepare"],
        "[B, 3, H, W] of bytes / 255, each colour less its mean, over its spread.",
    ),
    "same_crop_loss": Task(
        of_crop,
        solutions.same_crop_loss,
        "One crop for both, and a teacher at rest.",
        MISTAKES["same_crop_loss"]
        | {hint: of_logits(f) for hint, f in soft_mistakes().items()},
        "crop(images) once, then T² · KL of the logits of both, the student's first.",
    ),
    "test_accuracy": Task(
        of_test_set,
        solutions.test_accuracy,
        "The pictures as they are, the net at rest, and then back to work.",
        MISTAKES["test_accuracy"],
        "one number from 0 to 1: the right answers of all batches, over all images.",
    ),
    "train": Task(
        of_schedule,
        solutions.train,
        "One step for each batch: the last one is learnt at nearly 0.",
        MISTAKES["train"],
        "of each batch the rate before it is learnt, then learn(batch), then one step.",
    ),
}
