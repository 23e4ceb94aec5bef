"""Architectures: shapes, sizes, and a seed that decides everything."""

import pytest
import torch
from torch.testing import assert_close

from kdlab.models import build_model, count_parameters


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
