"""The stored experiment with clients of two digits each: answers go round, or weights."""

import time
from copy import deepcopy

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, count, load_images
from kdlab.models import count_parameters
from kdlab.objectives import blended_loss, label_loss
from kdlab.training import evaluate, last_of, predict

from .clients import RULES, combined, local_steps, mean_weights, private
from .sides import BASE, few, learning, new_net, searched, several, side

PUBLIC, BATCH, DIGEST = 2000, 64, blended_loss(1.0, 1.0)
ANSWERS = {**BASE, "student": "mlp-64 to 192", "temperature": 1.0, "soft_weight": 1.0}
ANSWERS |= {"public": "digits", "labels": 600, "rounds": 5, "epochs": 8}
WEIGHTS = {**ANSWERS, "student": "mlp-128", "method": "weights", "public": None}
WEIGHTS |= {"temperature": None, "soft_weight": 0.0}
RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]


def public(draw: int, kind: str) -> Tensor:
    """The images that all clients have, without labels: digits, or noise."""
    if kind == "noise":
        noise = torch.Generator().manual_seed(draw)
        return torch.rand(PUBLIC, 1, 28, 28, generator=noise)
    return side(draw, "teacher")["images"][:PUBLIC]


def mean_errors(nets: list[nn.Module], judges: Columns) -> float:
    """Errors on all ten digits, mean over the clients."""
    return sum(evaluate(net, judges)["errors"] for net in nets) / len(nets)


def client_run(setting: lab.Setting) -> lab.Setting:
    """Clients that exchange answers, or weights, or train in one place; the row.

    `test_errors` is their mean after the last common step, `own_errors` after their own
    images once more, `kilobytes` what each sends in all.
    """
    draw, judges = setting["seed"], load_images("mnist", setting["split"])
    start = time.perf_counter()
    way = answers_go_round if setting["public"] else weights_go_round
    facts = way(setting, private(few(draw, 10_000)), judges)
    row = {"teacher_agreement": None, **setting, **facts}
    row |= {"test_accuracy": 1 - facts["test_errors"] / count(judges), "test_nll": None}
    return row | {"train_seconds": round(time.perf_counter() - start, 2)}


def answers_go_round(
    setting: lab.Setting, own: list[Columns], judges: Columns
) -> dict[str, float]:
    """Local training; then in each round: answer, combine, digest, own images again."""
    draw, rule, peak = (setting[name] for name in ("seed", "method", "learning_rate"))
    how = {"batch_size": BATCH, "seed": draw}
    nets, shared = last_of(local_steps(own, draw)), public(draw, setting["public"])
    facts = {"local_errors": mean_errors(nets, judges)}
    apart = torch.stack([predict(net, judges["images"]) for net in nets])
    wrong = combined(apart, rule).argmax(dim=1) != judges["labels"]
    facts["together_errors"] = int(wrong.sum())
    for turn in range(setting["rounds"]):
        said = torch.stack([predict(net, shared) for net in nets])
        lesson = {"images": shared, "teacher_logits": combined(said, rule)}
        if turn == 0:
            server = new_net("mlp-128", draw)
            last_of(learning(server, lesson, DIGEST, 1e-2, epochs=15, **how))
            facts["server_errors"] = evaluate(server, judges)["errors"]
        for net in nets:
            last_of(learning(net, lesson, DIGEST, peak, epochs=2, **how))
        if turn == setting["rounds"] - 1:
            facts["test_errors"] = mean_errors(nets, judges)
        for net, images in zip(nets, own, strict=True):
            last_of(learning(net, images, label_loss, peak, epochs=1, **how))
    facts["own_errors"] = mean_errors(nets, judges)
    return facts | {"kilobytes": setting["rounds"] * PUBLIC * 10 * 4 / 1000}


def weights_go_round(
    setting: lab.Setting, own: list[Columns], judges: Columns
) -> dict[str, float]:
    """Equal nets from one start; in each round: own images, then the mean of weights.

    "one place" is what nobody may have: all images at one client, in one round.

    Source: McMahan et al. (2017), algorithm 1, https://arxiv.org/abs/1602.05629
    """
    draw, peak, rounds = (setting[n] for n in ("seed", "learning_rate", "rounds"))
    how = {"batch_size": BATCH, "seed": draw, "epochs": setting["epochs"]}
    if alone := setting["method"] == "one place":
        own = [{name: torch.cat([one[name] for one in own]) for name in own[0]}]
    server = new_net("mlp-128", draw)
    for _ in range(1 if alone else rounds):
        nets = [deepcopy(server) for _ in own]
        for net, images in zip(nets, own, strict=True):
            last_of(learning(net, images, label_loss, peak, **how))
        server.load_state_dict(mean_weights(nets))
    facts = {"test_errors": evaluate(server, judges)["errors"]}
    sent = rounds * count_parameters(server) * 4 / 1000
    apart = {"own_errors": mean_errors(nets, judges), "kilobytes": sent}
    return facts | ({} if alone else apart)


def kind_of(run: lab.Setting) -> tuple:
    """The arm that a peak was chosen for; noise takes that of digits."""
    return run["method"], run["rounds"]


arms = several([ANSWERS], method=[*RULES.values()])
arms += [WEIGHTS, {**WEIGHTS, "rounds": 40, "epochs": 1}]
arms.append({**WEIGHTS, "method": "one place"})
noise = {**ANSWERS, "method": "surer", "public": "noise"}
axes = {"learning_rate": RATES}, {"learning_rate": RATES}
clients_tuning, clients = searched(
    "clients", client_run, arms, kind_of, axes, noise, seeds=2
)
