"""Augmentations: a batch of images, changed at random; the seed is the training's."""

import torch
import torch.nn.functional as F
from torch import Tensor


def shifted(images: Tensor, pixels: int) -> Tensor:
    """The batch moved by up to so many pixels each way, all images alike."""
    moves = torch.randint(-pixels, pixels + 1, (2,)).tolist()
    return torch.roll(images, moves, dims=(2, 3))


def jittered(images: Tensor, pixels: int, edges: str = "constant") -> Tensor:
    """Each image [B, C, H, W] moved by up to so many pixels each way.

    What moves in is zeros, or with `edges` "reflect" the mirrored edge.
    """
    (batch, _, height, width), device = images.shape, images.device
    padded = F.pad(images, (pixels,) * 4, mode=edges)
    places = padded.unfold(2, height, 1).unfold(3, width, 1)  # [B, C, row, column, ...]
    rows, columns = torch.randint(2 * pixels + 1, (2, batch), device=device)
    return places[torch.arange(batch, device=device), :, rows, columns]


def augmented(batch: dict[str, Tensor], pixels: int) -> dict[str, Tensor]:
    """The batch with each image moved, and every other one mirrored, at random.

    Where there is a column mirrored_logits [B, C], what the teacher says of the
    mirrored images, those of mirrored images take the place of teacher_logits.
    """
    images = jittered(batch["images"], pixels, "reflect")
    chosen = torch.rand(len(images), device=images.device) < 0.5
    images = torch.where(chosen[:, None, None, None], images.flip(3), images)
    batch = {**batch, "images": images}
    if "mirrored_logits" in batch:
        pair = batch["mirrored_logits"], batch["teacher_logits"]
        batch["teacher_logits"] = torch.where(chosen[:, None], *pair)
    return batch
