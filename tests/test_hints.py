"""Each change of a teacher's answers takes away what it says, and nothing else."""

import pytest
import torch
from torch.testing import assert_close

from kdlab import hints
from kdlab.experiments import CHANGES
from kdlab.losses import soft_target_loss


@pytest.fixture
def labels():
    return torch.arange(5).repeat(8)[torch.randperm(40)]


@pytest.fixture
def probs(labels):
    logits = 3 * torch.randn(40, 5, dtype=torch.float64)
    logits[torch.arange(40), labels] += 4
    return logits.softmax(dim=1)


def right(probs, labels):
    return probs.gather(1, labels[:, None])[:, 0]


def wrong_shares(probs, labels):
    """The wrong answers [N, classes] as shares of all that is wrong."""
    wrong = probs.scatter(1, labels[:, None], 0)
    return wrong / wrong.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_gives_new_probabilities_and_leaves_the_old(name, probs, labels):
    before = probs.clone()
    changed = CHANGES[name](probs, labels)
    assert_close(changed.sum(dim=1), torch.ones(40, dtype=torch.float64))
    assert (changed >= 0).all() and changed.shape == probs.shape
    assert not torch.allclose(changed, before) and torch.equal(probs, before)


def test_class_means_are_one_answer_a_class(probs, labels):
    means = hints.class_means(probs, labels)
    for label in range(5):
        assert_close(
            means[labels == label], probs[labels == label].mean(0).expand(8, 5)
        )


def test_a_class_that_is_missing_does_no_harm(probs, labels):
    rows = labels != 3
    assert hints.class_means(probs[rows], labels[rows]).isfinite().all()


def test_evened_out_keeps_the_confidence_alone(probs, labels):
    even = hints.evened_out(probs, labels)
    assert_close(right(even, labels), right(probs, labels))
    shares = wrong_shares(even, labels)
    assert_close(shares[shares > 0], torch.full((160,), 0.25, dtype=torch.float64))


@pytest.mark.parametrize("seed", range(6))
def test_permuted_moves_every_wrong_answer_alike(probs, labels, seed):
    moved = hints.permuted(probs, labels, seed)
    assert_close(right(moved, labels), right(probs, labels))
    assert_close(moved.sort(dim=1).values, probs.sort(dim=1).values)
    for label in range(5):
        one = moved[labels == label].unsqueeze(1) == probs[labels == label].unsqueeze(2)
        places = one[0].long().argmax(dim=0)  # of the first image of this class
        assert_close(moved[labels == label], probs[labels == label][:, places])
        assert [i for i in range(5) if places[i] == i] == [label]


def test_shuffled_within_class_stays_in_the_class(probs, labels):
    moved = hints.shuffled_within_class(probs, labels, seed=1)
    for label in range(5):
        before, after = probs[labels == label], moved[labels == label]
        assert_close(after.sort(dim=0).values, before.sort(dim=0).values)
    assert_close(hints.class_means(moved, labels), hints.class_means(probs, labels))
    assert torch.equal(moved, hints.shuffled_within_class(probs, labels, seed=1))
    other = hints.shuffled_within_class(probs, labels, seed=2)
    assert not torch.equal(moved, other)


def test_shuffled_forgets_the_class_too(probs, labels):
    moved = hints.shuffled(probs, labels, seed=1)
    assert_close(moved.sort(dim=0).values, probs.sort(dim=0).values)
    means = [hints.class_means(p, labels) for p in (moved, probs)]
    assert not torch.allclose(*means, atol=0.05)


def test_wrong_answers_alone_keeps_their_ratios_and_no_confidence(probs, labels):
    alone = hints.wrong_answers_alone(probs, labels)
    assert_close(wrong_shares(alone, labels), wrong_shares(probs, labels))
    mean = right(hints.class_means(probs, labels), labels)
    assert_close(right(alone, labels), mean)


def test_a_teacher_that_is_quite_certain_still_has_wrong_answers():
    logits, labels = torch.tensor([[60.0, 1, 0], [20, 3, 0]]), torch.tensor([0, 0])
    alone = hints.wrong_answers_alone(logits.double().softmax(1), labels)
    assert alone.isfinite().all()
    assert_close(alone[0, 1] / alone[0, 2], torch.tensor(1.0).double().exp())


@pytest.mark.parametrize("temperature", [1.0, 8.0])
def test_as_logits_softens_to_the_targets(probs, temperature):
    logits = hints.as_logits(probs, temperature)
    assert_close((logits / temperature).softmax(dim=1), probs)
    assert soft_target_loss(logits, logits, temperature) == 0
    zero = hints.as_logits(torch.eye(3), temperature)
    assert zero.isfinite().all()


# --- few classes, and what is refused -------------------------------------------------


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("seed", range(8))
def test_every_change_works_for_any_number_of_classes_some_without_an_image(name, seed):
    draw = torch.Generator().manual_seed(seed)
    classes = 2 if seed < 2 else int(torch.randint(3, 20, (), generator=draw))
    probs = torch.rand(30, classes, generator=draw, dtype=torch.float64) + 0.1
    probs /= probs.sum(dim=1, keepdim=True)
    labels = torch.randint(classes - 1, (30,), generator=draw)  # none of the last one
    if classes == 2 and name == "wrong answers permuted":
        with pytest.raises(ValueError, match="among 3 classes, got 2"):
            CHANGES[name](probs, labels)
        return
    changed = CHANGES[name](probs, labels)
    assert changed.isfinite().all() and (changed >= 0).all()
    assert_close(changed.sum(dim=1), torch.ones(30, dtype=torch.float64))
    one = CHANGES[name](probs[:1], labels[:1])
    assert one.shape == (1, classes) and one.isfinite().all()


def test_wrong_answers_that_are_all_zero_share_equally():
    probs, labels = torch.eye(3), torch.tensor([0, 1, 1])
    probs[2] = torch.tensor([0.3, 0.5, 0.2])
    alone = hints.wrong_answers_alone(probs, labels)
    assert_close(alone[1], torch.tensor([0.125, 0.75, 0.125]))
    assert_close(alone[2], torch.tensor([0.15, 0.75, 0.1]))


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda y: y + 1, "labels must be from 0 to 4, got 1 to 5"),
        (lambda y: y - 1, "labels must be from 0 to 4, got -1 to 3"),
        (lambda y: y[:, None], r"got torch.int64 \[40, 1\]"),
        (lambda y: y[:-1], r"and labels \[N\], got"),
        (lambda y: y.double(), "int64"),
    ],
)
def test_labels_that_do_not_fit_the_answers_are_refused(
    name, spoil, told, probs, labels
):
    with pytest.raises(ValueError, match=told):
        CHANGES[name](probs, spoil(labels))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_no_logits_have_a_temperature_that_is_not_positive(temperature, probs):
    with pytest.raises(ValueError, match="temperature must be positive"):
        hints.as_logits(probs, temperature)
