"""In every way of computing a net learns the same, and the fastest one is measured."""

import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from kdlab import speed
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.speed import PLAIN, Way, computing, cpu_threads, fastest_way
from kdlab.training import evaluate, fit, predict, training_steps
from kdlab.weights import load_model, save_model

HALF, LAST = Way(torch.bfloat16), Way(channels_last=True)
BOTH = Way(torch.bfloat16, channels_last=True, threads=2)
SIZES = {"channels": [8, 8], "hidden": 16, "image_size": 8, "colors": 3, "classes": 4}


@pytest.fixture
def columns():
    """Colour pictures of four classes, by the brightness of a row."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (200,), generator=draw)
    images = torch.rand(200, 3, 8, 8, generator=draw) / 2
    images[torch.arange(200), :, 2 * labels] += 0.5
    return {"images": (images * 255).byte(), "labels": labels}


def cnn():
    return build_model("cnn", **SIZES)


def trained(columns, way, objective=label_loss, epochs=6):
    model = cnn()
    adam = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    how = {"epochs": epochs, "batch_size": 50, "progress": False, "way": way}
    return model, fit(model, columns, objective, adam, **how)


def seen_by(model, way, images):
    """What each convolution is given and each layer answers, in this way."""
    given, answers = [], []
    for part in model:
        part.register_forward_hook(lambda _, x, y: answers.append(y.dtype))
        if isinstance(part, nn.Conv2d):
            part.register_forward_pre_hook(lambda _, x: given.append(x[0]))
    with computing(model, way):
        return given, answers, model(images)


def is_last(images):
    return images.is_contiguous(memory_format=torch.channels_last)


def test_a_way_is_told_in_words():
    assert str(PLAIN) == "float32, 1 thread"
    assert f"{BOTH}" == "bfloat16, channels last, 2 threads"


@pytest.mark.parametrize("way", [PLAIN, HALF, LAST, BOTH])
def test_inside_a_model_computes_in_this_way_and_answers_in_float32(way):
    images, model = torch.rand(5, 3, 8, 8), cnn()
    given, answers, logits = seen_by(model, way, images)
    assert [is_last(x) for x in given] == [way.channels_last] * 2
    assert answers[-1] == way.dtype and logits.dtype == torch.float32
    assert_close(logits, model(images), atol=0.01, rtol=0.02)
    assert model(images).dtype == torch.float32 and not is_last(given.pop())
    assert not model._forward_hooks and not model._forward_pre_hooks


@pytest.mark.parametrize("way", [HALF, LAST, BOTH])
def test_nothing_is_left_behind_also_by_an_error(way):
    model = cnn()
    with pytest.raises(ZeroDivisionError), computing(model, way), cpu_threads(2):
        assert model._forward_hooks
        raise ZeroDivisionError
    assert not model._forward_hooks and not model._forward_pre_hooks
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("way", [HALF, LAST, BOTH])
def test_training_in_another_way_learns_the_same_and_leaves_plain_weights(
    columns, way, tmp_path
):
    plain, expected = trained(columns, PLAIN)
    model, history = trained(columns, way)
    assert [*history.hard] == pytest.approx([*expected.hard], abs=0.1, rel=0.1)
    assert evaluate(model, columns, way)["accuracy"] > 0.95
    for parameter in model.parameters():
        assert parameter.dtype == torch.float32 and parameter.is_contiguous()
    save_model(tmp_path / "net.safetensors", model, "cnn", SIZES)
    again = load_model(tmp_path / "net.safetensors")[0]
    assert predict(again, columns["images"]).equal(predict(model, columns["images"]))
    if way.dtype is torch.bfloat16:  # it was computed differently
        assert not all(map(torch.equal, model.parameters(), plain.parameters()))


def test_gradients_are_computed_outside_and_the_loss_in_float32(columns):
    """Also of an objective that is written without a thought of it."""
    seen = []

    def objective(model, batch):
        logits = model(batch["images"])
        logits.register_hook(lambda _: seen.append(torch.is_autocast_enabled("cpu")))
        assert torch.is_autocast_enabled("cpu") and torch.get_num_threads() == 2
        return {"own": F.cross_entropy(logits, batch["labels"])}

    model, threads = cnn(), torch.get_num_threads()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    for _, terms in training_steps(model, columns, objective, sgd, epochs=1, way=BOTH):
        assert terms["own"].dtype == torch.float32
        assert not torch.is_autocast_enabled("cpu") and not model._forward_hooks
        assert torch.get_num_threads() == threads
    assert seen == [False] * 2


@pytest.mark.parametrize("way", [PLAIN, HALF, LAST, BOTH])
def test_predict_answers_in_float32_whatever_the_way(columns, way):
    model, threads, seen = cnn(), torch.get_num_threads(), []
    plain = predict(model, columns["images"])
    model[-1].register_forward_hook(
        lambda _, x, y: seen.append((y.dtype, torch.get_num_threads()))
    )
    logits = predict(model, columns["images"], way=way)
    assert logits.dtype == torch.float32 and not logits.requires_grad
    assert_close(logits, plain, atol=0.02, rtol=0.02)
    evaluate(model, columns, way)
    assert seen == [(way.dtype, way.threads)] * 2 and torch.get_num_threads() == threads


# --- the fastest ----------------------------------------------------------------------


def among(monkeypatch, columns, seconds, model=None, threads=2):
    """The fastest way where steps take so long, and the ways that were tried."""
    tried = []

    def step_seconds(model, images, labels, way, known=None):
        tried.append(way)
        return seconds(way)

    monkeypatch.setattr(speed, "step_seconds", step_seconds)
    with cpu_threads(threads):
        return fastest_way(model or cnn(), columns), tried


@pytest.mark.parametrize("best", [PLAIN, HALF, LAST, Way(threads=2), BOTH])
def test_the_fastest_of_all_is_found(monkeypatch, columns, best):
    def seconds(way):
        return 1 + sum(one != other for one, other in zip(way, best, strict=True))

    assert among(monkeypatch, columns, seconds)[0] == best


def test_a_gain_that_may_be_luck_is_none(monkeypatch, columns):
    found, tried = among(monkeypatch, columns, lambda way: 1 if way == PLAIN else 0.95)
    assert found == PLAIN and tried == [PLAIN, HALF, LAST, Way(threads=2)]


def test_each_gain_is_one_over_the_fastest_so_far(monkeypatch, columns):
    def seconds(way):
        return 1.0 if way == PLAIN else 0.5 if way == HALF else 0.6

    assert among(monkeypatch, columns, seconds)[0] == HALF


def test_what_cannot_help_is_not_tried(monkeypatch, columns):
    mlp = build_model("mlp", inputs=192, classes=4)
    slow = among(monkeypatch, columns, lambda way: 1, mlp, threads=1)
    assert slow == (PLAIN, [PLAIN, HALF])
    assert among(monkeypatch, columns, lambda way: 0.001) == (PLAIN, [PLAIN])


def test_measuring_leaves_the_model_and_the_random_numbers_alone(columns):
    """And a small net is at its fastest as it is."""
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(192), nn.Dropout())
    model.append(nn.Linear(192, 4)).eval()
    columns["images"] = columns["images"] / 255
    before = {name: value.clone() for name, value in model.state_dict().items()}
    numbers, threads = torch.get_rng_state(), torch.get_num_threads()
    assert fastest_way(model, columns, batch_size=64) == PLAIN
    assert all(before[name].equal(value) for name, value in model.state_dict().items())
    assert not model.training and all(p.grad is None for p in model.parameters())
    assert torch.get_rng_state().equal(numbers) and torch.get_num_threads() == threads


class Slow(nn.Linear):
    """In half precision far slower."""

    half = 0

    def forward(self, images):
        on = torch.is_autocast_enabled("cpu")
        Slow.half += on
        time.sleep(0.5 if on else 0.02)
        return super().forward(images.flatten(1))


def test_a_way_that_is_far_slower_is_given_up_at_once(columns):
    columns["images"] = columns["images"] / 255
    with cpu_threads(1):
        assert fastest_way(Slow(192, 4), columns) == PLAIN
    assert Slow.half == 1
