"""Students that are told more than answers: what a net computes on its way there."""

from collections.abc import Callable, Generator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import relations
from kdlab.data import Columns, scaled
from kdlab.experiments import new_cnn
from kdlab.hints import shuffled, shuffled_within_class
from kdlab.models import build_model
from kdlab.objectives import blended_loss, smoothed_label_loss
from kdlab.relations import flow
from kdlab.seeds import random_numbers_from
from kdlab.training import Objective, one_cycle, training_steps

STUDENT = "cnn-4-8-32"
LOSSES: dict[str, Callable[..., Tensor]] = {  # of the layers of both, student's first
    "hint": relations.hint_loss,
    "attention": relations.attention_loss,
    "gram": lambda s, t: relations.hint_loss(flow(s, s), flow(t, t)),
    "flow": lambda *x: relations.hint_loss(flow(*x[:2]), flow(*x[2:])),
    "distances": relations.distance_loss,
    "angles": relations.angle_loss,
    "similarity": relations.similarity_loss,
}
REGRESSED = "hint", "gram", "flow"  # these compare unit by unit
ADVERSARY = "adversary"  # its loss learns, too
METHODS = *LOSSES, ADVERSARY
EARLY = "hint", "attention", "gram", "flow", "distances", "similarity"
WAYS = {f"{method}, the maps": (method, "maps") for method in EARLY}
WAYS |= {
    f"{method}, the last layer": (method, "last")
    for method in ("hint", "distances", "angles", "similarity")
}
SOURCES = {"the teacher": "teacher", "an untrained net": "untrained"}
SOURCES |= {"another image of the class": "class mates", "any other image": "shuffled"}
SOURCES |= {"the pixels": "pixels"}


def features(net: nn.Sequential, images: Tensor) -> dict[str, Tensor]:
    """Of a CNN of two blocks: maps of both, 7 × 7, the last hidden layer, logits."""
    first = net[:4](images)
    maps = net[4:7](first)
    last = net[7:10](maps)
    pooled = F.max_pool2d(first, 2)
    return {"first": pooled, "maps": maps, "last": last, "logits": net[10](last)}


def layers_of(method: str, layer: str | None) -> list[str]:
    """Which features a loss compares."""
    return ["first", "maps"] if method == "flow" else [layer]


@torch.no_grad()
def told(
    columns: Columns, teacher: nn.Module, layers: list[str], source: str, seed: int = 0
) -> Columns:
    """The columns with these layers' features, such as `told_maps`, of a source.

    "teacher"; "untrained", a net of its shape; "class mates", of other images of the
    class; "shuffled", of any other; "pixels", the images themselves.
    """
    images, labels = columns["images"], columns["labels"]
    if source == "untrained":
        teacher = build_model("cnn", seed=1000 + seed)
    parts = [features(teacher, scaled(part)) for part in images.split(200)]
    found = {name: torch.cat([part[name] for part in parts]) for name in layers}
    if source == "pixels":
        ink = {"maps": F.avg_pool2d(scaled(images), 4), "last": scaled(images)}
        found = {name: ink[name] for name in layers}
    mixed = {"class mates": shuffled_within_class, "shuffled": shuffled}.get(source)
    if mixed:
        rows = torch.arange(len(labels))[:, None].expand(-1, 10)
        order = mixed(rows, labels, seed)[:, 0]
        found = {name: values[order] for name, values in found.items()}
    return {**columns, **{f"told_{name}": found[name] for name in layers}}


def regressor_for(net: nn.Module, layers: list[str], columns: Columns) -> nn.ModuleDict:
    """From the student's units of each layer to as many as it is told of."""
    own, made = features(net, scaled(columns["images"][:1])), nn.ModuleDict()
    for layer in layers:
        sizes = own[layer].shape[1], columns[f"told_{layer}"].shape[1]
        made[layer] = nn.Linear(*sizes) if layer == "last" else nn.Conv2d(*sizes, 1)
    return made


def adversary(teacher_logits: Tensor, seed: int = 0) -> Callable[..., Tensor]:
    """A loss that learns to tell students' logits from those of a teacher, [N, classes].

    The student's aim is to be taken for the teacher; no answer is compared with the
    teacher's own to that image. `loss.right` are the critic's shares of right guesses.
    """
    scale, sizes = teacher_logits.std(), {"inputs": teacher_logits.shape[1]}
    sizes |= {"widths": [32], "classes": 1, "mean": 0.0, "spread": 1.0}
    critic = build_model("mlp", seed=seed, **sizes)
    adam = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))

    def loss(student_logits: Tensor, told: Tensor) -> Tensor:
        own, other = student_logits / scale, told / scale
        said = critic(torch.cat([own.detach(), other]))
        is_teacher = torch.cat([torch.zeros(len(own), 1), torch.ones(len(other), 1)])
        loss.right.append(((said > 0) == is_teacher.bool()).double().mean().item())
        adam.zero_grad()
        F.binary_cross_entropy_with_logits(said, is_teacher).backward()
        adam.step()
        return F.softplus(-critic(own)).mean()

    loss.right = []
    return loss


def imitation_steps(
    columns: Columns, *, method: str = "labels", layer: str | None = None,
    weight: float = 0.0, temperature: float | None = None, soft_weight: float = 0.0,
    epochs: int = 20, batch_size: int = 64, learning_rate: float = 2e-2,
    seed: int = 0, net: nn.Module | None = None,
) -> Generator[tuple[int, dict[str, Tensor]], None, nn.Module]:  # fmt: skip
    """Train a student step by step on answers, and on `weight` times one of LOSSES.

    The columns are those of `told`, with teacher_logits where soft_weight is not 0; a
    column `labelled` weighs the labels.
    """
    net, loss = net or new_cnn(STUDENT, seed), LOSSES.get(method)
    layers = layers_of(method, layer) if method in METHODS else []
    with random_numbers_from(seed):
        asked = layers if method in REGRESSED else []
        regressor = regressor_for(net, asked, columns)
    if method == ADVERSARY:
        loss = adversary(columns["teacher_logits"], seed)
    answers = answers_of(method, temperature, soft_weight)

    def objective(net: nn.Module, batch: Columns) -> dict[str, Tensor]:
        found = features(net, batch["images"])
        own = [regressor[k](found[k]) if regressor else found[k] for k in layers]
        gap = loss(*own, *(batch[f"told_{k}"] for k in layers))
        return {**answers(lambda _: found["logits"], batch), "told": weight * gap}

    length = {"epochs": epochs, "batch_size": batch_size}
    every = [*net.parameters(), *regressor.parameters()]
    adam = torch.optim.Adam(every, lr=learning_rate, fused=True)
    goal = objective if layers else answers
    cycle = {"schedule": one_cycle(adam, columns, **length), **length}
    yield from training_steps(net, columns, goal, adam, seed=seed, **cycle)
    return net


def answers_of(method: str, temperature: float | None, soft_weight: float) -> Objective:
    """What a student hears about answers: the teacher's, smoothed labels, or labels."""
    if soft_weight:
        return blended_loss(temperature, soft_weight)
    smoothing = float(method.partition("smoothing ")[2] or 0)

    def on_labelled(net: nn.Module, batch: Columns) -> dict[str, Tensor]:
        if "labelled" not in batch:
            return smoothed_label_loss(smoothing)(net, batch)
        how = {"label_smoothing": smoothing, "reduction": "none"}
        each = F.cross_entropy(net(batch["images"]), batch["labels"], **how)
        return {"hard": (each * batch["labelled"]).mean()}

    return on_labelled
