"""Models on disk: what is read is what was written, or the error says what to do."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from kdlab.compression import factorized, magnitude_masks, masked, narrowed
from kdlab.data import load_images
from kdlab.models import build_model, count_parameters
from kdlab.training import evaluate
from kdlab.weights import WEIGHTS, load_model, load_teacher, save_model, teacher_path

SIZES = {"widths": [5, 4], "inputs": 16, "mean": 0.3}


@pytest.fixture
def path(tmp_path):
    model = build_model("mlp", seed=3, **SIZES)
    save_model(tmp_path / "net.safetensors", model, "mlp", SIZES, dataset="x", seed=3)
    return tmp_path / "net.safetensors"


def test_a_round_trip_gives_the_same_answers_and_facts(path):
    model, facts = load_model(path)
    images = torch.rand(6, 1, 4, 4)
    assert_close(model(images), build_model("mlp", seed=3, **SIZES)(images))
    assert facts == {"dataset": "x", "seed": 3}
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", ["mlp", "cnn", "convnet", "resnet"])
@pytest.mark.parametrize("smaller", [narrowed, factorized])
def test_a_net_that_lost_channels_or_rank_is_rebuilt(tmp_path, name, smaller):
    sizes = {"widths": [16, 24, 16]} if name == "convnet" else {}
    model = smaller(build_model(name, seed=1, **sizes).eval(), 0.5)
    shape = (3, 32, 32) if name in ("convnet", "resnet") else (1, 28, 28)
    save_model(tmp_path / "small.safetensors", model, name, sizes)
    again, _ = load_model(tmp_path / "small.safetensors")
    images = torch.rand(3, *shape)
    assert torch.equal(again(images), model(images))
    assert str(again) == str(model), "and it says its sizes"


def test_a_pruned_net_stored_in_half_precision_computes_in_float32(tmp_path):
    for smaller in (narrowed, factorized):
        model = smaller(build_model("cnn").eval(), 0.5)
        save_model(tmp_path / "half.safetensors", model.half(), "cnn", {})
        again, _ = load_model(tmp_path / "half.safetensors")
        assert {value.dtype for value in again.parameters()} == {torch.float32}
        again(torch.rand(2, 1, 28, 28))


def test_a_narrow_net_of_low_rank_is_rebuilt(tmp_path):
    model = factorized(narrowed(build_model("cnn").eval(), 0.5), 0.25)
    save_model(tmp_path / "small.safetensors", model, "cnn", {})
    again, _ = load_model(tmp_path / "small.safetensors")
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(again(images), model(images))


def test_masks_are_not_stored(path):
    before, model = path.read_bytes(), build_model("mlp", **SIZES)
    with pytest.raises(ValueError, match=r"Save kdlab.compression.baked\(model\)"):
        save_model(path, masked(model, magnitude_masks(model, 0.5)), "mlp", SIZES)
    assert path.read_bytes() == before


def test_a_layer_that_is_wider_than_its_recipe_is_refused(path):
    header = {"architecture": '"mlp"', "facts": "{}"}
    header["sizes"] = '{"widths": [5, 3], "inputs": 16}'
    save_file(load_file(path), path, metadata=header)
    with pytest.raises(ValueError, match="net.safetensors is damaged"):
        load_model(path)


def test_nothing_half_is_left_where_writing_fails(path, monkeypatch):
    before = path.read_bytes()

    def interrupted(unfinished, content):
        with unfinished.open("wb") as file:
            file.write(content[:9])
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(path, build_model("mlp", **SIZES), "mlp", SIZES)
    assert path.read_bytes() == before and [*path.parent.iterdir()] == [path]


def test_a_missing_file_names_those_that_are_there(path):
    with pytest.raises(FileNotFoundError, match=r"other.*\['net.safetensors'\]"):
        load_model(path.parent / "other.safetensors")


def test_a_header_without_a_recipe_is_refused(path):
    save_file(load_file(path), path)
    with pytest.raises(ValueError, match="architecture"):
        load_model(path)


@pytest.mark.parametrize(
    "header",
    [
        {"architecture": '"mlp"', "sizes": '{"widths": [7]}', "facts": "{}"},
        {"architecture": '"mlp"', "sizes": "{widths", "facts": "{}"},
        {"architecture": '"unknown"', "sizes": "{}", "facts": "{}"},
    ],
)
def test_a_header_that_does_not_fit_is_refused(path, header):
    save_file(load_file(path), path, metadata=header)
    with pytest.raises(ValueError, match=r"net.safetensors|unknown"):
        load_model(path)


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-9], lambda b: b"", lambda b: b"{}" * 9]
)
def test_a_truncated_or_foreign_file_is_refused(path, spoil):
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged.*again with kdlab.experiments"):
        load_model(path)


@pytest.mark.parametrize("dataset", ["mnist", "digits"])
def test_the_stored_teachers_say_what_they_are(dataset):
    assert teacher_path(dataset).stat().st_size < 1_000_000
    model, facts = load_teacher(dataset)
    assert count_parameters(model) == 206_922
    wanted = "dataset seed epochs labels test_accuracy test_calibration_error"
    assert set(wanted.split()) <= set(facts)
    assert (facts["dataset"], facts["seed"]) == (dataset, 0)  # the first, not the best


def test_the_teacher_of_mnist_is_at_least_99_4_percent():
    assert load_teacher("mnist")[1]["test_accuracy"] >= 0.994


def test_the_digits_teacher_is_as_good_as_its_header_says():
    model, facts = load_teacher("digits")
    measured = evaluate(model, load_images("digits", "test"))
    assert measured["errors"] == facts["test_errors"] <= 10


def test_weights_hold_no_code(tmp_path):
    """The whole header is JSON of text, and the rest is numbers."""
    shutil.copy(teacher_path("digits", WEIGHTS), tmp_path / "copy")
    raw = (tmp_path / "copy").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    assert set(header["__metadata__"]) == {"architecture", "sizes", "facts"}
