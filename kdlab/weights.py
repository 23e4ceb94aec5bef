"""Trained models on disk: safetensors whose header says how to rebuild the model."""

import copy
import json
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.utils import parametrize

from kdlab.models import build_model

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "weights"


def save_model(
    path: Path, model: nn.Module, architecture: str, sizes: dict, **facts: object
) -> None:
    """Write the parameters, the recipe, and facts such as dataset and test accuracy.

    In one step: a reader or a crash never meets half a file. Layers may have lost
    channels, or be pairs of low rank: their shapes say so, and the recipe need not.

    Raises ValueError if there are masks or grids on the weights.
    """
    if any(parametrize.is_parametrized(part) for part in model.modules()):
        raise ValueError(
            "The model has masks or grids on its weights. Save "
            "kdlab.compression.baked(model), which has plain ones."
        )
    header = {"architecture": architecture, "sizes": sizes, "facts": facts}
    text = {name: json.dumps(value) for name, value in header.items()}
    parameters = {name: value.cpu() for name, value in model.state_dict().items()}
    write_whole(path, save(parameters, text))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step; nothing half is left where that fails.

    Raises OSError, which names the file, where nothing can be written.
    """
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}). Give a path in a "
            "folder of your own."
        ) from error
    finally:
        with suppress(OSError):  # there is none after success
            unfinished.unlink()


def load_model(path: Path) -> tuple[nn.Module, dict[str, object]]:
    """The model, frozen and in evaluation mode, and the facts saved with it.

    Raises FileNotFoundError naming what is stored, ValueError if the file is damaged
    or does not say how to rebuild its model.
    """
    if not path.exists():
        stored = sorted(file.name for file in path.parent.glob("*.safetensors"))
        raise FileNotFoundError(f"No {path.name} in {path.parent}; stored: {stored}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        header = {
            name: json.loads(metadata[name])
            for name in ("architecture", "sizes", "facts")
        }
        model = build_model(header["architecture"], **header["sizes"])
        tensors = load_file(path)
        reshape(model, tensors)
        model.load_state_dict(tensors)
    except KeyError as error:
        raise ValueError(
            f"{path.name} does not say how to rebuild its model (no {error} in its "
            "header). Save it with save_model."
        ) from error
    except (SafetensorError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path.name} is damaged or of another version ({error}). "
            "Restore it with `git checkout`, or train it again with kdlab.experiments."
        ) from error
    return model.eval().requires_grad_(False), header["facts"]


def reshape(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give a model's layers the smaller shapes that are stored, or make them pairs."""
    for name, part in list(model.named_modules()):
        thin, wide = (tensors.get(f"{name}.{number}.weight") for number in (0, 1))
        if isinstance(part, nn.Linear | nn.Conv2d) and None not in (thin, wide):
            model.set_submodule(name, paired(part, thin, wide))
    for name, part in model.named_modules():
        own = {k: v for k, v in part.state_dict().items() if "." not in k}
        stored = {key: tensors.get(f"{name}.{key}") for key in own}
        refill(part, {k: stored[k] for k in own if smaller(stored[k], own[k])})


def smaller(stored: Tensor | None, value: Tensor) -> bool:
    """Whether a stored tensor is what pruning may have left of one of this shape."""
    if stored is None or stored.ndim != value.ndim or stored.shape == value.shape:
        return False
    fits = all(a <= b for a, b in zip(stored.shape, value.shape, strict=True))
    return fits and stored.shape[2:] == value.shape[2:]


def refill(part: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give a layer or a BatchNorm these tensors, in place, and the sizes they have."""
    for name, value in tensors.items():
        old = getattr(part, name)
        value = value.detach().to(old.dtype).contiguous()
        if isinstance(old, nn.Parameter):
            value = nn.Parameter(value, requires_grad=old.requires_grad)
        setattr(part, name, value)
    if isinstance(part, nn.Linear):
        part.out_features, part.in_features = part.weight.shape
    elif isinstance(part, nn.Conv2d):
        part.out_channels, part.in_channels = part.weight.shape[:2]
    elif tensors and isinstance(part, nn.BatchNorm2d):
        part.num_features = len(part.weight)


def paired(layer: nn.Module, thin: Tensor, wide: Tensor) -> nn.Sequential:
    """A dense layer or a 1×1 convolution as two: thin [rank, inputs], then wide."""
    first, second = copy.deepcopy(layer), copy.deepcopy(layer)
    first.bias = None
    if isinstance(second, nn.Conv2d):  # the first has the stride
        second.stride, second.padding = (1, 1), (0, 0)
    refill(first, {"weight": thin})
    refill(second, {"weight": wide})
    return nn.Sequential(first, second).train(layer.training)


def load_teacher(
    dataset: str, folder: Path = WEIGHTS
) -> tuple[nn.Module, dict[str, object]]:
    """The stored teacher of a dataset, "mnist" or "digits", and its facts."""
    return load_model(teacher_path(dataset, folder))


def teacher_path(dataset: str, folder: Path = WEIGHTS) -> Path:
    """Where the teacher of a dataset is stored."""
    return folder / f"{dataset}_teacher.safetensors"
