"""Low rank: the nearest product of two thin matrices, only where it saves numbers."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from kdlab.compression import factorized, layers_of, magnitude_masks, masked
from kdlab.models import build_model, count_parameters


def net():
    return build_model("mlp", widths=[40, 24], inputs=60).eval()


def test_a_product_is_the_nearest_of_its_rank_and_keeps_the_bias():
    model = net()
    before = model[2].weight.clone()
    pair = factorized(model, 0.25)[2]
    first, second = pair
    product = second.weight @ first.weight
    assert torch.linalg.matrix_rank(product) == 10 == first.out_features
    values = torch.linalg.svdvals(model[2].weight)
    assert_close((product - model[2].weight).norm(), values[10:].norm())
    assert first.bias is None and torch.equal(second.bias, model[2].bias)
    assert_close(first.weight.norm(), second.weight.norm())
    assert torch.equal(model[2].weight, before) and not pair.training


def test_full_enough_a_rank_answers_alike():
    images = torch.rand(4, 1, 6, 10)
    model = build_model("mlp", widths=[60], inputs=60)
    u, values, v = torch.linalg.svd(model[2].weight)
    values[20:] = 0
    model[2].weight.data = u @ values.diag() @ v
    assert_close(factorized(model, 1 / 3)(images), model(images), rtol=1e-4, atol=1e-5)


def test_a_layer_that_would_not_shrink_stays_and_so_does_the_last():
    model = net()
    pairs = [name for name in layers_of(factorized(model, 0.6)) if "." in name]
    assert pairs == ["4.0", "4.1"]  # in the other 24 · (40 + 60) are as many
    small = factorized(model, 0.1)
    assert isinstance(small[6], nn.Linear)
    assert count_parameters(small) < count_parameters(model)
    assert count_parameters(factorized(model, 1)) == count_parameters(model)


def test_a_convolution_of_single_pixels_is_a_matrix_and_others_stay():
    torch.manual_seed(0)
    one = nn.Conv2d(32, 48, 1, stride=2, padding=1)
    model = nn.Sequential(one, nn.Conv2d(48, 8, 3), nn.Conv2d(8, 4, 1))
    images = torch.rand(2, 32, 9, 9)
    pair = factorized(model, 0.5)[0]
    assert [layer.weight.shape[:2] for layer in pair] == [(16, 32), (48, 16)]
    product = (pair[1].weight[:, :, 0, 0] @ pair[0].weight[:, :, 0, 0])[..., None, None]
    wanted = nn.functional.conv2d(images, product, one.bias, stride=2, padding=1)
    assert_close(pair(images), wanted, rtol=1e-4, atol=1e-5)
    assert isinstance(factorized(model, 0.5)[1], nn.Conv2d)


def test_a_mask_is_baked_first_and_a_frozen_layer_stays_frozen():
    model = net()
    model[2].weight.requires_grad_(False)
    pruned = masked(model, magnitude_masks(model, 0.5))
    small = factorized(pruned, 0.25)
    again = factorized(pruned, 0.25)
    assert torch.equal(small[2][0].weight, again[2][0].weight)
    assert not small[2][0].weight.requires_grad and small[4][0].weight.requires_grad
    product = small[2][1].weight @ small[2][0].weight
    values = torch.linalg.svdvals(pruned[2].weight)
    assert_close((product - pruned[2].weight).norm(), values[10:].norm())


@pytest.mark.parametrize("share", [0, -1, 1.2, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got"):
        factorized(net(), share)
