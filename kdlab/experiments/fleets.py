"""Fleets: many small nets of one shape trained at once, several times as quickly."""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns
from kdlab.training import one_cycle, orders

Loss = Callable[[Tensor, Columns], Tensor]  # logits [nets, B, classes], batch -> [nets]


def fleet(
    nets: Sequence[nn.Sequential],
    columns: Columns,
    loss: Loss,
    rates: Sequence[float],
    seeds: Sequence[int],
    *,
    epochs: int,
    batch_size: int = 64,
) -> Iterator[None]:
    """Train `mlp` nets of one shape in place, as one by one; yield after each epoch.

    Every column [nets, N, ...] holds what each net learns from, images as they are;
    each net has its peak rate and, by its seed, its order. Adam in `one_cycle`.
    """
    with torch.no_grad():
        images = nets[0][:2](columns["images"].flatten(0, 1))  # normalised and flat
    columns = {**columns, "images": images.unflatten(0, columns["images"].shape[:2])}
    stacks = [torch.stack(p).detach() for p in zip(*map(of, nets), strict=True)]
    moments = [(torch.zeros_like(stack), torch.zeros_like(stack)) for stack in stacks]
    like = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1.0)
    length, number = {"epochs": epochs, "batch_size": batch_size}, 0
    schedule = one_cycle(like, {"rows": columns["images"][0]}, **length)
    every = zip(
        *(orders(images.shape[0] // len(nets), epochs, s) for s in seeds), strict=True
    )
    for one in every:
        for rows in torch.stack([order for _, order in one]).split(batch_size, dim=1):
            number += 1
            own = torch.arange(len(nets))[:, None]
            batch = {name: column[own, rows] for name, column in columns.items()}
            stacks = [stack.requires_grad_() for stack in stacks]
            found = loss(answers(stacks, batch["images"]), batch).sum()
            slopes = torch.autograd.grad(found, stacks)
            rate, (first, second) = (like.param_groups[0][k] for k in ("lr", "betas"))
            stacks = [stack.detach() for stack in stacks]
            for stack, slope, (mean, square) in zip(
                stacks, slopes, moments, strict=True
            ):
                mean.lerp_(slope, 1 - first)
                square.lerp_(slope.square_(), 1 - second)
                size = square.div(1 - second**number).sqrt_().add_(1e-8)
                by = torch.tensor(rates).view(-1, *[1] * (stack.ndim - 1))
                stack -= by * (rate / (1 - first**number)) * mean / size
            like.step(), schedule.step()
        for net, *weights in zip(nets, *stacks, strict=True):
            nn.utils.vector_to_parameters(
                torch.cat([w.flatten() for w in weights]), of(net)
            )
        yield


def of(net: nn.Module) -> list[Tensor]:
    """Its weights, layer by layer."""
    return [*net.parameters()]


def answers(stacks: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Logits [nets, B, classes] of inputs [nets, B, pixels]."""
    for place in range(0, len(stacks), 2):
        inputs = F.relu(inputs) if place else inputs
        inputs = torch.baddbmm(stacks[place + 1][:, None], inputs, stacks[place].mT)
    return inputs
