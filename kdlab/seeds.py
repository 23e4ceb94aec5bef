"""Random numbers that follow from a seed, for one thread at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

ONE_THREAD = threading.RLock()  # torch has one stream of random numbers for all threads


@contextmanager
def random_numbers_from(
    seed: int, device: torch.device | str = "cpu"
) -> Iterator[None]:
    """Inside, random numbers follow from the seed; outside, nothing has moved.

    Other threads that ask for the same wait: a panel may train while a cell computes.

    Args:
        seed: of the CPU's stream, and of the device's.
        device: whose stream is meant, besides the CPU's.
    """
    kind = torch.device(device).type
    gpu = [] if kind in ("cpu", "meta") else [torch.device(device)]
    with ONE_THREAD, torch.random.fork_rng(gpu, device_type=kind if gpu else "cuda"):
        torch.default_generator.manual_seed(seed)  # of the CPU, and only that
        if gpu:
            torch.get_device_module(device).manual_seed(seed)
        yield
