"""The check of an exercise: right answers pass, each known mistake gets its hint."""

import pytest
import torch

from kdlab.checks import TASKS, difference, same, verdict
from kdlab.exercises import check

MISTAKES = [(name, hint) for name, task in TASKS.items() for hint in task.mistakes]


def nothing(*args):
    """A stub."""


@pytest.mark.parametrize("name", TASKS)
def test_the_reference_is_right_and_a_stub_is_not_attempted(name):
    assert verdict(name, TASKS[name].reference).kind == "right"
    assert verdict(name, nothing).kind == "not attempted"


@pytest.mark.parametrize(("name", "hint"), MISTAKES)
def test_each_known_mistake_gets_its_own_hint(name, hint):
    found = verdict(name, TASKS[name].mistakes[hint])
    assert (found.kind, found.text) == ("known mistake", hint)


def test_the_classic_mistakes_are_among_them():
    hints = " ".join(hint for _, hint in MISTAKES)
    for words in (
        "teacher's side only",
        "student's side only",
        "T² is forgotten",
        "arguments of KL are swapped",
        "mean over all elements",
        "in train mode",
        "receives a gradient",
        "receives gradients",
        "not in the order of the images",
        "Teacher and student are swapped",
        "weights are swapped",
    ):
        assert words in hints, words


@pytest.mark.parametrize("name", TASKS)
def test_what_is_wrong_in_a_new_way_is_said_and_never_raised(name):
    def raises(*args):
        raise RuntimeError("three of us")

    def odd(*args):
        return "forty-two"

    assert verdict(name, raises).text == "It stopped with RuntimeError: three of us"
    assert verdict(name, odd).kind == "wrong"
    assert verdict(name, lambda *args: torch.zeros(3, 7)).kind == "wrong"
    assert verdict(name, torch.ones(3)).text.startswith("Hand over the function")


def test_a_wrong_shape_a_nan_and_a_wrong_number_are_named():
    three = torch.ones(3)
    assert difference(torch.ones(2), three) == "The shape should be [3], got [2]."
    assert "NaN" in difference(torch.tensor([1.0, torch.nan, 1.0]), three)
    assert "1 is expected, got 2" in difference(2 * three, three)
    assert difference((three, 2 * three), (three, three)).endswith("got 2.")
    assert "2 parts are expected, got 1" in difference((three,), (three, three))
    assert not same((three,), three) and not same(None, three) and same(None, None)


def test_a_loss_without_a_gradient_is_noticed():
    def detached(student, teacher, temperature):
        return TASKS["02.soft_loss"].reference(student.detach(), teacher, temperature)

    found = verdict("02.soft_loss", detached)
    assert found.text == "The number is right, but no gradient reaches the student."


def test_a_check_moves_no_random_number_and_prints_one_line(capsys):
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    check("05.teach", TASKS["05.teach"].reference)
    check("02.soft_loss", nothing)
    assert torch.equal(state, torch.random.get_rng_state())
    right, stub = capsys.readouterr().out.splitlines()
    assert right.startswith("✓ Right.") and stub.startswith("Not attempted yet:")


def test_an_exercise_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"No exercise '09.x'; there are \['00\."):
        check("09.x", nothing)


def test_an_answer_that_spoils_its_inputs_does_not_spoil_the_next_check():
    def greedy(logits, labels):
        logits.zero_()
        return logits

    verdict("00.share_right", greedy)
    assert verdict("00.share_right", TASKS["00.share_right"].reference).kind == "right"
