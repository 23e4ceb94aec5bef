"""A student as a text for a page: its whole numbers are those of the int8 file."""

import json
import zlib
from base64 import b64decode

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kdlab.compression import engine, export, file_bytes, lacking, to_int8, to_page
from kdlab.data import load_images, sample
from kdlab.models import Normalize, build_model
from kdlab.results import load_runs
from kdlab.training import evaluate
from kdlab.weights import WEIGHTS, load_model, load_teacher
from lessons.arena.experiments import for_pages, page_run
from lessons.arena.files import CALIBRATION, SEVEN
from lessons.samples import NO_MNIST

KINDS = {"codes": "u1", "weights": "i1", "biases": "<i4", "scales": "<f4"}
NEEDS_MNIST = pytest.mark.skipif(NO_MNIST, reason="MNIST is not there")
DATASETS = "digits", pytest.param("mnist", marks=NEEDS_MNIST)


def made_again(dataset, folder):
    """The stored student's int8 file, written anew as the command writes it."""
    if lacking():
        pytest.skip(lacking())
    train_set = load_images(dataset, "train")
    images = sample(train_set, len(train_set["labels"]), 0)["images"]
    net, _ = load_model(WEIGHTS / f"{dataset}_student.safetensors")
    whole = export(net, folder / "net.onnx", images)
    return to_int8(whole, folder / "int8.onnx", images[:CALIBRATION], **SEVEN)


def read(path):
    """The net of a page's file; its arrays by their names."""
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    net = json.loads(first + rest)
    assert net["adler32"] == zlib.adler32(rest.encode())
    for part in (net, *net["layers"]):
        for name in KINDS.keys() & part.keys():
            part[name] = np.frombuffer(b64decode(part[name]), KINDS[name])
    return net


def answered(net, images):
    """Its logits: whole numbers in float64, which holds them exactly."""
    codes = torch.tensor(net["codes"]).double()[images.long()]
    for layer in net["layers"]:
        if layer["kind"] == "MaxPool":
            codes = F.max_pool2d(codes, 2)
            continue
        biases, scales = (torch.tensor(layer[name]) for name in ("biases", "scales"))
        weights = torch.tensor(layer["weights"]).double().view(len(biases), -1)
        if layer["kind"] == "Conv":
            weights = weights.view(len(biases), -1, 3, 3)
            sums = F.conv2d(codes - layer["zero"], weights, biases.double(), padding=1)
            scales = scales.view(-1, 1, 1)
        else:
            sums = (codes - layer["zero"]).flatten(1) @ weights.T + biases
        codes = (sums.float() * scales).round() + layer["nextZero"]
        codes = codes.clamp(0, 255).double()
    return net["step"] * (codes - net["zero"]).float()


def off(one, other, net):
    """How many steps of the last quantizer two answers lie apart at most."""
    return ((one - other).abs().max() / net["step"]).item()


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    return made_again("digits", tmp_path_factory.mktemp("again"))


@pytest.fixture(scope="module")
def images():
    return load_images("digits", "test")["images"]


def test_the_text_means_what_the_int8_file_answers(int8, images, tmp_path):
    path = to_page(int8, tmp_path / "new" / "net.json", {"taught by": "Ada <a@b>"})
    net = read(path)
    assert net["card"] == {"taught by": "Ada <a@b>"}
    assert off(answered(net, images), engine(int8)(images), net) < 1.01
    kinds = [layer["kind"] for layer in net["layers"]]
    assert kinds == ["Conv", "MaxPool"] * 2 + ["Gemm"] * 2
    assert [layer["side"] for layer in net["layers"]] == [28, 28, 14, 14, 7, 7]
    assert path.read_text().isascii() and path.read_text().count("\n") == 1
    assert [p.name for p in path.parent.iterdir()] == ["net.json"]


@pytest.mark.parametrize("sizes", [{"widths": [12]}, {"widths": []}])
def test_a_net_without_convolutions(int8, images, tmp_path, sizes):
    float32 = export(build_model("mlp", **sizes), tmp_path / "mlp.onnx", images)
    few = to_int8(float32, tmp_path / "int8.onnx", images[:50], **SEVEN)
    net = read(to_page(few, tmp_path / "mlp.json", {}))
    assert [layer["kind"] for layer in net["layers"]] == ["Gemm"] * (
        1 + len(sizes["widths"])
    )
    assert off(answered(net, images), engine(few)(images), net) < 1.01


def test_images_that_are_never_white_have_codes_of_their_own(int8, images, tmp_path):
    net = load_model(WEIGHTS / "digits_student.safetensors")[0]
    float32 = export(net, tmp_path / "net.onnx", images)
    few = to_int8(float32, tmp_path / "int8.onnx", images[:50] // 2, **SEVEN)
    net = read(to_page(few, tmp_path / "net.json", {}))
    assert net["codes"].tolist() != [*range(256)]  # white is beyond the range
    assert off(answered(net, images), engine(few)(images), net) < 1.01


def odd_one(kernel, padding, stride=1, pool=2, shape=(1, 28, 28), **more):
    layers = [Normalize(0.1, 0.3), nn.Conv2d(shape[0], 2, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(2, 2, kernel, stride, padding, **more), nn.ReLU()]
    layers += [nn.MaxPool2d(pool), nn.Flatten(), nn.LazyLinear(10)]
    net = nn.Sequential(*layers)
    net(torch.zeros(1, *shape))
    return net


@pytest.mark.parametrize(
    "net",
    [
        odd_one(5, 2),
        odd_one(3, 0),
        odd_one(3, 1, stride=2),
        odd_one(3, 1, pool=4),
        build_model("cnn", channels=[2, 2, 2], hidden=4),  # pools a side of 7
        odd_one(3, (0, 1)),
        odd_one(3, 1, groups=2),
        odd_one(3, 1, bias=False),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),  # does not scale its images
    ],
)
def test_what_a_page_cannot_do_is_refused(images, tmp_path, net):
    float32 = export(net, tmp_path / "net.onnx", images)
    few = to_int8(float32, tmp_path / "odd.onnx", images[:9], every_layer=True)
    with pytest.raises(ValueError, match=r"odd\.onnx is no mlp or cnn.*every_layer"):
        to_page(few, tmp_path / "net.json", {})
    assert not (tmp_path / "net.json").exists()


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 28, 20)])
def test_images_that_a_page_cannot_take_are_refused(images, tmp_path, shape):
    images = images.repeat(1, shape[0], 1, 1)[..., : shape[2]]
    net = odd_one(3, 1, shape=shape)
    test_what_a_page_cannot_do_is_refused(images, tmp_path, net)


def test_a_card_holds_plain_facts(int8, tmp_path):
    odd = {"weights": "few", "toString": 1}  # names that mean something elsewhere
    assert read(to_page(int8, tmp_path / "net.json", odd))["card"] == odd
    for fact, error in ((np.int64(3), TypeError), (float("nan"), ValueError)):
        with pytest.raises(error):
            to_page(int8, tmp_path / "net.json", {"test errors": fact})


def test_floats_are_refused(int8, images, tmp_path):
    float32 = export(load_teacher("digits")[0], tmp_path / "float.onnx", images)
    thin = to_int8(float32, tmp_path / "thin.onnx", images[:9])  # the first in float32
    for path in (float32, thin):
        with pytest.raises(ValueError, match="every layer in 8 bits"):
            to_page(path, tmp_path / "net.json", {})
    half = tmp_path / "half.onnx"
    half.write_bytes(int8.read_bytes()[: file_bytes(int8) // 2])
    with pytest.raises(ValueError, match=r"half\.onnx is damaged"):
        to_page(half, tmp_path / "net.json", {})
    with pytest.raises(FileNotFoundError, match=r"No none\.onnx"):
        to_page(tmp_path / "none.onnx", tmp_path / "net.json", {})


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match="compress"):
        to_page(tmp_path / "a.onnx", tmp_path / "a.json", {})


# --- the stored students -----------------------------------------------------------


@pytest.mark.parametrize("dataset", ["digits", "mnist"])
def test_a_stored_student_is_what_its_card_says(dataset):
    path = WEIGHTS / f"{dataset}_student.json"
    runs = load_runs("page_students").set_index("dataset")
    run, card = runs.loc[dataset], read(path)["card"]
    assert card["test errors"] == run["test_errors"]
    assert card["test errors in float32"] == run["float_errors"]
    assert card["images"] == run["labels"] and card["labels"] == "none"
    assert card["temperature"] == run["temperature"]
    teachers = load_runs("teachers").query(f"dataset == '{dataset}' and seed == 0")
    assert card["test errors of its teacher"] == teachers["test_errors"].item()
    assert file_bytes(path) == run["bytes"] < 60_000
    _, facts = load_model(path.with_suffix(".safetensors"))
    assert card == card | facts and facts["student"] == "cnn-8-16-32, seed 0"


def test_the_students_of_mnist_is_one_of_the_arena():
    card = read(WEIGHTS / "mnist_student.json")["card"]
    runs = load_runs("arena").query("labels == 60000 and method == 'distil, round'")
    errors = runs["test_errors"]
    assert len(errors) == 5
    assert abs(card["test errors"] - errors.mean()) <= errors.std()
    assert 760 <= card["gradient steps"] <= 776  # as everybody there


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_command_writes_the_stored_file_again(dataset, tmp_path):
    stored = read(WEIGHTS / f"{dataset}_student.json")
    again = read(to_page(made_again(dataset, tmp_path), tmp_path / "net.json", {}))
    for one, other in zip(stored["layers"], again["layers"], strict=True):
        assert one["kind"] == other["kind"]
        if one["kind"] != "MaxPool":
            assert abs(one["weights"].astype(int)).max() == 64  # 7 bits
            assert (one["weights"] == other["weights"]).all()
            np.testing.assert_allclose(one["scales"], other["scales"], rtol=1e-3)
    test_set = load_images(dataset, "test")
    found = answered(stored, test_set["images"]).argmax(1) != test_set["labels"]
    assert found.sum() == stored["card"]["test errors"]


def test_the_command_stores_a_net_and_its_text(int8, tmp_path):
    setting = next(run for run in for_pages() if run["dataset"] == "digits")
    keep = tmp_path / "new" / "digits_student.safetensors"
    row = page_run({**setting, "labels": 100, "epochs": 2}, keep)
    assert {path.suffix for path in keep.parent.iterdir()} == {".json", ".safetensors"}
    net, facts = load_model(keep)
    card = read(keep.with_suffix(".json"))["card"]
    assert card == card | facts and card["gradient steps"] == 4
    assert card["test errors"] == row["test_errors"]
    found = evaluate(net, load_images("digits", "test"))["errors"]
    assert card["test errors in float32"] == row["float_errors"] == found
    assert row["bytes"] == file_bytes(keep.with_suffix(".json"))
