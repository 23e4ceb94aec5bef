"""Trained models on disk: safetensors whose header says how to rebuild the model."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from kdlab.models import build_model

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "weights"


def save_model(
    path: Path, model: nn.Module, architecture: str, sizes: dict, **facts: object
) -> None:
    """Write the parameters, the recipe, and facts such as dataset and test accuracy.

    In one step: a reader or a crash never meets half a file.
    """
    header = {"architecture": architecture, "sizes": sizes, "facts": facts}
    text = {name: json.dumps(value) for name, value in header.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    parameters = {name: value.cpu() for name, value in model.state_dict().items()}
    save_file(parameters, unfinished, metadata=text)
    unfinished.replace(path)


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
        model.load_state_dict(load_file(path))
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


def load_teacher(
    dataset: str, folder: Path = WEIGHTS
) -> tuple[nn.Module, dict[str, object]]:
    """The stored teacher of a dataset, "mnist" or "digits", and its facts."""
    return load_model(teacher_path(dataset, folder))


def teacher_path(dataset: str, folder: Path = WEIGHTS) -> Path:
    """Where the teacher of a dataset is stored."""
    return folder / f"{dataset}_teacher.safetensors"
