"""Measurements, each against a value worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from kdlab.metrics import (
    accuracy,
    agreement,
    calibration_error,
    calibration_gap,
    effective_classes,
    entropy,
    nll,
    reliability,
    soften,
)


def test_softening_divides_the_logits():
    logits = torch.tensor([math.log(9.0), 0.0])
    assert_close(soften(logits, 1.0), torch.tensor([0.9, 0.1]))
    assert_close(soften(logits, 2.0), torch.tensor([0.75, 0.25]))  # odds 9 become 3


def test_entropy_of_certain_uniform_and_fair_answers():
    probs = torch.tensor([[1.0, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]])
    assert_close(entropy(probs), torch.tensor([0.0, math.log(4), math.log(2)]))
    assert_close(effective_classes(probs), torch.tensor([1.0, 4.0, 2.0]))


def test_accuracy_nll_and_agreement_by_hand():
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 0.0]]).log1p()
    labels = torch.tensor([0, 1, 1, 0])
    assert accuracy(logits, labels).item() == 0.75
    assert agreement(logits, logits.flip(1)).item() == 0.25  # only the tie agrees
    by_hand = -math.log(3 / 4) * 2 / 4 - math.log(1 / 4) / 4 - math.log(1 / 2) / 4
    assert nll(logits, labels).item() == pytest.approx(by_hand)


def test_an_overconfident_model_has_the_gap_as_its_calibration_error():
    logits = torch.tensor([[math.log(0.9), math.log(0.1)]]).repeat(10, 1)
    labels = torch.tensor([0] * 6 + [1] * 4)  # 90 % sure, 60 % right
    assert calibration_error(logits, labels).item() == pytest.approx(0.3, abs=1e-6)
    assert calibration_error(logits, labels * 0).item() == pytest.approx(0.1, abs=1e-6)


def test_reliability_counts_every_example_once_and_leaves_empty_bins_out():
    certain, torn = [100.0, 0.0], [0.0, 0.0]  # confidence 1, in the last bin, and 1/2
    table = reliability(
        torch.tensor([certain] * 3 + [torn]), torch.tensor([0, 0, 1, 0]), bins=4
    )
    assert_close(table["share"], torch.tensor([0, 0, 0.25, 0.75], dtype=torch.float64))
    assert table["accuracy"][2:].tolist() == pytest.approx([1, 2 / 3])
    assert table["confidence"][2:].tolist() == pytest.approx([0.5, 1.0])
    assert table["accuracy"][:2].isnan().all()


def test_answers_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="hold NaN: the training has diverged"):
        reliability(torch.tensor([[torch.nan, 0.0]]), torch.tensor([0]))


def test_the_gap_is_the_mean_over_the_examples_in_the_bins():
    table = {
        "confidence": torch.tensor([0.2, torch.nan, 0.9]),
        "accuracy": torch.tensor([0.3, torch.nan, 0.5]),
        "share": torch.tensor([0.25, 0.0, 0.75]),
    }
    assert calibration_gap(table).item() == pytest.approx(0.25 * 0.1 + 0.75 * 0.4)


# --- what is refused ------------------------------------------------------------------


def fits(examples=5, classes=3):
    """Logits [N, classes] and labels [N]."""
    return torch.randn(examples, classes), torch.randint(classes, (examples,))


WITH_LABELS = [accuracy, nll, reliability, calibration_error]


@pytest.mark.parametrize("metric", WITH_LABELS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda z, y: (z, y[:, None]),  # would be broadcast to [N, N]
        lambda z, y: (z, F.one_hot(y, 3)),
        lambda z, y: (z, y[:1]),
        lambda z, y: (z, y[0]),
        lambda z, y: (z[0], y),
        lambda z, y: (z[None], y),
        lambda z, y: (z[:4], y),
    ],
)
def test_labels_of_another_shape_are_refused(metric, spoil):
    metric(*fits())
    with pytest.raises(ValueError, match=r"logits \[N, classes\] and labels \[N\]"):
        metric(*spoil(*fits()))


@pytest.mark.parametrize("shape", [(1, 3), (5, 1), (5, 4), (3,), (), (1, 5, 3)])
def test_agreement_with_answers_of_another_shape_is_refused(shape):
    agreement(*[torch.zeros(5, 3)] * 2)
    with pytest.raises(ValueError, match="of one shape"):
        agreement(torch.zeros(5, 3), torch.zeros(shape))


def test_a_number_has_no_entropy_and_is_not_softened():
    for metric in entropy, effective_classes, lambda p: soften(p, 1.0):
        with pytest.raises(ValueError, match="got a single number"):
            metric(torch.tensor(0.5))


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan, math.inf])
def test_a_temperature_that_is_not_positive_softens_nothing(temperature):
    with pytest.raises(ValueError, match="temperature must be positive, got"):
        soften(torch.zeros(2), temperature)


def test_of_no_examples_every_mean_is_nan():
    none = torch.zeros(0, 3), torch.zeros(0).long()
    assert accuracy(*none).isnan() and agreement(none[0], none[0]).isnan()


@pytest.mark.parametrize("seed", range(12))
def test_all_shapes_and_types_give_what_float64_gives(seed):
    """Two classes and more, one example and more, 16 bits and more."""
    draw = torch.Generator().manual_seed(seed)
    examples, classes = (int(torch.randint(n, 40, (), generator=draw)) for n in (1, 2))
    dtype = [torch.float16, torch.bfloat16, torch.float32, torch.float64][seed % 4]
    logits = 8 * torch.randn(2, examples, classes, generator=draw)
    logits[0, 0, 0] = -math.inf  # a class that is ruled out
    ours, theirs = logits.to(dtype)
    exact, labels = ours.double(), torch.randint(classes, (examples,), generator=draw)
    for metric in nll, calibration_error:
        found = metric(ours, labels)
        assert found.dtype != dtype or dtype.itemsize > 2
        assert_close(
            found.double(), metric(exact, labels).double(), atol=1e-6, rtol=1e-5
        )
    assert accuracy(ours, labels) == accuracy(exact, labels)
    assert agreement(ours, theirs) == agreement(exact, theirs.double())
    for temperature in 0.1, 1.0, 1000.0:
        probs = soften(ours, temperature)
        assert probs.dtype == torch.promote_types(dtype, torch.float32)
        assert_close(probs.double(), soften(exact, temperature), atol=1e-6, rtol=1e-5)
        opened = effective_classes(probs)
        assert opened.shape == (examples,) and (opened <= classes + 1e-3).all()
        assert (opened >= 1 - 1e-6).all()
