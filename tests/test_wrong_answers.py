"""Every wrong answer gets its hint, and no right one is refused: what students write.

The answers stand in answers.toml of each lesson, and the known mistakes in its
mistakes.toml; here each is also tried with the slips that used to hide its hint.
"""

import math
import re
import tomllib
from collections import Counter
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
import torch

import claims
import kdlab.exercises
from kdlab.exercises import verdict
from kdlab.exercises.mistakes import written
from kdlab.losses import soft_target_loss

ENDS = torch.ones(1, requires_grad=True)
END_LEARNS = bool(torch.autograd.grad(ENDS.clamp(max=1).sum(), ENDS)[0])
LOSSES = "soft_loss", "logit_matching", "blended"
NAMES = {"soft_target_loss": soft_target_loss}
SOFT = Path(kdlab.exercises.__file__).parent / "soft_loss.toml"


def read(path):
    return tomllib.loads(path.read_text("utf-8"))


def task_of(path, line):
    exercises = import_module(f"lessons.{path.stem[3:]}.exercises")
    return exercises.TASKS[line.partition("(")[0]]


def answers(kind):
    """Each (lesson, first line, entry) of answers.toml."""
    for path in claims.ALL:
        found = read(claims.home_of(path) / "answers.toml")[kind]
        for line, several in found.items():
            yield from ((path, line, one) for one in several)


def mistakes():
    """Each (lesson, first line, [hint, code]) of mistakes.toml and soft_loss.toml."""
    for path in claims.ALL:
        known = read(claims.home_of(path) / "mistakes.toml")
        if path.stem.endswith("temperature"):
            known |= read(SOFT)
        for line, entries in known.items():
            for hint, code in entries:
                yield path, line, [" ".join(hint.split()), code]


def named(rows):
    """The rows, each with a name by which its test is found."""
    count, found = Counter(), []
    for path, line, entry in rows:
        name = line.partition("(")[0]
        count[name] += 1
        found.append(pytest.param(path, line, entry, id=f"{name}-{count[name]}"))
    return found


def judged(path, line, answer):
    if isinstance(answer, str):
        answer = written(line, answer, NAMES)
    return verdict(task_of(path, line), answer)


RIGHT, WRONG, KNOWN = map(list, (answers("right"), answers("wrong"), mistakes()))
FORMS = {  # the same numbers, handed over in another way
    "float32": lambda x: x.float() if x.is_floating_point() else x,
    "list": torch.Tensor.tolist,
    "numpy": lambda x: x.detach().numpy(),
}


def in_form(form, value):
    """A result with every tensor in another form."""
    if isinstance(value, torch.Tensor):
        return FORMS[form](value)
    if isinstance(value, list | tuple):
        return type(value)(in_form(form, part) for part in value)
    return value


# --- the tables ----------------------------------------------------------------------


def test_each_exercise_has_many_wrong_answers_and_several_right_ones():
    lines = {
        match[1]
        for path in claims.ALL
        for cell in nbformat.read(path, as_version=4).cells
        if "lesson.check(" in cell.source
        for match in re.finditer(r"^def (.*):$", cell.source, re.M)
    }
    assert len(lines) >= 13
    for rows, least in ((RIGHT, 3), (WRONG, 8), (KNOWN, 8)):
        count = Counter(line for _, line, _ in rows)
        assert set(count) == lines  # as the notebooks write them
        assert min(count.values()) >= least, count


@pytest.mark.parametrize(("path", "line", "code"), named(RIGHT))
def test_a_right_answer_is_right_however_it_is_written(path, line, code):
    assert judged(path, line, code) == ("right", task_of(path, line).right)


@pytest.mark.parametrize(("path", "line", "entry"), named(WRONG))
def test_a_wrong_answer_gets_its_hint(path, line, entry):
    words, code = entry
    if END_LEARNS and "outermost places get no gradient" in words:
        pytest.skip("torch 2.11's clamp hands the gradient of its ends on")
    found = judged(path, line, code)
    assert found.kind in ("wrong", "known mistake") and words in found.text, found
    assert is_of_help(found.text, task_of(path, line)), found


def is_of_help(text, task):
    """No number stands alone: it is said what is asked for; and no two look alike."""
    numbers = re.search(r"([\d.e+-]+) is expected, got ([\d.e+-]+?)\.? ", text)
    if numbers and numbers[1] == numbers[2]:
        return False
    bare = re.search(r"is expected, got|should be \[|should be one", text)
    return not bare or text.endswith(f" Asked for: {task.asked}")


# --- the slips that hid a hint -------------------------------------------------------


def with_slip(line, code, slip):
    """A wrong loss, with a slip besides."""
    if slip == "detached":
        return written(line, "teacher_logits = teacher_logits.detach()\n" + code, NAMES)
    answer = written(line, code, NAMES)
    if slip == "no_grad":
        return torch.no_grad()(answer)

    def slipped(*given):
        result = answer(*given)
        return {
            "item": lambda: result.item(),
            "float": lambda: float(result.detach()),
            "[1]": lambda: result.reshape(1),
            "teacher": lambda: result + 0 * given[1].sum() + 1e-9 * given[1].mean(),
        }[slip]()

    return slipped


@pytest.mark.parametrize("slip", ["detached", "item", "float", "no_grad", "teacher"])
@pytest.mark.parametrize(
    ("path", "line", "entry"),
    named(row for row in KNOWN if row[1].startswith(LOSSES)),
)
def test_a_loss_is_known_whoever_receives_a_gradient(path, line, entry, slip):
    hint, code = entry
    found = verdict(task_of(path, line), with_slip(line, code, slip))
    assert found == ("known mistake", hint)


@pytest.mark.parametrize(
    ("path", "line", "entry"),
    named(row for row in KNOWN if row[1].startswith(("teach(", "same_crop_loss("))),
)
def test_a_loss_of_modules_is_known_in_any_mode(path, line, entry):
    hint, code = entry
    for before in ("", "teacher.eval()\n", "student.eval()\n"):
        assert judged(path, line, before + code) == ("known mistake", hint)
    answer = torch.no_grad()(written(line, code, NAMES))
    assert judged(path, line, answer) == ("known mistake", hint)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("path", "line", "entry"), named(KNOWN))
def test_a_mistake_is_known_in_any_form(path, line, entry, form):
    hint, code = entry
    answer = written(line, code, NAMES)
    found = judged(path, line, lambda *given: in_form(form, answer(*given)))
    assert found == ("known mistake", hint)


@pytest.mark.parametrize(
    ("path", "line", "entry"),
    named(row for row in KNOWN if "NaN" not in row[2][0]),
)
def test_a_mistake_in_another_shape_gets_both_hints(path, line, entry):
    """One more dimension, which many slips leave behind."""
    hint, code = entry
    answer = written(line, code, NAMES)

    def deeper(*given):
        result = answer(*given)
        return result[None] if isinstance(result, torch.Tensor) else result

    found = judged(path, line, deeper)
    assert found.kind != "right"
    same_shape = found.text == hint or found.text.startswith(f"{hint} Besides, it is")
    assert same_shape or is_of_help(found.text, task_of(path, line)), found


# --- whatever is done to a right answer, it is answered -------------------------------


def changed(value, act):
    """A result with something done to each of its tensors."""
    if isinstance(value, list | tuple):
        return type(value)(changed(part, act) for part in value)
    return act(torch.as_tensor(value))


SPOILT = {
    "a sign": lambda x: -x,
    "a factor": lambda x: 1.37 * x,
    "a power": lambda x: x.double().abs() ** 1.01 + 0.003,
    "rounded": lambda x: 1.003 * x + 0.003,
    "the first": lambda x: x.flatten()[:1],
    "more of it": lambda x: torch.cat([x.reshape(-1), x.reshape(-1)]),
    "a table": lambda x: x.reshape(-1, 1) * torch.ones(7),
    "NaN": lambda x: x * torch.nan,
    "infinite": lambda x: x / 0.0,
    "words": lambda x: f"about {x}",
    "a set": lambda x: {1, 2},
    "nothing": lambda x: None,
    "zeros": lambda x: x * 0,
    "noise": lambda x: x + 0.1 * torch.rand(x.shape),
}


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize(
    ("path", "line"), dict.fromkeys((path, line) for path, line, _ in RIGHT)
)
def test_a_spoilt_answer_is_never_right_and_never_told_a_bare_number(
    path, line, spoilt
):
    task = task_of(path, line)
    found = judged(path, line, lambda *g: changed(task.reference(*g), SPOILT[spoilt]))
    assert found.kind in ("wrong", "known mistake"), found
    assert len(found.text) > 20 and is_of_help(found.text, task), found


def test_the_check_of_help_knows_a_bare_number():
    task = task_of(claims.ALL[0], "share_right()")
    assert not is_of_help("On an example 4.238 is expected, got 0.4709.", task)
    asked = f"Asked for: {task.asked}"
    assert not is_of_help(f"1.812 is expected, got 1.812. {asked}", task)
    assert is_of_help(f"1.812 is expected, got 1.813. {asked}", task)
    assert math.isfinite(len(asked))
