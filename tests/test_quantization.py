"""Grids of few bits: as torch rounds, as LSQ learns, and packed to real bytes."""

import shutil

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.testing import assert_close

from kdlab.compression import (
    affine_grid,
    baked,
    code_range,
    dequantize,
    fake_quantize,
    fitting_step,
    grid_of,
    layers_of,
    load_packed,
    magnitude_masks,
    masked,
    narrowed,
    on_grid,
    pack,
    quantize,
    save_packed,
)
from kdlab.compression.quantization import Grid, unpack
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.training import cycle_of, fit, predict

BITS = range(2, 9)
EXACT = {"rtol": 0.0, "atol": 0.0}


@pytest.fixture
def model():
    return build_model("cnn", seed=3, channels=[8, 16], hidden=24)


@pytest.fixture
def columns(model):
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(96, 1, 28, 28, generator=draw)
    return {"images": images, "labels": predict(model, images).argmax(dim=1)}


def numbers(*shape, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=draw).requires_grad_()


# --- the quantizer -------------------------------------------------------------------


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("symmetric", [True, False])
def test_fake_quantize_is_torchs_own_forward_and_backward(bits, symmetric):
    x, low, high = numbers(64, 33), torch.tensor(-0.7), torch.tensor(1.9)
    step, zero = affine_grid(low, high, bits, symmetric)
    theirs = x.detach().clone().requires_grad_()
    ends = code_range(bits)
    wanted = torch.fake_quantize_per_tensor_affine(
        theirs, step.item(), int(zero), *ends
    )
    ours = fake_quantize(x, step, zero, bits)
    assert_close(ours, wanted, **EXACT)
    pull = numbers(64, 33, seed=1).detach()
    ours.backward(pull)
    wanted.backward(pull)
    assert (x.grad == 0).any() and (x.grad != 0).any()
    assert_close(x.grad, theirs.grad)


@pytest.mark.parametrize("bits", BITS)
def test_with_a_step_for_each_channel_it_is_torchs_own_too(bits):
    x = numbers(7, 4, 3, 3)
    low, high = x.detach().flatten(1).aminmax(dim=1)
    step, zero = affine_grid(0.6 * low, 0.6 * high, bits)
    theirs = x.detach().clone().requires_grad_()
    wanted = torch.fake_quantize_per_channel_affine(
        theirs, step, zero.int(), 0, *code_range(bits)
    )
    by_channel = (7, 1, 1, 1)
    ours = fake_quantize(x, step.view(by_channel), zero.view(by_channel), bits)
    assert_close(ours, wanted, **EXACT)
    ours.square().sum().backward()
    wanted.square().sum().backward()
    assert_close(x.grad, theirs.grad)


@pytest.mark.parametrize("bits", BITS)
def test_fake_is_dequantized_and_zero_stays_zero(bits):
    x = numbers(500).detach()
    for low, high in ((-1.3, 2.1), (0.4, 3.0), (-3.0, -0.5)):
        step, zero = affine_grid(torch.tensor(low), torch.tensor(high), bits)
        codes = quantize(x, step, zero, bits)
        assert codes.dtype == torch.int8 and codes.unique().numel() <= 2**bits
        assert_close(
            dequantize(codes, step, zero), fake_quantize(x, step, zero, bits), **EXACT
        )
        assert fake_quantize(torch.tensor(0.0), step, zero, bits) == 0
        ends = dequantize(torch.tensor(code_range(bits)), step, zero)
        reached = torch.tensor([min(low, 0.0), max(high, 0.0)])
        assert (ends - reached).abs().max() <= step / 2 + 1e-6


def test_within_the_ends_nothing_is_off_by_more_than_half_a_step():
    x = torch.linspace(-1, 1, 4001)
    for bits in BITS:
        step, zero = affine_grid(x.min(), x.max(), bits, symmetric=True)
        assert zero == 0 and step == 1 / code_range(bits)[1]
        off = (fake_quantize(x, step, 0, bits) - x).abs().max()
        assert_close(off, step / 2, rtol=0.01, atol=0.0)


@pytest.mark.parametrize("bits", [0, 1, 9, 3.5, "4", True])
def test_other_bits_are_refused(model, bits):
    for refused in (code_range, lambda b: on_grid(model, b)):
        with pytest.raises(ValueError, match=rf"from 2 to 8, got {bits!r}"):
            refused(bits)


# --- the learned step ----------------------------------------------------------------


@pytest.mark.parametrize("bits", BITS)
def test_the_gradient_of_a_step_is_that_of_the_paper(bits):
    """Esser et al. (2020), equation 3, and the gradient scale of section 2.2."""
    low, high = code_range(bits)
    start, pull = torch.full((5, 1), 1.5 / high), numbers(5, 40, seed=2).detach()
    v = numbers(5, 40)
    with torch.no_grad():  # leave out where torch and the paper end the grid elsewhere
        place = v / start
        between = (place <= low) & (place.round() >= low)
        between |= (place >= high) & (place.round() <= high)
        v[between] = 0.1
    grid = Grid(start, bits, learned=True)
    (grid(v) * pull).sum().backward()
    place = (v / start).detach()
    of_step = place.round() - place
    of_step[place <= low], of_step[place >= high] = low, high
    scale = 1 / (40 * high) ** 0.5
    wanted = scale * (of_step * pull).sum(dim=1, keepdim=True)
    assert_close(grid.scale.grad, wanted * start)  # counted in units of the start
    assert_close(v.grad, pull * ((place > low) & (place < high)))


@pytest.mark.parametrize("bits", BITS)
def test_the_gradient_of_a_step_is_torchs_own(bits):
    ends, pull = code_range(bits), numbers(5, 40, seed=2).detach()
    step = torch.full((5,), 1.5 / ends[1])
    ours, theirs = numbers(5, 40), numbers(5, 40)
    grid, scale = Grid(step.view(5, 1), bits, learned=True), step.requires_grad_()
    (grid(ours) * pull).sum().backward()
    rounded = torch._fake_quantize_learnable_per_channel_affine(
        theirs, scale, torch.zeros(5), 0, *ends, (40 * ends[1]) ** -0.5
    )
    (rounded * pull).sum().backward()
    assert_close(ours.grad, theirs.grad)
    assert_close(grid.scale.grad.view(5), scale.grad * step, rtol=1e-4, atol=1e-4)


def test_a_learned_step_is_trained_by_any_fit_and_another_one_stays(model, columns):
    for learned in (True, False):
        net = on_grid(model, 3, learned=learned)
        count = len([*net.parameters()]) - len([*model.parameters()])
        assert count == (4 if learned else 0)
        before = [grid_of(layer).step.clone() for layer in layers_of(net).values()]
        cycle = cycle_of(net, columns, 1e-2, epochs=3, batch_size=32)
        fit(net, columns, label_loss, progress=False, **cycle)
        after = [grid_of(layer).step for layer in layers_of(net).values()]
        same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        assert not any(same) if learned else all(same)


def test_training_through_the_grid_lowers_the_loss_and_stays_on_it(model, columns):
    net = on_grid(model, 2, clip="error")
    cycle = cycle_of(net, columns, 1e-2, epochs=8, batch_size=32)
    losses = fit(net, columns, label_loss, progress=False, **cycle)["hard"]
    assert losses.iloc[-1] < 0.5 * losses.iloc[0]
    for layer in layers_of(net).values():
        codes = layer.weight / grid_of(layer).step
        assert_close(codes, codes.round())
        assert {*codes.round().flatten().tolist()} <= {-2, -1, 0, 1}


def test_a_step_never_becomes_zero_or_negative():
    grid = Grid(torch.tensor(0.1), 4, learned=True)
    with torch.no_grad():
        grid.scale.fill_(-3.0)
    assert grid.step > 0 and grid(torch.randn(9)).isfinite().all()


# --- a model on grids ----------------------------------------------------------------


def test_the_model_is_left_as_it_was_and_the_copy_keeps_its_mode(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for mode in (True, False):
        net = on_grid(model.train(mode), 2)
        assert {part.training for part in net.modules()} == {mode}
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_in_a_model_that_comes_in_evaluation_mode_batchnorm_is_trained():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.BatchNorm1d(6)).eval()
    rows = {"images": torch.rand(64, 4), "labels": torch.arange(64) % 6}
    for copy in (on_grid(net, 4), masked(net, magnitude_masks(net, 0.5))):
        cycle = cycle_of(copy, rows, 1e-2, epochs=1, batch_size=32)
        fit(copy, rows, label_loss, progress=False, **cycle)
        assert copy[2].num_batches_tracked == 2 and not copy.training


def test_the_steps_of_a_frozen_model_are_frozen(model):
    net = on_grid(model.requires_grad_(False), 4, learned=True)
    assert not any(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize("bits", BITS)
def test_per_channel_and_clipping_make_the_error_smaller(model, bits):
    def error(**how):
        net = on_grid(model, bits, **how)
        pairs = zip(layers_of(net).values(), layers_of(model).values(), strict=True)
        return sum((a.weight - b.weight).square().sum().item() for a, b in pairs)

    with torch.no_grad():
        layers_of(model)["4"].weight[3] *= 8  # a channel of its own scale
    assert error() < (0.5 if bits > 2 else 0.7) * error(per_channel=False)
    for per_channel in (True, False):
        clipped = error(per_channel=per_channel, clip="error")
        assert clipped <= error(per_channel=per_channel)
    assert error(clip="error") < 0.9 * error() or bits > 3


def test_the_step_of_least_error_is_that_of_a_finer_search():
    weight = numbers(1, 4000).detach()
    found = fitting_step(weight, 3, True, "error").item()
    steps = torch.linspace(0.1, 1.5, 600)
    errors = [(fake_quantize(weight, s, 0, 3) - weight).square().mean() for s in steps]
    assert found == pytest.approx(steps[torch.stack(errors).argmin()].item(), rel=0.05)


def test_a_channel_of_zeros_stays_zero(model):
    with torch.no_grad():
        layers_of(model)["4"].weight[5] = 0
    for clip in ("max", "error"):
        for per_channel in (True, False):
            net = on_grid(model, 4, clip=clip, per_channel=per_channel, learned=True)
            weight = layers_of(net)["4"].weight
            assert weight.isfinite().all() and not weight[5].any() and weight[4].any()
            predict(net, torch.rand(3, 1, 28, 28))
    empty = on_grid(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), 2)
    with torch.no_grad():
        empty[1].parametrizations.weight.original.zero_()
    assert not empty[1].weight.any()


def test_what_cannot_be_put_on_a_grid_is_said(model):
    with pytest.raises(ValueError, match="clip must be 'max' or 'error', got 'mse'"):
        on_grid(model, 4, clip="mse")
    with pytest.raises(ValueError, match="Layer 1 is on a grid: take the model before"):
        on_grid(on_grid(model, 4), 2)
    with torch.no_grad():
        layers_of(model)["4"].weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="Layer 4 has weights that are NaN"):
        on_grid(model, 4)


def test_a_mask_is_kept_through_training(model, columns):
    masks = magnitude_masks(model, 0.6)
    net = on_grid(masked(model, masks), 4, learned=True)
    cycle = cycle_of(net, columns, 1e-2, epochs=1, batch_size=32)
    fit(net, columns, label_loss, progress=False, **cycle)
    for name, layer in layers_of(net).items():
        assert not layer.weight[~masks[name]].any()


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_grid_is_cut_with_its_channels(model, per_channel):
    net = on_grid(model, 3, per_channel=per_channel, learned=True)
    with torch.no_grad():
        for layer in layers_of(net).values():
            grid_of(layer).scale.mul_(1.25)
    small = narrowed(net, {"1": 8, "4": 8, "8": 24})
    grid = grid_of(layers_of(small)["4"])
    assert grid.start.shape == ((8, 1, 1, 1) if per_channel else ())
    assert grid.scale.requires_grad and (grid.scale == 1.25).all()
    kept = layers_of(net)["4"].weight
    for channel in layers_of(small)["4"].weight:
        assert any(torch.equal(channel, one) for one in kept)


def test_baked_weights_are_plain_and_on_the_grid(model):
    net = on_grid(model, 3)
    plain, images = baked(net), torch.rand(4, 1, 28, 28)
    assert not any(parametrize.is_parametrized(part) for part in plain.modules())
    assert_close(predict(plain, images), predict(net, images), **EXACT)


# --- bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("size", [(1,), (13,), (5, 3, 3, 3)])
def test_codes_are_packed_without_a_bit_lost_or_wasted(bits, size):
    low, high = code_range(bits)
    codes = torch.randint(low, high + 1, size).to(torch.int8)
    codes.view(-1)[0] = low
    packed = pack(codes, bits)
    assert packed.dtype == torch.uint8
    assert len(packed) == -(-codes.numel() * bits // 8)
    assert torch.equal(unpack(packed, bits, codes.shape), codes)


@pytest.mark.parametrize("bits", BITS)
def test_a_packed_file_holds_the_same_weights_in_as_few_bytes(tmp_path, model, bits):
    net, path = on_grid(model, bits, clip="error"), tmp_path / "new" / "net.safetensors"
    size = save_packed(path, net)
    assert size == path.stat().st_size
    weights = sum(layer.weight.numel() for layer in layers_of(model).values())
    steps = biases = sum(len(layer.weight) for layer in layers_of(model).values())
    exact = sum(
        -(-layer.weight.numel() * bits // 8) for layer in layers_of(model).values()
    )
    header = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    assert size == exact + 4 * (steps + biases) + 2 * 4 + header
    assert abs(exact - weights * bits / 8) < 4
    images = torch.rand(4, 1, 28, 28)
    loaded = load_packed(path, model)
    assert_close(predict(loaded, images), predict(net, images), **EXACT)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_learned_step_is_what_is_stored(tmp_path, model):
    net = on_grid(model, 3, learned=True)
    with torch.no_grad():
        for layer in layers_of(net).values():
            grid_of(layer).scale.mul_(0.7)
    save_packed(tmp_path / "net", net)
    loaded = load_packed(tmp_path / "net", model)
    pairs = zip(layers_of(loaded).values(), layers_of(net).values(), strict=True)
    for ours, theirs in pairs:
        assert_close(ours.weight, theirs.weight, **EXACT)


def test_a_file_that_is_missing_cut_or_of_another_model_is_refused(tmp_path, model):
    path = tmp_path / "net.safetensors"
    with pytest.raises(FileNotFoundError, match="No net.safetensors in"):
        load_packed(path, model)
    save_packed(path, on_grid(model, 4))
    other = build_model("cnn", channels=[8, 8], hidden=24)
    with pytest.raises(ValueError, match="damaged or of another model"):
        load_packed(path, other)
    with pytest.raises(ValueError, match="damaged or of another model"):
        load_packed(path, build_model("mlp"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="net.safetensors is damaged.*save it again"):
        load_packed(path, model)


def test_what_cannot_be_written_is_said_and_nothing_is_left(
    tmp_path, model, monkeypatch
):
    with pytest.raises(ValueError, match="on no grid"):
        save_packed(tmp_path / "net", model)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="cannot be written.*folder of your own"):
        save_packed(tmp_path / "file" / "net", on_grid(model, 4))
    shutil.rmtree(tmp_path)

    def refused(unfinished, _):
        unfinished.touch()
        raise PermissionError("Read-only file system")

    monkeypatch.setattr("pathlib.Path.write_bytes", refused)
    with pytest.raises(OSError, match="net cannot be written.*Read-only"):
        save_packed(tmp_path / "net", on_grid(model, 4))
    assert [*tmp_path.iterdir()] == []
