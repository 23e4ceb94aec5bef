"""How a net is computed: number type, layout and threads; measured, never assumed."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns, scaled
from kdlab.losses import in_float32
from kdlab.seeds import random_numbers_from

# What `fastest_way` takes on a CPU: examples a step, seconds for each way after two
# steps, seconds of a step too short to gain from; and which part of the time is a gain.
PART, BUDGET, SHORT, GAIN = 32, 0.2, 0.01, 0.9


class Way(NamedTuple):
    """How a net is computed. Another way changes the last digits of its answers."""

    dtype: torch.dtype = torch.float32  # of products and convolutions; weights stay
    channels_last: bool = False  # images in memory as [N, H, W, C]
    threads: int = 1  # of the CPU

    def __str__(self) -> str:
        """In words: "bfloat16, channels last, 2 threads"."""
        words = [str(self.dtype).removeprefix("torch.")]
        words += ["channels last"] * self.channels_last
        return ", ".join([*words, f"{self.threads} thread{'s' * (self.threads > 1)}"])


PLAIN = Way()


@contextmanager
def cpu_threads(number: int = 1) -> Iterator[None]:
    """By default one: small nets are slower on two: where cores are shared, they wait.

    Measured on two busy cores: 2 to 13 times slower to train, 2 to 5 times to predict.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def computing(model: nn.Module, way: Way) -> Iterator[None]:
    """Inside, the model computes in this way where it is called; answers are float32.

    Its weights stay as they are: a convolution follows the layout of its images.
    """
    half = way.dtype is not torch.float32
    if not (half or way.channels_last):
        yield
        return
    form = torch.channels_last if way.channels_last else torch.preserve_format

    def before(_: nn.Module, given: tuple) -> tuple:
        return tuple(x.to(memory_format=form) if is_4d(x) else x for x in given)

    def after(_: nn.Module, given: tuple, answer: object) -> object:
        return in_float32(answer) if isinstance(answer, Tensor) else answer

    with (
        model.register_forward_pre_hook(before),
        model.register_forward_hook(after),
        torch.autocast(device_of(model).type, way.dtype, enabled=half),
    ):
        yield


def is_4d(value: object) -> bool:
    """Whether this is a tensor of images, or of a convolution's weights."""
    return isinstance(value, Tensor) and value.ndim == 4


def fastest_way(model: nn.Module, columns: Columns, *, batch_size: int = 128) -> Way:
    """The fastest way to train the model on its device: a few steps of each on a copy.

    Tried are bfloat16, channels last, all of torch's threads; each must gain clearly.
    Takes seconds on a CPU, on a part of a batch; a net of short steps gets PLAIN.
    Columns: images [N, ...] and labels [N], of which the first are used.
    """
    twin, device, best = copy.deepcopy(model).train(), device_of(model), PLAIN
    on_cpu = device.type == "cpu"
    size = min(batch_size, PART) if on_cpu else batch_size
    images, labels = (columns[name][:size].to(device) for name in ("images", "labels"))
    step = partial(step_seconds, twin, scaled(images), labels)
    changes = {"dtype": torch.bfloat16}
    changes["channels_last"] = any(map(is_4d, twin.parameters()))
    changes["threads"] = torch.get_num_threads() if on_cpu else 1
    with random_numbers_from(0, device):
        least = step(PLAIN)
        for name, value in changes.items() if least > SHORT or not on_cpu else ():
            way = best._replace(**{name: value})
            if way != best and (seconds := step(way, least)) < GAIN * least:
                best, least = way, seconds
    return best


def step_seconds(
    model: nn.Module, images: Tensor, labels: Tensor, way: Way, known: float = math.inf
) -> float:
    """The quickest of a few steps forward and backward, as others use the machine, too.

    After one that is far slower than a `known` way there is no other.
    """
    times: list[float] = []
    while len(times) < 2 or (len(times) < 6 and sum(times[1:]) < BUDGET):
        start = time.perf_counter()
        with cpu_threads(way.threads), computing(model, way):
            loss = F.cross_entropy(model(images), labels)
        with cpu_threads(way.threads):
            loss.backward()
        if images.is_cuda:
            torch.cuda.synchronize(images.device)
        times.append(time.perf_counter() - start)
        if not images.is_cuda and times[-1] > 3 * known + 0.3:
            break  # on a GPU the first step tells nothing: it loads programs
    return min(times)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters or buffers are; the CPU if there are none."""
    first = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device
