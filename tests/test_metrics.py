"""Measurements, each against a value worked out by hand."""

import math

import pytest
import torch
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
