"""Architectures: shapes, sizes, and a seed that decides everything."""

import pytest
import torch
from torch.testing import assert_close

from kdlab.models import build_model, count_parameters, whiten
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
        ("convnet", {}, (3, 32, 32), 1_972_792),
        ("convnet", {"widths": [16, 8], "depth": 1}, (3, 32, 32), 5_048),
        ("resnet", {}, (3, 32, 32), 269_722),  # 0.27 M in He et al., table 6
        ("resnet", {"depth": 8, "width": 8, "classes": 3}, (3, 32, 32), 18_987),
        ("mixer", {"width": 32, "depth": 2, "patch": 8}, (3, 32, 32), 16_298),
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


# --- colour ---------------------------------------------------------------------------


def test_whitening_makes_all_directions_of_the_patches_vary_alike():
    model, images = build_model("convnet"), torch.rand(200, 3, 32, 32)
    images[:, 1] = 0.9 * images[:, 0] + 0.1 * images[:, 1]  # colours that go together
    whiten(model, images)
    first = model[1]
    assert first.weight.shape == (24, 3, 2, 2) and not first.weight.requires_grad
    assert_close(first.weight[:12], -first.weight[12:])
    answers = (first(model[0](images)) - first.bias[:, None, None])[:, :12]
    spread = answers.movedim(1, 0).flatten(1).cov()
    # what hardly varies is not blown up: 5e-4 is added to each variance
    assert_close(spread, torch.eye(12), atol=0.2, rtol=0)
    assert (spread - spread.diag().diag()).abs().max() < 0.02


def test_a_convolution_of_the_family_begins_by_handing_through():
    layer = build_model("convnet", widths=[32], depth=2)[7]
    maps = torch.rand(2, 32, 8, 8)
    assert_close(layer(maps), maps)


def test_logits_are_divided_by_the_divisor():
    one, nine = (build_model("convnet", widths=[8], divisor=d) for d in (1.0, 9.0))
    images = torch.rand(3, 3, 32, 32)
    assert_close(one.eval()(images) / 9, nine.eval()(images))


def test_a_residual_part_without_weights_hands_through_and_halves():
    model = build_model("resnet", depth=8)
    same, halving = model[4], model[5]
    for part in (same, halving):
        torch.nn.init.zeros_(part.inner[3].weight)
    maps = torch.rand(2, 16, 8, 8)
    assert_close(same.eval()(maps), maps)
    halved = halving.eval()(maps)
    assert halved.shape == (2, 32, 4, 4)
    assert_close(halved[:, 8:24], maps[:, :, ::2, ::2])
    assert not halved[:, :8].any() and not halved[:, 24:].any()


def test_patches_of_a_mixer_see_each_other_and_no_convolution_does_it():
    model = build_model("mixer", width=16, depth=1, patch=8).eval()
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    tokens = model[:5](images)
    assert tokens.shape == (1, 16, 16)
    tokens[0, 0].sum().backward()  # the first patch, after one mixing
    assert (images.grad[0, :, -8:, -8:] != 0).any()


def test_a_depth_that_is_no_residual_net_is_refused():
    with pytest.raises(ValueError, match="6n . 2.*got 18"):
        build_model("resnet", depth=18)
