"""The file that a recipe ends with: written, run in its engine, and judged."""

from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor, nn

from kdlab import compression as small
from kdlab import experiments as lab
from kdlab.data import Columns, count

CALIBRATION = 500  # images without labels that tell int8 the ranges of activations
SEVEN = {"every_layer": True, "reduce_range": True}  # bits: no sum of two overflows


class Running(nn.Module):
    """A file in its engine, as a model that can be judged."""

    def __init__(self, path: Path):
        """The file is read, and no longer needed."""
        super().__init__()
        self.engine = small.engine(path)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] -> logits [N, C]."""
        return self.engine(images)


def files_of(
    net: nn.Module, bits: int | None, images: Tensor, folder: Path, **how: bool
) -> tuple[Path, Path]:
    """The file that runs, and the one that is counted: the same, but for few bits."""
    runs = small.export(net, folder / "net.onnx", images)
    if bits == 8:
        runs = small.to_int8(runs, folder / "int8.onnx", images[:CALIBRATION], **how)
    if bits in (None, 8):
        return runs, runs
    small.save_packed(folder / "packed.safetensors", net)
    return runs, folder / "packed.safetensors"


def measured_file(
    net: nn.Module, bits: int | None, images: Tensor, judges: Columns
) -> lab.Setting:
    """Bytes, multiply-adds, and what the net's file answers to the judges.

    Fewer than 8 bits have no engine: of such a net the weights are judged.
    """
    with TemporaryDirectory() as folder:
        runs, stored = files_of(net, bits, images, Path(folder))
        running, row = Running(runs), {"bytes": small.file_bytes(stored)}
        row["zipped_bytes"] = small.zipped_bytes(stored)
    row |= lab.measured(running, judges)
    row["multiply_adds"] = small.multiply_adds(small.baked(net), judges["images"])
    return row


def page_file(
    net: nn.Module, path: Path, images: Tensor, judges: Columns, facts: lab.Setting
) -> lab.Setting:
    """Write the net for a page; what its file answers to the judges, in its engine.

    In 8 bits, weights in 7: so each processor's engine answers as the page does. On the
    card are the facts, and how often it errs.
    """
    with TemporaryDirectory() as folder:
        few, _ = files_of(net, 8, images, Path(folder), **SEVEN)
        row = lab.measured(Running(few), judges)
        row["float_errors"] = lab.measured(net, judges)["test_errors"]
        wrong = judges["teacher_logits"].argmax(dim=1) != judges["labels"]
        card = {"test images": count(judges), "test errors": row["test_errors"]}
        card |= {"test errors in float32": row["float_errors"]}
        card |= {"test errors of its teacher": int(wrong.sum())}
        small.to_page(few, path, {**facts, **card})
    return row | {"bytes": small.file_bytes(path)}
