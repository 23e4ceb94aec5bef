"""The stored experiment with clients of two digits each: answers go round, or weights."""

import time
from copy import deepcopy

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, count, load_images, only_classes
from kdlab.hints import as_logits
from kdlab.metrics import entropy, soften
from kdlab.models import count_parameters
from kdlab.objectives import blended_loss, label_loss
from kdlab.training import evaluate, predict

from .choices import chosen, several
from .sides import few, learn, new_net, side

CLIENTS, IMAGES, PUBLIC, ROUNDS, BATCH = 5, 300, 2000, 5, 64
BASE = {
    "dataset": "mnist",
    "split": "test",
    "teacher": None,
    "student": "mlp-64 to 192",
}
BASE |= {"method": "probabilities", "public": "digits", "temperature": 1.0}
BASE |= {"soft_weight": 1.0, "labels": 600, "rounds": ROUNDS, "epochs": 8}
BASE |= {"learning_rate": None, "seed": 0}
RATES = [3e-4, 1e-3, 3e-3, 1e-2]


def private(draw: int) -> list[Columns]:
    """What each client has: so many images of each of its two digits."""
    images, found = few(draw, 10_000), []
    for first in range(0, 10, 2):
        halves = [only_classes(images, {digit}) for digit in (first, first + 1)]
        both = [torch.cat([half[name][:IMAGES] for half in halves]) for name in images]
        found.append(dict(zip(images, both, strict=True)))
    return found


def public(draw: int, kind: str) -> Tensor:
    """The images that all clients have, without labels: digits, or noise."""
    if kind == "noise":
        noise = torch.Generator().manual_seed(draw)
        return torch.rand(PUBLIC, 1, 28, 28, generator=noise)
    return side(draw, "teacher")["images"][:PUBLIC]


def combined(logits: Tensor, rule: str) -> Tensor:
    """What clients [K, N, 10] say together, as logits [N, 10].

    The mean of their "probabilities" or of their "log probabilities"; or "surer": the
    mean of probabilities, weighted by one over the entropy of an answer.
    """
    probs = soften(logits.double(), 1.0)
    if rule == "log probabilities":
        return probs.log().mean(dim=0).float()
    weights = 1 / (entropy(probs) + 1e-3) if rule == "surer" else probs.new_ones(1, 1)
    weights = weights.expand(probs.shape[:2]) / weights.expand(probs.shape[:2]).sum(
        dim=0
    )
    return as_logits((weights[..., None] * probs).sum(dim=0), 1.0).float()


def mean_weights(nets: list[nn.Module]) -> dict[str, Tensor]:
    """The mean of equal nets' weights, by name."""
    states = [net.state_dict() for net in nets]
    return {name: sum(s[name] for s in states) / len(states) for name in states[0]}


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
    ways = {"weights": weights_go_round, "one place": in_one_place}
    way = ways.get(setting["method"], answers_go_round)
    facts = way(setting, private(draw), judges)
    row = {"teacher_agreement": None, **setting, **facts}
    row |= {"test_accuracy": 1 - facts["test_errors"] / count(judges), "test_nll": None}
    return row | {"train_seconds": round(time.perf_counter() - start, 2)}


def answers_go_round(
    setting: lab.Setting, own: list[Columns], judges: Columns
) -> dict[str, float]:
    """Local training; then in each round: answer, combine, digest, own images again."""
    draw, rule, peak = (setting[name] for name in ("seed", "method", "learning_rate"))
    how = {"batch_size": BATCH, "seed": draw}
    nets = [new_net(f"mlp-{w}", draw + 10 * w) for w in range(64, 193, 32)]
    for net, images in zip(nets, own, strict=True):
        learn(net, images, label_loss, 3e-3, epochs=10, **how)
    shared = public(draw, setting["public"])
    facts = {"local_errors": mean_errors(nets, judges)}
    apart = torch.stack([predict(net, judges["images"]) for net in nets])
    wrong = combined(apart, rule).argmax(dim=1) != judges["labels"]
    facts["together_errors"] = int(wrong.sum())
    for turn in range(setting["rounds"]):
        said = torch.stack([predict(net, shared) for net in nets])
        lesson = {"images": shared, "teacher_logits": combined(said, rule)}
        if turn == 0:
            server = new_net("mlp-128", draw)
            learn(server, lesson, blended_loss(1.0, 1.0), 1e-2, epochs=15, **how)
            facts["server_errors"] = evaluate(server, judges)["errors"]
        for net in nets:
            learn(net, lesson, blended_loss(1.0, 1.0), peak, epochs=2, **how)
        if turn == setting["rounds"] - 1:
            facts["test_errors"] = mean_errors(nets, judges)
        for net, images in zip(nets, own, strict=True):
            learn(net, images, label_loss, peak, epochs=1, **how)
    facts["own_errors"] = mean_errors(nets, judges)
    return facts | {"kilobytes": setting["rounds"] * PUBLIC * 10 * 4 / 1000}


def weights_go_round(
    setting: lab.Setting, own: list[Columns], judges: Columns
) -> dict[str, float]:
    """Equal nets from one start; in each round: own images, then the mean of weights.

    Source: McMahan et al. (2017), algorithm 1, https://arxiv.org/abs/1602.05629
    """
    draw, peak = setting["seed"], setting["learning_rate"]
    how = {"batch_size": BATCH, "seed": draw, "epochs": setting["epochs"]}
    server = new_net("mlp-128", draw)
    for _ in range(setting["rounds"]):
        nets = [deepcopy(server) for _ in own]
        for net, images in zip(nets, own, strict=True):
            learn(net, images, label_loss, peak, **how)
        server.load_state_dict(mean_weights(nets))
    facts = {"test_errors": evaluate(server, judges)["errors"]}
    facts["own_errors"] = mean_errors(nets, judges)
    sent = setting["rounds"] * count_parameters(server) * 4 / 1000
    return facts | {"kilobytes": sent}


def in_one_place(
    setting: lab.Setting, own: list[Columns], judges: Columns
) -> dict[str, float]:
    """All the clients' images together: what nobody may have."""
    images = {name: torch.cat([one[name] for one in own]) for name in own[0]}
    net = new_net("mlp-128", setting["seed"])
    how = {"batch_size": BATCH, "seed": setting["seed"], "epochs": setting["epochs"]}
    learn(net, images, label_loss, setting["learning_rate"], **how)
    return {"test_errors": evaluate(net, judges)["errors"]}


RULES = "probabilities", "log probabilities", "surer"


def all_arms() -> list[lab.Setting]:
    """Every rule, on digits and on noise; mean weights, in few rounds and in many."""
    arms = [
        *several([BASE], method=RULES),
        {**BASE, "method": "surer", "public": "noise"},
    ]
    weights = {"student": "mlp-128", "method": "weights", "public": None}
    weights |= {"temperature": None, "soft_weight": 0.0}
    lengths = [{}, {"rounds": 40, "epochs": 1}]
    arms += [{**BASE, **weights, **length} for length in lengths]
    return [*arms, {**BASE, **weights, "method": "one place"}]


def tried() -> list[lab.Setting]:
    """The peak of each rule, on held-out images; for noise, that of digits is taken."""
    some = [one for one in all_arms() if one["public"] != "noise"]
    runs = several(some, learning_rate=RATES, split=["held_out"], seed=range(2))
    return [
        run for run in runs if run["method"] in RULES or run["learning_rate"] > 3e-4
    ]


def cell_of(run: lab.Setting) -> tuple:
    """The arm that a peak was chosen for."""
    return run["method"], run["rounds"]


def all_clients() -> list[lab.Setting]:
    """Every arm at its best."""
    best = chosen("clients_tuning", cell_of, "learning_rate")
    settings = [{**one, **best[cell_of(one)]} for one in all_arms()]
    return several(settings, seed=lab.SEEDS)


clients_tuning = lab.Experiment(client_run, tried)
clients = lab.Experiment(client_run, all_clients, after=("clients_tuning",))
