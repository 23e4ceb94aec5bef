"""How an answer is judged: right ones pass, known mistakes get a hint, nothing raises.

The tasks of the lessons are tested with all that is theirs, in `test_lessons`.
"""

import pytest
import torch
from torch.testing import assert_close

from kdlab.exercises.checks import Task, difference, same, verdict
from kdlab.exercises.probes import example, of_pair, soft_loss
from kdlab.losses import soft_target_loss
from kdlab.metrics import soften

SOFTER = Task(
    lambda answer: answer(torch.arange(6.0).view(2, 3), 2.0),
    soften,
    "Divided, then softmax.",
    {
        "T multiplies: divide by it.": lambda z, t: (z * t).softmax(1),
        "These are logits: softmax is missing.": lambda z, t: z / t,
        "The classes are in the columns.": lambda z, t: (z / t).softmax(0),
    },
)
PAIR = Task(lambda answer: of_pair(answer, 2.0), soft_target_loss, "T² · KL.", {})


def nothing(*args):
    """A stub."""


def test_the_reference_is_right_and_a_stub_is_not_attempted():
    assert verdict(SOFTER, SOFTER.reference) == ("right", "Divided, then softmax.")
    found = verdict(SOFTER, nothing)
    assert found == ("not attempted", "nothing still returns None.")
    both = SOFTER._replace(probe=lambda answer: (answer(1, 2), 3))
    assert verdict(both, nothing).kind == "not attempted"


def test_another_way_to_write_it_is_right():
    def by_hand(logits, temperature):
        exps = torch.exp(logits.double() / temperature)
        return exps / exps.sum(dim=1, keepdim=True)

    assert verdict(SOFTER, by_hand).kind == "right"


@pytest.mark.parametrize("hint", SOFTER.mistakes)
def test_each_known_mistake_gets_its_own_hint(hint):
    assert verdict(SOFTER, SOFTER.mistakes[hint]) == ("known mistake", hint)


def test_what_is_wrong_in_a_new_way_is_said_and_never_raised():
    def raises(*args):
        raise RuntimeError("three of us")

    assert verdict(SOFTER, raises).text == "It stopped with RuntimeError: three of us"
    for answer, words in (
        (lambda *args: "forty-two", "A Tensor is expected, got a str."),
        (lambda *args: [1, 2], "A Tensor is expected, got a list."),
        (lambda *args: torch.zeros(3, 7), "The shape should be [2, 3], got [3, 7]."),
        (lambda z, t: z * 0, "On an example 0.5065 is expected, got 0."),
        (lambda z, t: z * torch.nan, "There is a NaN in it. Where does a 0 meet a log"),
    ):
        found = verdict(SOFTER, answer)
        assert found.kind == "wrong" and found.text.startswith(words)


def test_an_answer_without_the_arguments_it_is_given_is_wrong_not_an_error():
    assert verdict(SOFTER, lambda: 3).text.startswith("It stopped with TypeError")


def test_a_wrong_shape_a_nan_and_a_wrong_number_are_named():
    three = torch.ones(3)
    assert difference(torch.ones(2), three) == "The shape should be [3], got [2]."
    assert "NaN" in difference(torch.tensor([1.0, torch.nan, 1.0]), three)
    assert "1 is expected, got 2" in difference(2 * three, three)
    assert difference((three, 2 * three), (three, three)).endswith("got 2.")
    assert "2 parts are expected, got 1" in difference((three,), (three, three))
    assert not same((three,), three) and not same(None, three) and same(None, None)


def test_what_differs_in_rounding_alone_is_the_same():
    assert same(1 / 3, torch.tensor(1 / 3)) and same([1.0, 2], (1, 2.0))
    assert not same(0.3334, 1 / 3) and not same((1.0,), (1.0, 2.0))
    assert same(torch.nan, torch.nan)  # also a reference may divide by zero


def test_a_loss_without_a_gradient_is_noticed():
    def detached(student, teacher, temperature):
        return soft_target_loss(student.detach(), teacher, temperature)

    found = verdict(PAIR, detached)
    assert found.text == "The number is right, but no gradient reaches the student."


def test_a_gradient_to_the_teacher_is_noticed():
    assert verdict(PAIR, soft_loss).kind == "wrong"  # the same number, and no detach
    assert verdict(PAIR, lambda s, t, T: soft_loss(s, t.detach(), T)).kind == "right"


def test_a_random_answer_is_given_the_same_numbers_each_time():
    dice = Task(lambda answer: answer(), lambda: torch.rand(9), "Thrown.", {})
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    assert verdict(dice, lambda: torch.rand(9)).kind == "right"
    assert verdict(dice, lambda: torch.rand(10)[1:]).kind == "wrong"
    assert torch.equal(state, torch.random.get_rng_state())


def test_an_answer_that_spoils_its_inputs_does_not_spoil_the_next_check():
    def greedy(*tensors):
        for tensor in tensors:
            if isinstance(tensor, torch.Tensor):
                tensor.detach().zero_()
        return tensors[0]

    def right(logits, labels):
        return (logits.argmax(1) == labels).sum()

    task = Task(lambda answer: answer(*example()[1:]), right, "Counted.", {})
    for one in (task, PAIR):
        verdict(one, greedy)
        assert verdict(one, one.reference).kind == "right"


def test_the_examples_are_torn_and_the_losses_that_mistakes_vary_are_right():
    student, teacher, labels = example()
    assert student.shape == teacher.shape == (10, 10) and labels.shape == (10,)
    assert 0.2 < (teacher.argmax(1) == labels).double().mean() < 1  # it errs, too
    for temperature in (1.0, 4.0):
        ours = soft_target_loss(student, teacher, temperature)
        assert_close(soft_loss(student, teacher, temperature), ours)


def test_labels_are_handed_to_a_loss_that_takes_a_weight():
    seen = []

    def loss(*arguments):
        seen.append([getattr(a, "shape", a) for a in arguments])
        return arguments[0].sum()

    of_pair(loss, 4.0)
    of_pair(loss, 4.0, 0.9)
    of_pair(loss)
    matrix, labels = (10, 10), (10,)
    assert seen == [
        [matrix, matrix, 4.0],
        [matrix, matrix, labels, 4.0, 0.9],
        [matrix, matrix],
    ]
