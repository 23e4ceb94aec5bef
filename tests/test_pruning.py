"""Pruning: zeros that stay zero, channels that are gone, and nothing else moved."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.testing import assert_close

from kdlab.compression import (
    baked,
    by_lot,
    kept_widths,
    layers_of,
    magnitude_masks,
    masked,
    narrowed,
    random_masks,
    recalibrated,
    sensitivity,
)
from kdlab.compression.pruning import Mask
from kdlab.models import build_model, count_parameters
from kdlab.objectives import label_loss
from kdlab.training import cycle_of, evaluate, fit

NETS = {
    "mlp": ({"widths": [24, 16], "inputs": 192}, (3, 8, 8)),
    "cnn": (
        {"channels": [16, 24], "hidden": 40, "colors": 3, "image_size": 8},
        (3, 8, 8),
    ),
    "convnet": ({"widths": [16, 32, 24], "divisor": 9.0}, (3, 32, 32)),
    "resnet": ({"depth": 14, "width": 16}, (3, 16, 16)),
}


def net(name, seed=0):
    """A net of NETS in evaluation mode, with BatchNorms that have seen images."""
    sizes, shape = NETS[name]
    model = build_model(name, seed=seed, **sizes)
    draw = torch.Generator().manual_seed(seed)
    for part in model.modules():
        if isinstance(part, nn.Conv2d):  # no copies, as convnet's first weights are
            with torch.no_grad():
                part.weight.add_(0.1 * torch.randn(part.weight.shape, generator=draw))
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.copy_(torch.rand(part.num_features, generator=draw))
            part.running_var.copy_(torch.rand(part.num_features, generator=draw) + 0.5)
    return model.eval(), torch.rand(5, *shape, generator=draw)


def state(model):
    return copy.deepcopy(model.state_dict())


def same_state(model, before):
    now = model.state_dict()
    return list(now) == list(before) and all(
        torch.equal(now[name], before[name]) for name in now
    )


# --- masks -------------------------------------------------------------------------


@pytest.mark.parametrize("sparsity", [0, 0.3, 0.9, 0.98])
def test_global_masks_are_those_of_torch(sparsity):
    model, _ = net("cnn")
    theirs = copy.deepcopy(model)
    pairs = [(layer, "weight") for layer in layers_of(theirs).values()]
    prune.global_unstructured(pairs, prune.L1Unstructured, amount=sparsity)
    masks = magnitude_masks(model, sparsity)
    for name, layer in layers_of(theirs).items():
        assert torch.equal(masks[name], layer.weight_mask.bool())


def test_masks_by_layer_are_those_of_torch():
    model, images = net("cnn")
    theirs = copy.deepcopy(model)
    for layer in layers_of(theirs).values():
        prune.l1_unstructured(layer, "weight", amount=0.7)
    ours = masked(model, magnitude_masks(model, 0.7, "layer"))
    assert_close(ours(images), theirs(images))


def test_random_masks_take_as_many_from_each_layer_and_know_their_seed():
    model, _ = net("cnn")
    masks = random_masks(model, 0.75, seed=1)
    for name, layer in layers_of(model).items():
        assert masks[name].sum() == layer.weight.numel() - round(
            0.75 * layer.weight.numel()
        )
    again, other = random_masks(model, 0.75, seed=1), random_masks(model, 0.75, seed=2)
    assert all(torch.equal(masks[name], again[name]) for name in masks)
    assert not all(torch.equal(masks[name], other[name]) for name in masks)


def test_what_is_masked_stays_zero_while_fit_trains_the_rest():
    model, images = net("cnn")
    before, masks = state(model), magnitude_masks(model, 0.8)
    pruned = masked(model, masks)
    columns = {"images": images, "labels": torch.tensor([0, 1, 2, 3, 4])}
    cycle = cycle_of(pruned, columns, 1e-2, epochs=3, batch_size=5)
    fit(pruned, columns, label_loss, progress=False, **cycle)
    for name, layer in layers_of(pruned).items():
        old = before[f"{name}.weight"]
        assert torch.equal(layer.weight != 0, masks[name])
        assert (layer.weight != old)[masks[name]].any(), "the rest learns"
        assert (layer.bias != before[f"{name}.bias"]).any(), "biases are free"
    assert same_state(model, before), "the argument is changed"


def test_pruning_again_keeps_the_zeros_and_baking_keeps_the_answers():
    model, images = net("cnn")
    half = masked(model, magnitude_masks(model, 0.5))
    more = masked(half, magnitude_masks(half, 0.9))
    kept = sum((layer.weight != 0).sum() for layer in layers_of(more).values())
    total = sum(layer.weight.numel() for layer in layers_of(more).values())
    assert kept == total - round(0.9 * total)
    plain = baked(more)
    assert_close(plain(images), more(images))
    assert sorted(plain.state_dict()) == sorted(model.state_dict())
    assert type(layers_of(plain)["1"]) is nn.Conv2d


def test_baking_or_cutting_a_copy_leaves_the_other_masked():
    """torch's own remove_parametrizations breaks the class that copies share."""
    model, images = net("cnn")
    pruned = masked(model, magnitude_masks(model, 0.5))
    pruned(images).sum().backward()
    answers, other = pruned(images), copy.deepcopy(pruned)
    baked(other), narrowed(other, 0.5)
    assert_close(pruned(images), answers)
    assert_close(other(images), answers)


@pytest.mark.parametrize("sparsity", [-0.1, 1, 1.5, float("nan")])
def test_a_sparsity_outside_0_to_1_is_refused(sparsity):
    model, _ = net("mlp")
    for prunes in (magnitude_masks, random_masks):
        with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got"):
            prunes(model, sparsity)
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\), got"):
        narrowed(model, sparsity)


def test_masks_that_do_not_fit_are_refused():
    model, _ = net("mlp")
    with pytest.raises(ValueError, match=r"'global' or 'layer', got 'all'"):
        magnitude_masks(model, 0.5, "all")
    with pytest.raises(ValueError, match=r"No layers \['3'\]; there are \['2', '4'"):
        masked(model, {"3": torch.ones(2)})
    with pytest.raises(ValueError, match=r"mask of 2 must be \(24, 192\), got \(2,\)"):
        masked(model, {"2": torch.ones(2)})


@pytest.mark.parametrize(
    "prunes", [lambda m: magnitude_masks(m, 0.5), lambda m: narrowed(m, 0.5), baked]
)
def test_nan_weights_are_named(prunes):
    model, _ = net("mlp")
    model[4].weight.data[0, 0] = float("nan")
    with pytest.raises(ValueError, match="Layer 4 has weights that are NaN"):
        prunes(model)
    with pytest.raises(ValueError, match="no dense layer and no convolution"):
        prunes(nn.Sequential(nn.ReLU()))


# --- channels ----------------------------------------------------------------------


def without_channels(model, widths):
    """A copy in which the channels that are not kept say nothing: all are zero."""
    model = copy.deepcopy(model)
    layer, kept = None, None
    for name, part in model.named_modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            layer = part if name in widths else None
            if layer is not None:
                size = part.weight.abs().flatten(1).sum(1)
                kept = size >= size.topk(widths[name]).values[-1]
                part.weight.data[~kept] = 0
                if part.bias is not None:
                    part.bias.data[~kept] = 0
        elif isinstance(part, nn.BatchNorm2d) and layer is not None:
            part.running_mean[~kept] = 0
            part.bias.data[~kept] = 0
    return model


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("name", NETS)
def test_a_narrow_net_answers_as_the_wide_one_without_these_channels(name, share):
    model, images = net(name)
    before = state(model)
    small = narrowed(model, share)
    widths = kept_widths(model, share)
    silent = without_channels(model, widths)
    assert_close(small(images), silent(images), rtol=1e-4, atol=1e-5)
    assert (small(images) - model(images)).abs().max() > 2e-4
    assert count_parameters(small) < count_parameters(model)
    assert {n: len(layers_of(small)[n].weight) for n in widths} == widths
    assert same_state(model, before) and not small.training


@pytest.mark.parametrize(
    ("width", "share", "multiple", "kept"),
    [(64, 0.5, 8, 32), (20, 0.5, 8, 8), (24, 0.5, 8, 16), (16, 0.9, 8, 8)]
    + [(4, 0.5, 8, 4), (12, 0, 8, 12), (10, 0.75, 1, 3), (3, 0.99, 1, 1)],
)
def test_widths_are_multiples_at_least_one_and_never_more_than_before(
    width, share, multiple, kept
):
    model = build_model("mlp", widths=[width], inputs=6)
    assert kept_widths(model, share, multiple) == {"2": kept}


def test_widths_may_be_given_by_name_and_others_stay():
    model, images = net("cnn")
    small = narrowed(model, {"4": 5})
    sizes = [len(layer.weight) for layer in layers_of(small).values()]
    assert sizes == [16, 5, 40, 10] and small(images).shape == (5, 10)
    with pytest.raises(ValueError, match="Layer 4 has 24 channels and must keep at le"):
        narrowed(model, {"4": 0})
    with pytest.raises(ValueError, match="Layer 4 has 24 channels and must keep at le"):
        narrowed(model, {"4": 25})
    with pytest.raises(ValueError, match=r"'10' cannot lose channels; \['1', '4', '8"):
        narrowed(model, {"10": 4})
    with pytest.raises(ValueError, match="multiple must be 1 or more, got 0"):
        narrowed(model, 0.5, multiple=0)


def test_only_the_inside_of_a_residual_block_gets_narrow():
    model, images = net("resnet")
    widths = kept_widths(model, 0.5)
    assert list(widths) == [f"{n}.inner.0" for n in range(4, 10)]
    small = narrowed(model, 0.5)
    assert small[4].inner[0].out_channels == small[4].inner[1].num_features == 8
    assert small[1].weight.shape == model[1].weight.shape


def test_channels_go_by_lot_or_by_any_score():
    model, images = net("cnn")
    lots = [narrowed(model, 0.5, score=by_lot(seed)) for seed in (1, 1, 2)]
    answers = [small(images) for small in lots]
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    last = narrowed(
        model, {"1": 3}, score=lambda layer: torch.arange(len(layer.weight))
    )
    assert torch.equal(last[1].weight, model[1].weight[-3:])


def test_masks_are_cut_with_the_channels_and_still_hold():
    model, images = net("convnet")
    pruned = masked(model, magnitude_masks(model, 0.6))
    small = narrowed(pruned, 0.5)
    assert_close(baked(small)(images), narrowed(baked(pruned), 0.5)(images))
    masks = [part.keep for part in small.modules() if isinstance(part, Mask)]
    layers = layers_of(small).values()
    assert [mask.shape for mask in masks] == [layer.weight.shape for layer in layers]
    small(images).sum().backward()


def test_a_net_of_other_parts_is_refused():
    with pytest.raises(ValueError, match="4 is a Mixed: its channels cannot be remov"):
        narrowed(build_model("mixer"), 0.5)
    grouped = nn.Sequential(nn.Conv2d(8, 8, 1, groups=8), nn.Conv2d(8, 2, 1))
    with pytest.raises(ValueError, match="0 is a Conv2d.*no convolution in groups"):
        narrowed(grouped, 0.5, multiple=2)


# --- afterwards --------------------------------------------------------------------


def test_recalibration_measures_what_now_reaches_each_batch_norm():
    model, _ = net("convnet")
    model.train()[-1].eval()
    before, images = state(model), torch.rand(96, 3, 32, 32)
    again = recalibrated(model, images, batch_size=32)
    first = next(p for p in again.modules() if isinstance(p, nn.BatchNorm2d))
    seen = again[:5](images)  # what reaches it
    assert_close(first.running_mean, seen.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    assert_close(first.running_var, seen.var((0, 2, 3)), rtol=2e-2, atol=1e-3)
    assert again.training and first.training and first.momentum == 0.1
    assert not again[-1].training, "a part is not in the mode it was"
    changed = {
        n for n, v in again.state_dict().items() if not torch.equal(v, before[n])
    }
    assert {name.split(".")[-1] for name in changed} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }
    assert same_state(model, before)
    with pytest.raises(ValueError, match="measured on images, got none"):
        recalibrated(model, images[:0])


def test_sensitivity_prunes_one_layer_at_a_time():
    model, _ = net("mlp")
    columns = {"images": torch.rand(40, 3, 8, 8), "labels": torch.arange(40) % 10}
    table = sensitivity(model, columns, [0, 0.9])
    assert list(table.columns) == ["2", "4", "6"] and list(table.index) == [0, 0.9]
    assert (table.loc[0] == evaluate(model, columns)["accuracy"]).all()
    alone = masked(model, {"4": magnitude_masks(model, 0.9, "layer")["4"]})
    assert table.loc[0.9, "4"] == evaluate(alone, columns)["accuracy"]
