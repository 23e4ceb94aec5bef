"""The exercises of 13; mistakes.toml holds what goes wrong in them."""

from pathlib import Path

import torch

from kdlab.exercises.checks import Function, Seen, Task
from kdlab.exercises.mistakes import load_mistakes

from . import solutions

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
OVERWRITTEN = "The result is right, but states is changed, and with it a client's net: make new tensors."
NO_DICT = "The numbers are right, but in a list, and no dict: a net finds its weights by name."


def of_clients(answer: Function) -> object:
    """Three clients' logits of seven images and ten classes; one is sure."""
    return answer(
        torch.randn(3, 7, 10).double() * torch.tensor([1, 4, 2])[:, None, None]
    )


def of_images(answer: Function) -> object:
    """Five images with ink in every pixel, moved by three."""
    return answer(0.1 + torch.rand(5, 1, 8, 10).double(), 3)


def of_states(answer: Function) -> object:
    """Three clients with two layers; one has far more images."""
    sizes = {"first.weight": (4, 3), "first.bias": (4,)}
    states = [{n: torch.randn(s).double() for n, s in sizes.items()} for _ in range(3)]
    before = [state["first.bias"].clone() for state in states]
    found = answer(states, [100, 300, 50])
    pairs = zip(before, states, strict=True)
    kept = all(torch.equal(bias, state["first.bias"]) for bias, state in pairs)
    if isinstance(found, dict):
        return Seen([*found.values()], "" if kept else OVERWRITTEN)
    return Seen([*found], NO_DICT) if isinstance(found, list | tuple) else found


TASKS = {
    "by_certainty": Task(
        of_clients,
        solutions.by_certainty,
        "Who is sure of an image speaks; who is not is hardly heard.",
        MISTAKES["by_certainty"],
        "probabilities [N, classes]: of each client's own answer the entropy H in nats; "
        "weights 1 / (H + 0.001), divided by their sum over the clients; the weighted "
        "mean of the clients' probabilities.",
    ),
    "moved_right": Task(
        of_images,
        solutions.moved_right,
        "On the left there is nothing now.",
        MISTAKES["moved_right"],
        "images of the same shape: every column stands so many pixels further right, "
        "zeros where nothing came from, and what leaves on the right is lost.",
    ),
    "mean_of": Task(
        of_states,
        solutions.mean_of,
        "Who has learnt from more images counts for more.",
        MISTAKES["mean_of"],
        "a dict of the same names: the sum of the clients' tensors, each times its count "
        "over the sum of all counts.",
        ["tensor {}"],
    ),
}
