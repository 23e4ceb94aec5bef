"""A seed decides the random numbers, whatever other threads do meanwhile."""

import threading
from contextlib import suppress

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


def test_seeds_may_be_nested_and_the_outer_goes_on_where_it_was():
    with random_numbers_from(1):
        torch.rand(1)
        alone = torch.rand(1)
    with random_numbers_from(1):
        torch.rand(1)
        build_model("mlp", widths=[4], seed=2)  # has a seed of its own
        assert torch.equal(torch.rand(1), alone)


def test_an_error_inside_gives_back_what_was_before():
    before = torch.random.get_rng_state()
    with suppress(ValueError), random_numbers_from(1):
        torch.rand(1)
        raise ValueError
    assert torch.equal(torch.random.get_rng_state(), before)
    held = []
    thread = threading.Thread(target=lambda: held.append(build_model("mlp", seed=0)))
    thread.start()
    thread.join(60)
    assert held  # nobody waits for ever


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
