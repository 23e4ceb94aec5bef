"""The omitted digit: the bias turns answers as it should, and bad choices are named."""

import pytest
import torch

from kdlab.grids import setting
from kdlab.omitted import (
    BIASES,
    fewest_errors,
    omitted_run,
    only_classes,
    unseen_with_bias,
)


@pytest.fixture
def logits():
    return 3 * torch.randn(300, 6)


@pytest.mark.parametrize("unseen", [[3], [0, 5]])
def test_recall_and_errors_are_those_of_the_shifted_logits(logits, unseen):
    labels = torch.arange(6).repeat(50)
    table = unseen_with_bias(logits, labels, unseen)
    for place in (0, 50, 51, 120, 200):
        moved = logits.clone()
        moved[:, unseen] += BIASES[place]
        wrong = moved.argmax(dim=1) != labels
        hidden = torch.isin(labels, torch.tensor(unseen))
        assert table["errors"][place] == wrong.sum()
        recall = 1 - wrong[hidden].double().mean()
        assert table["recall"][place] == pytest.approx(recall.item())


def test_a_bias_of_zero_is_among_them_and_recall_only_rises(logits):
    assert BIASES.abs().min() < 1e-6
    labels = torch.full((300,), 2)
    recall = unseen_with_bias(logits, labels, [2])["recall"]
    assert (recall.diff() >= 0).all() and recall[-1] == 1


def test_among_biases_with_equally_few_errors_the_middle_one_is_chosen():
    errors = torch.full((201,), 50)
    errors[90:101] = 40
    assert fewest_errors({"errors": errors}) == 95


def test_only_the_classes_asked_for_remain():
    labels = torch.tensor([1, 2, 2, 4, 1])
    kept = only_classes({"labels": labels, "images": torch.arange(5)}, [1, 4])
    assert kept["images"].tolist() == [0, 3, 4]
    with pytest.raises(ValueError, match=r"No image shows a \[3, 9\].*\[1, 2, 4\]"):
        only_classes({"labels": labels}, [1, 3, 9])


@pytest.mark.parametrize("method", ["labels", "teacher"])
def test_a_run_says_what_became_of_the_digit_it_never_saw(method):
    temperature = None if method == "labels" else 20.0
    wanted = setting(
        method, temperature, dataset="digits", labels=600, epochs=20, student="mlp-64"
    ) | {"seen": "012456789"}
    run = omitted_run(wanted)
    assert {name: run[name] for name in wanted} == wanted
    assert run["errors_0"] == run["test_errors"] >= run["errors_test"]
    assert run["bias_0"] == 0 and run["errors_held_out"] >= run["errors_test"]
    assert (run["recall_0"] == 0) == (method == "labels")
