"""How an answer is judged: right ones pass, known mistakes get a hint, nothing raises.

The tasks of the lessons are tested in `test_lessons`, and what students answer to them
in `test_wrong_answers`.
"""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from kdlab.exercises.checks import Seen, Task, run, verdict
from kdlab.exercises.forms import MANY, numbers, readings, same
from kdlab.exercises.mistakes import load_mistakes, written
from kdlab.exercises.phrases import difference, path_to, told_apart
from kdlab.exercises.probes import example, of_pair, soft_mistakes
from kdlab.losses import soft_target_loss
from kdlab.metrics import soften

ASKED = "softmax(logits / T), [2, 3]."
SOFTER = Task(
    lambda answer: answer(torch.arange(6.0).view(2, 3), 2.5),
    soften,
    "Divided, then softmax.",
    {
        "T multiplies: divide by it.": lambda z, t: (z * t).softmax(1),
        "These are logits: softmax is missing.": lambda z, t: z / t,
        "The classes are in the columns.": lambda z, t: (z / t).softmax(0),
        "Truths have no mean.": lambda z, t: (z > t).mean(),
    },
    ASKED,
)
FORGOTTEN = "T² is forgotten."
PAIR = Task(
    lambda answer: of_pair(answer, 2.5),
    soft_target_loss,
    "T² · KL.",
    {FORGOTTEN: lambda s, t, T: soft_target_loss(s, t, T) / T**2},
    "T² · KL, one number.",
)
TWINS = Task(
    lambda answer: answer(torch.tensor([1.0, 2.0, 4.0])),
    lambda x: (x.mean(), x.std()),
    "Both.",
    {
        "That is the sum.": lambda x: (x.sum(), x.std()),
        "That is the variance.": lambda x: (x.mean(), x.var()),
    },
    "mean and spread.",
    [["The mean", "The spread"]],
)


def nothing(*args):
    """A stub."""


def attached(student, teacher, temperature):
    """T² · KL, and the teacher receives a gradient."""
    p, q = ((x / temperature).softmax(1) for x in (teacher, student))
    return temperature**2 * (p * (p.log() - q.log())).sum(1).mean()


def test_the_reference_is_right_and_a_stub_is_not_attempted():
    assert verdict(SOFTER, SOFTER.reference) == ("right", "Divided, then softmax.")
    found = verdict(SOFTER, nothing)
    assert found == ("not attempted", "nothing still returns None.")
    both = SOFTER._replace(probe=lambda answer: [answer(1, 2), answer(3, 4)])
    assert verdict(both, nothing).kind == "not attempted"


def test_another_way_to_write_it_is_right():
    def by_hand(logits, temperature):
        exps = torch.exp(logits.double() / temperature)
        return exps / exps.sum(dim=1, keepdim=True)

    assert verdict(SOFTER, by_hand).kind == "right"
    for form in (torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.unbind):
        assert verdict(SOFTER, lambda z, t, f=form: f(soften(z, t))).kind == "right"


@pytest.mark.parametrize("hint", SOFTER.mistakes)
def test_each_known_mistake_gets_its_own_hint(hint):
    assert verdict(SOFTER, SOFTER.mistakes[hint]) == ("known mistake", hint)


def test_what_is_wrong_in_a_new_way_is_said_with_what_is_asked_for():
    for answer, words in (
        (lambda *args: "forty-two", "A tensor is expected, got a str."),
        (lambda *args: {1: 2}, "A tensor is expected, got a dict."),
        (lambda *args: [1, 2], "The shape should be [2, 3], got [2]."),
        (lambda *args: torch.zeros(3, 7), "The shape should be [2, 3], got [3, 7]."),
        (
            lambda z, t: soften(z, t) + torch.eye(2, 3) - torch.eye(2, 3).roll(1, 1),
            "On an example, at [0, 1], 0.3162 is expected, got -0.6838.",
        ),
        (
            lambda z, t: z * 0,
            "A row should add up to 1, as probabilities do; one has 0",
        ),
        (lambda z, t: z * torch.nan, "There is a NaN in it. Where does a 0 meet a log"),
        (lambda z, t: z / 0 + 1, "There is a NaN in it."),
    ):
        found = verdict(SOFTER, answer)
        assert found.kind == "wrong" and found.text.startswith(words), found
        assert found.text.endswith(f" Asked for: {ASKED}")


# --- what a wrong answer may be but for a slip of form ------------------------------


def read(found, wanted, **sizes):
    """What is said of an answer that is right but for one slip."""
    found, wanted = (numbers(x) if isinstance(x, list) else x for x in (found, wanted))
    told = [r.tell() for r in readings(found, wanted, sizes) if r.fits(wanted)]
    return told[0] if told else ""


ROWS, TABLE = torch.tensor([0.3, 1.1, 2.7]), torch.tensor([[0.3, 1.1], [0.2, 0.9]])


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (ROWS, ROWS.mean(), "Right, but one for each image: give one number, their m"),
        (ROWS, ROWS.sum(), "Right, but in parts: give one number, their sum."),
        (ROWS[:, None], ROWS, "Right, but in shape [3, 1]: [3] is asked for."),
        (ROWS[:1], ROWS[0], "Right, but in shape [1]: one number is asked for."),
        (TABLE.repeat(2, 1).T, TABLE.repeat(2, 1), "Right, but with rows and columns"),
        (TABLE, TABLE.sum(1).mean(), "Right, but one for each image and class: add up"),
        (
            TABLE,
            TABLE.sum(1),
            "Right, but one for each image and class: add up the cla",
        ),
        (ROWS.mean(), ROWS, "Right, but one number for all: [3] is asked for"),
        (ROWS.sum(), ROWS, "Right, but one number for all: [3] is asked for"),
        ((10 * ROWS).int(), 10 * ROWS + 0.4, "Right, but cut to whole numbers: // and"),
        (
            torch.tensor([0.1, 0.7]).half(),
            [0.1, 0.7],
            "Right, but in torch.float16, wh",
        ),
        (-ROWS, ROWS, "It is of the wrong sign."),
        (1 - ROWS, ROWS, "It is 1 minus what is asked for."),
        (38.2, 0.382, "It is a percentage: a share is between 0 and 1."),
        (2 * ROWS, ROWS, "It is twice what is asked for: is a half missing?"),
        (ROWS / 2, ROWS, "It is half of what is asked for."),
        (math.log(2) * ROWS, ROWS, "It is in nats: divide by ln 2 for bits."),
        (ROWS / math.log(2), ROWS, "It is off by ln 2: nats and bits are mixed."),
        (
            7 * ROWS,
            ROWS,
            "It is 7 times what is asked for, and 7 is rows: once too oft",
        ),
        (ROWS / 7, ROWS, "It is 1/7 of what is asked for, and 7 is rows: once too oft"),
        (ROWS.flip(0), ROWS, ""),
        (torch.zeros(3, 2), torch.tensor(0.0), ""),  # 0 may come about in any way
        (6, 3, ""),  # so may whole numbers
        (1.7, 0.3, ""),
        ("seven", ROWS, ""),
        (ROWS, [], ""),
    ],
)
def test_a_slip_of_form_is_read(found, wanted, words):
    assert read(found, wanted, rows=7).startswith(words)
    assert words or not read(found, wanted, rows=7)


def test_a_slip_of_form_does_not_hide_a_mistake():
    """Nor a mistake a slip: both are said."""

    def each(student, teacher, temperature):
        p, q = ((x / temperature).softmax(1) for x in (teacher, student))
        return (p * (p.log() - q.log())).sum(1)

    own = "Besides, it is one for each image: give one number, their mean."
    assert verdict(PAIR, each) == ("known mistake", f"{FORGOTTEN} {own}")
    found = verdict(PAIR, lambda s, t, T: -attached(s, t, T) / T**2)
    assert found.text == f"{FORGOTTEN} Besides, it is of the wrong sign."
    found = verdict(PAIR, lambda s, t, T: attached(s, t, T) * 24)
    assert found.text.startswith(
        "It is 24 times what is asked for, and 24 is the number"
    )
    found = verdict(PAIR, lambda s, t, T: attached(s, t, T) * T**2)
    assert "6.25 is T²: once too often multiplied" in found.text


def test_of_a_pair_only_the_wrong_half_is_judged():
    found = verdict(TWINS, lambda x: (-x.mean(), x.var()))
    assert found.text == "It is of the wrong sign."
    found = verdict(TWINS, lambda x: (x.mean(), x.var()))
    assert found == ("known mistake", "That is the variance.")
    found = verdict(TWINS, lambda x: (x.sum(), x.min()))
    assert found.text == "That is the sum."
    found = verdict(TWINS, lambda x: (x.mean(), x.std() + 3))
    assert found.text.startswith("The spread: On an example 1.528 is expected, got 4.5")
    assert found.text.endswith("Asked for: mean and spread.")
    assert verdict(TWINS, lambda x: torch.stack([x.mean(), x.std()])).kind == "right"
    found = verdict(TWINS, lambda x: [x.mean()])
    assert found.text.startswith("2 parts are expected, got 1. Asked for")
    assert verdict(TWINS, lambda x: x.mean()).text.startswith("2 parts are expected, g")


def test_a_single_whole_number_is_no_mistake_that_is_known():
    """By chance it often is: 3 may come about in any way."""
    task = Task(
        lambda answer: [answer(4), answer(6)],
        lambda x: x + 1,
        "More.",
        {"Less by one.": lambda x: x - 1},
        "one more.",
        ["For number {}"],
    )
    assert verdict(task, lambda x: x - 1).text == "Less by one."
    found = verdict(task, lambda x: x - 1 if x == 4 else 7 * x)
    assert found.kind == "wrong"
    assert found.text == (
        "For number 1: On an example 5 is expected, got 3. Asked for: one more."
    )


def test_the_path_leads_to_the_first_part_that_differs():
    wanted = [(1, 2.0), (3, torch.ones(2))]
    assert path_to([(1, 2.0), (3, torch.zeros(2))], wanted) == [1, 1]
    assert path_to([(1, 2.0)], wanted) == path_to(3.0, wanted) == []
    assert path_to([[1, 2.5], [3, 4]], wanted) == [0, 1]


# --- what is said of the rest --------------------------------------------------------


def test_a_wrong_shape_a_nan_and_a_wrong_number_are_named():
    three = torch.ones(3)
    assert difference(torch.ones(2), three) == "The shape should be [3], got [2]."
    assert "should be [3], got one number" in difference(1.0, three)
    assert "should be one number, got [3]" in difference(three, 1.0)
    assert "a NaN" in difference(torch.tensor([1.0, torch.nan, 1.0]), three)
    assert "an infinite number" in difference(three / 0, three)
    assert difference(2 * three, three) == "It is 2 times what is expected, everywhere."
    rows = torch.tensor([0.3, 1.1, 2.7])
    assert difference(rows + 0.25, rows) == "It is 0.25 more than expected, everywhere."
    assert difference(rows - 4, rows) == "It is 4 less than expected, everywhere."
    assert "at [0], 0.3 is expected, got 2.7." in difference(rows.flip(0), rows)
    assert difference("a", (three, three)) == "2 parts are expected, got a str."
    assert not same((three,), three[0]) and not same(None, three)


def test_numbers_that_look_equal_are_shown_until_they_differ():
    assert told_apart(1.812, 0.3) == ("1.812", "0.3")
    assert told_apart(1.8121, 1.8124) == ("1.8121", "1.8124")
    assert told_apart(5.0, 5 + 1e-9) == ("5", "5.000000001")
    found = difference(torch.tensor([0.5, 1.8124]), torch.tensor([0.5, 1.8121]))
    assert "1.8121 is expected, got 1.8124. That is close: is it rounded" in found


def test_what_differs_in_rounding_alone_is_the_same():
    assert same(1 / 3, torch.tensor(1 / 3)) and same([1.0, 2], (1, 2.0))
    assert not same(0.3334, 1 / 3) and not same((1.0,), (1.0, 2.0))
    assert same(torch.nan, torch.nan)  # also a reference may divide by zero
    assert same(ValueError("a"), ValueError("a"))
    assert not same(ValueError("a"), ValueError("b")) and not same(1, ValueError("a"))
    assert not same(ValueError("a"), KeyError("a"))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("return F.kl_div(z)", "Is the first line of this cell as it was?"),
        ("return z.softmax()", "Say over which dimension: dim=1."),
        ("return torch.log_softmax(z)", "Say over which dimension: dim=1."),
        ("return z.softmax(1, dims=2)", "arguments than it takes"),
        ("return t ^ 2", "A power is written **"),
        ("return z ^ 2.0", "A power is written **"),
        ("return [z] / t", "make it a tensor"),
        ("return t (z)", "is a * forgotten"),
        ("return sofften(z, t)", "Was its cell run?"),
        ("return F.sofmax(z, 1)", "Look at the spelling"),
        ("return z.sum().item().log()", "That is a plain number, no tensor"),
        ("return t.sum()", "That is a plain number, no tensor"),
        ("return z.argmax(1).mean()", "make numbers with a fraction first"),
        (
            "return (z > 1).float().argmax(1).std()",
            "make numbers with a fraction first",
        ),
        ("return (z > 1).bincount()", "labels are whole numbers, .long()"),
        (
            "return F.cross_entropy(z, torch.ones(2))",
            "labels are whole numbers, .long()",
        ),
        ("return z.double() @ z.T", "The kind of number does not fit"),
        ("return max(z)", "`if` and max() are for one number"),
        ("return z @ z", "Two shapes do not fit"),
        ("return z + torch.ones(2, 4)", "Two shapes do not fit"),
        ("return z.softmax(2)", "Two shapes do not fit"),
        ("return z[7]", "Two shapes do not fit"),
        ("return z[0, 0, 0]", "Two shapes do not fit"),
        ("return float(z)", "Two shapes do not fit"),
        ("return z.log_softmax(1)[range(3), [0, 1, 2]]", "Two shapes do not fit"),
        ("return F.cross_entropy(z, torch.arange(3))", "Two shapes do not fit"),
        ("x = torch.ones(2, requires_grad=True)\nx += 1", "work on a copy"),
        ("return torch.ones(2, requires_grad=True).numpy()", "work on a copy"),
        (
            "with torch.inference_mode():\n    own = z.exp()\n"
            "return own * torch.ones(2, 3, requires_grad=True)",
            "use torch.no_grad()",
        ),
    ],
)
def test_an_error_is_told_with_what_it_mostly_means(code, advice):
    found = verdict(SOFTER, written("soften(z, t)", code))
    assert found.text.startswith("It stopped with ") and advice in found.text, found


def test_the_line_that_stopped_is_shown():
    def raises(*args):
        number = 3
        return number.of_us

    found = verdict(SOFTER, raises).text
    assert found.startswith("It stopped at `return number.of_us` with AttributeError: ")

    def deep(*args):
        return torch.softmax("three", 1)

    assert "at `return torch.softmax(" in verdict(SOFTER, deep).text


def test_an_answer_without_the_arguments_it_is_given_is_wrong_not_an_error():
    found = verdict(SOFTER, lambda: 3).text
    assert "TypeError" in found and "first line of this cell" in found


# --- what an answer does besides ------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("return soft(s.detach(), t, T)", "student: was it detached, or computed in"),
        ("return soft(s, t, T).item()", "student: it is a plain number. Return the"),
        ("return float(soft(s, t, T))", "student: it is a plain number. Return the"),
        ("with torch.no_grad():\n    return soft(s, t, T)", "student: was it detached"),
        ("return soft(s, t, T).detach()", "student: was it detached"),
        ("return attached(s, t, T)", "but the teacher receives a gradient: detach"),
        ("return attached(s.detach(), t, T)", "no gradient reaches the student"),
        (
            "return (attached(s, t.detach(), T) + soft(s.detach(), t, T)) / 2",
            "a part de",
        ),
    ],
)
def test_the_number_is_right_and_the_gradient_is_not(code, words):
    names = {"soft": soft_target_loss, "attached": attached}
    found = verdict(PAIR, written("soft_loss(s, t, T)", code, names))
    assert found.kind == "known mistake" and words in found.text
    assert found.text.startswith("The number is right, ")


def test_a_mistake_is_known_whoever_receives_a_gradient():
    def forgotten(student, teacher, temperature):
        return attached(student, teacher, temperature) / temperature**2

    for answer in (
        forgotten,
        lambda s, t, T: forgotten(s, t.detach(), T),
        lambda s, t, T: forgotten(s, t, T).item(),
        torch.no_grad()(forgotten),
    ):
        assert verdict(PAIR, answer) == ("known mistake", FORGOTTEN)
    assert verdict(PAIR, lambda s, t, T: attached(s, t.detach(), T)).kind == "right"


def test_a_result_that_is_lost_is_asked_for(capsys):
    def prints(logits, temperature):
        print(soften(logits, temperature).sum())

    def forgets(logits, temperature):
        soften(logits, temperature)

    def sometimes(logits):
        if logits > 1:
            return logits

    found = verdict(SOFTER, prints)
    assert (
        found.text
        == "prints prints, and returns None. Hand the result back with return."
    )
    assert capsys.readouterr().out == "tensor(2.)\n"  # and is still seen
    assert verdict(SOFTER, forgets).text.endswith("Is return missing?")
    task = SOFTER._replace(probe=lambda answer: [answer(1), answer(2)])
    assert (
        "sometimes returns None. Is there a way past" in verdict(task, sometimes).text
    )


def test_what_mistakes_print_is_not_seen(capsys):
    def chatty(logits, temperature):
        print("wrong")
        return logits

    verdict(SOFTER._replace(mistakes={"No.": chatty}), lambda z, t: z)
    assert capsys.readouterr().out == ""


def test_a_generator_is_no_list_and_is_not_drained():
    task = Task(
        lambda answer: answer(torch.arange(4)),
        lambda x: [x[:2], x[2:]],
        "Halves.",
        {},
        "two halves.",
    )
    found = verdict(task, lambda x: (part for part in (x[:2], x[2:])))
    assert found.text.startswith("The content is right, but in a generator,")
    assert verdict(task, lambda x: map(torch.clone, x.split(2))).kind == "known mistake"
    assert verdict(task, lambda x: x.split(2)).kind == "right"
    assert verdict(task, lambda x: x.view(2, 2)).kind == "right"
    found = verdict(task, lambda x: itertools.repeat(x))
    assert found.text.startswith(f"2 parts are expected, got {MANY}.")


def test_a_random_answer_is_given_the_same_numbers_each_time():
    dice = Task(lambda answer: answer(), lambda: torch.rand(9), "Thrown.", {}, "nine.")
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    assert verdict(dice, lambda: torch.rand(9)).kind == "right"
    assert verdict(dice, lambda: torch.rand(10)[1:]).kind == "wrong"
    assert verdict(dice, lambda: torch.manual_seed(5) and None).text
    assert torch.equal(state, torch.random.get_rng_state())


def test_an_answer_that_switches_gradients_off_does_so_for_itself_alone():
    def selfish(student, teacher, temperature):
        torch.set_grad_enabled(False)
        return soft_target_loss(student, teacher, temperature)

    try:
        assert "no gradient reaches" in verdict(PAIR, selfish).text
        assert torch.is_grad_enabled()
        with torch.no_grad():
            assert verdict(PAIR, soft_target_loss).kind == "right"
    finally:
        torch.set_grad_enabled(True)


def test_an_answer_that_spoils_its_inputs_is_told_so_and_spoils_nothing():
    def greedy(*tensors):
        for tensor in tensors:
            if isinstance(tensor, torch.Tensor):
                tensor.detach().zero_()
        return tensors[0]

    def right(logits, labels):
        return (logits.argmax(1) == labels).sum()

    def right_and_rude(logits, labels):
        count = right(logits, labels)
        logits[0] = 0
        return count

    given = example()[1:]
    task = Task(lambda answer: answer(*given), right, "Counted.", {}, "a count.")
    for one in (task, PAIR):
        verdict(one, greedy)
        assert verdict(one, one.reference).kind == "right"
    found = verdict(task, right_and_rude)
    assert found.kind == "known mistake"
    assert found.text.startswith(
        "The result is right, but logits is changed, which bel"
    )
    assert run(task.probe, lambda *x: greedy(*x)).besides.startswith("The result is ri")


# --- what the checks are made of ------------------------------------------------------


def test_a_probe_may_give_a_value_alone_or_what_it_saw():
    assert run(SOFTER.probe, lambda z, t: 3).value == 3
    seen = run(lambda answer: Seen(answer(1, 2), "A word."), lambda x, y: x + y)
    assert (seen.value, seen.besides, seen.gradient) == (3, "A word.", None)
    assert seen.sizes == {"x²": 1, "y": 2, "y²": 4, "x": 1}


def test_the_examples_are_torn_and_the_mistakes_in_the_soft_loss_are_wrong():
    student, teacher, labels = example()
    assert student.shape == teacher.shape == (24, 10) and labels.shape == (24,)
    assert set(labels.tolist()) == set(range(10))
    assert 0.2 < (teacher.argmax(1) == labels).double().mean() < 1  # it errs, too
    right = soft_target_loss(student, teacher, 4.0)
    assert_close(attached(student, teacher, 4.0), right)
    for hint, mistake in soft_mistakes().items():
        assert not same(mistake(student, teacher, 4.0), right), hint


def test_labels_are_handed_to_a_loss_that_takes_a_weight():
    seen = []

    def loss(*arguments):
        seen.append([getattr(a, "shape", a) for a in arguments])
        return arguments[0].sum()

    of_pair(loss, 4.0)
    of_pair(loss, 4.0, 0.9)
    of_pair(loss)
    matrix, labels = (24, 10), (24,)
    assert seen == [
        [matrix, matrix, 4.0],
        [matrix, matrix, labels, 4.0, 0.9],
        [matrix, matrix],
    ]


def test_mistakes_are_read_as_they_are_written(tmp_path):
    file = tmp_path / "mistakes.toml"
    file.write_text(
        '"half(x)" = [\n["""That is\ntwice.""", "return 2 * x"],\n'
        '["Root.", """\nroot = math.sqrt(x)\nreturn own(root)\n"""]]'
    )
    known = load_mistakes(file, {"own": abs})["half"]
    assert list(known) == ["That is twice.", "Root."]
    assert (known["That is twice."](3), known["Root."](9)) == (6, 3)
    assert known["Root."].__name__ == "half"
