"""A seed decides the random numbers, whatever other threads do meanwhile."""

import threading

import torch

from kdlab.models import build_model
from kdlab.seeds import random_numbers_from


def test_inside_they_follow_from_the_seed_and_outside_nothing_moves():
    before = torch.random.get_rng_state()
    drawn = []
    for seed in (3, 3, 4):
        with random_numbers_from(seed):
            drawn.append(torch.rand(5))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_same_seed_is_the_same_net_while_another_thread_trains():
    done = threading.Event()

    def disturb():
        seed = 0
        while not done.is_set():
            with random_numbers_from(seed := seed + 1):
                torch.rand(50_000)

    alone = build_model("mlp", widths=[512], seed=0)[2].weight
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        twins = [build_model("mlp", widths=[512], seed=0)[2].weight for _ in range(60)]
    finally:
        done.set()
        thread.join()
    assert all(torch.equal(alone, twin) for twin in twins)
