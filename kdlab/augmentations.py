"""Augmentations: a batch of images, changed at random; the seed is the training's."""

import torch
import torch.nn.functional as F
from torch import Tensor


def shifted(images: Tensor, pixels: int) -> Tensor:
    """The batch moved by up to so many pixels each way, all images alike."""
    moves = torch.randint(-pixels, pixels + 1, (2,)).tolist()
    return torch.roll(images, moves, dims=(2, 3))


def jittered(images: Tensor, pixels: int) -> Tensor:
    """Each image [B, C, H, W] moved by up to so many pixels each way, with zeros in."""
    batch, _, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    moves = torch.randint(2 * pixels + 1, (2, batch, 1), device=images.device)
    rows = moves[0] + torch.arange(height, device=images.device)
    columns = moves[1] + torch.arange(width, device=images.device)
    which = torch.arange(batch, device=images.device)[:, None, None]
    moved = padded.movedim(1, -1)[which, rows[:, :, None], columns[:, None, :]]
    return moved.movedim(-1, 1)
