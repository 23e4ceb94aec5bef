"""Architectures: shapes, sizes, and a seed that decides everything."""

import pytest
import torch
from torch.testing import assert_close

from kdlab.models import build_model, count_parameters
from kdlab.training import predict
from kdlab.weights import load_teacher


@pytest.mark.parametrize(
    ("name", "sizes", "shape", "parameters"),
    [
        ("mlp", {"widths": [64]}, (1, 28, 28), 784 * 64 + 64 + 64 * 10 + 10),
        ("mlp", {"widths": [32, 16], "classes": 3}, (1, 28, 28), 25_120 + 528 + 51),
        ("mlp", {"widths": []}, (1, 28, 28), 7_850),
        ("mlp", {"widths": [8], "inputs": 2, "classes": 2}, (2,), 24 + 18),
        ("cnn", {}, (1, 28, 28), 206_922),
        ("cnn", {"colors": 3, "image_size": 32}, (3, 32, 32), 268_650),
    ],
)
def test_shapes_and_parameter_counts(name, sizes, shape, parameters):
    model = build_model(name, **sizes)
    logits = model(torch.zeros(5, *shape))
    assert logits.shape == (5, sizes.get("classes", 10))
    assert count_parameters(model) == parameters


def test_the_seed_decides_the_weights_and_nothing_else_moves():
    before = torch.get_rng_state()
    one, same, other = (build_model("mlp", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(one(image), same(image))
    assert not torch.equal(one(image), other(image))


def test_normalisation_is_the_first_layer_and_travels_with_the_weights():
    model = build_model("mlp", mean=0.5, spread=0.25)
    assert_close(model[0](torch.tensor([0.5, 1.0])), torch.tensor([0.0, 2.0]))
    assert {"0.mean", "0.spread"} <= set(model.state_dict())


def test_dropout_is_there_when_asked_for():
    model = build_model("mlp", widths=[500], dropout=0.5).train()
    image = torch.ones(1, 1, 28, 28)
    assert not torch.equal(model(image), model(image))
    assert torch.equal(model.eval()(image), model(image))


def test_an_unknown_name_or_size_names_those_that_are_there():
    with pytest.raises(ValueError, match="mlp"):
        build_model("transformer")
    with pytest.raises(ValueError, match="widths"):
        build_model("mlp", width=64)


# --- bytes ----------------------------------------------------------------------------


def bytes_of(*shape):
    draw = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, dtype=torch.uint8, generator=draw)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_bytes_straight_into_a_model_mean_what_they_mean_to_predict(name):
    model, images = build_model(name), bytes_of(9, 1, 28, 28)
    answers = model(images)
    assert torch.equal(answers, model(images / 255))
    assert torch.equal(answers, predict(model, images))
    assert torch.equal(answers, predict(model, images / 255))
    assert not torch.allclose(answers, model(images.float()))


@pytest.mark.parametrize("dataset", ["digits", "mnist"])
def test_the_stored_teachers_read_bytes_as_they_read_floats(dataset):
    """And normalise by the formula: what they answered when they were stored."""
    model, images = load_teacher(dataset)[0], bytes_of(50, 1, 28, 28)
    normal = (images.float() / 255 - model[0].mean) / model[0].spread
    with torch.no_grad():
        answers = model[1:](normal)
        assert torch.equal(model(images), answers)
        assert torch.equal(model(images / 255), answers)
    assert torch.equal(predict(model, images), answers)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int8, torch.bool])
def test_other_whole_numbers_are_refused_for_nobody_knows_their_scale(dtype):
    images = torch.ones(2, 1, 28, 28, dtype=dtype)
    model = build_model("mlp")
    for read in model, lambda x: predict(model, x):
        with pytest.raises(ValueError, match=f"bytes .uint8., got {dtype}.*byte()"):
            read(images)
