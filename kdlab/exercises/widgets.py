"""Predict, observe, explain: predictions that are remembered, and mastery quizzes.

What the student does is answered in the browser (exercises.js), so that it works while
the kernel computes; the kernel only keeps it. Texts are plain: `code` between backticks
is the one markup, everything else is shown as it is written.
"""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import anywidget
import traitlets
from ipywidgets import widget_serialization

from kdlab.checks import verdict

HERE = Path(__file__).resolve().parent
QUIZZES = HERE.parent / "notebooks" / "quizzes"
SAID = {
    "right": "✓ Right.",
    "not attempted": "Not attempted yet:",
    "known mistake": "✗ Not yet:",
    "wrong": "✗ Not yet:",
}


class Exercise(anywidget.AnyWidget):
    """What the three widgets share: one JavaScript and one CSS file."""

    _esm = HERE / "exercises.js"
    _css = HERE / "exercises.css"
    kind = traitlets.Unicode().tag(sync=True)  # which of its views exercises.js draws


class Prediction(Exercise):
    """A question, its choices, and what the student committed to; see `commit`."""

    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    committed = traitlets.List(traitlets.Int()).tag(sync=True)  # first to last choice

    @property
    def made(self) -> str | None:
        """The choice that the student committed to last; None before that."""
        return self.choices[self.committed[-1]] if self.committed else None

    def reveal(
        self, answer: str, measured: str = "", explanation: str = ""
    ) -> "Result":
        """The answer beside the prediction; folded until there is one, or on demand.

            guess.reveal("larger", measured=f"{ratio:.1f} times", explanation="As ...")

        Run all passes here before anybody has clicked: a prediction that is made later
        still appears. Raises ValueError if the answer is not one of the choices.
        """
        if answer not in self.choices:
            raise ValueError(
                f"The answer is one of the choices {self.choices}, got {answer!r}."
            )
        return Result(
            kind="result",
            prediction=self,
            answer=self.choices.index(answer),
            measured=measured,
            explanation=explanation,
        )


class Result(Exercise):
    """What was found, beside what was predicted; see `Prediction.reveal`."""

    prediction = traitlets.Instance(Prediction).tag(sync=True, **widget_serialization)
    answer = traitlets.Int().tag(sync=True)  # its place among the choices
    measured = traitlets.Unicode().tag(sync=True)
    explanation = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Bool(False).tag(sync=True)  # asked for without a prediction


class Quiz(Exercise):
    """Questions with feedback on each option, and what was tried; see `quiz`."""

    questions = traitlets.List().tag(sync=True)
    tried = traitlets.List().tag(sync=True)  # per question: options, first to last


def commit(question: str, choices: Sequence[str]) -> Prediction:
    """Ask for a prediction before the experiment; `reveal` shows it on the result.

        guess = commit("Does T change the top answer?", ["yes", "no"])
        guess                                       # the student chooses and commits
        guess.reveal("no", explanation="...")       # in a later cell

    Raises ValueError unless there are two or more different choices.
    """
    if isinstance(choices, str) or not 2 <= len(choices) == len(set(choices)):
        raise ValueError(f"choices is a list of two or more, no two alike: {choices}.")
    return Prediction(kind="prediction", question=question, choices=list(choices))


def check(name: str, answer: Callable[..., object]) -> None:
    """Judge a student's function: right, not attempted, or a hint to its mistake.

        def soft_loss(student_logits, teacher_logits, temperature):
            ...

        check("02.soft_loss", soft_loss)

    Raises ValueError for an exercise that is not there; what the function does wrong
    is said, never raised.
    """
    judged = verdict(name, answer)
    print(f"{SAID[judged.kind]} {judged.text}")


def quiz(name: str, folder: Path = QUIZZES) -> Quiz:
    """The quiz of a notebook, such as quiz("02_temperature"): see `load_quiz`."""
    questions = load_quiz(name, folder)
    return Quiz(kind="quiz", questions=questions, tried=[[] for _ in questions])


def load_quiz(name: str, folder: Path = QUIZZES) -> list[dict]:
    """The questions of `folder`/NAME.toml: a text and options, one of them right.

        [[question]]
        text = "What does a label say about the wrong classes?"
        [[question.option]]
        text = "Nothing."
        feedback = "A one-hot label gives every wrong class the same zero."
        right = true

    Line breaks in a text are spaces. Raises FileNotFoundError naming the quizzes there
    are, and ValueError that says what is wrong and in which question.
    """
    path = folder / f"{name}.toml"
    if not path.exists():
        there = sorted(file.stem for file in folder.glob("*.toml"))
        raise FileNotFoundError(f"No quiz {name!r} in {folder}; there are {there}.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if set(content) != {"question"} or not isinstance(content["question"], list):
            raise ValueError(f"expected only [[question]], got {sorted(content)}")
        questions = content["question"]
        if not 4 <= len(questions) <= 5:
            raise ValueError(f"a quiz has 4 or 5 questions, got {len(questions)}")
        return [
            _question(raw, f"question {number}")
            for number, raw in enumerate(questions, start=1)
        ]
    except ValueError as error:  # also TOML that cannot be read
        raise ValueError(f"{path.name}: {error}.") from error


def _question(raw: dict, where: str) -> dict:
    """One question, checked: its text and three or four options."""
    _expect_keys(raw, {"text", "option"}, where)
    if not isinstance(raw["option"], list) or len(raw["option"]) not in (3, 4):
        raise ValueError(f"{where} needs 3 or 4 [[question.option]] tables")
    options = []
    for number, option in enumerate(raw["option"], start=1):
        place = f"{where}, option {number}"
        _expect_keys(option, {"text", "feedback"}, place, may={"right"})
        if option.get("right", True) is not True:
            raise ValueError(f"{place}: write `right = true` or leave it out")
        texts = {key: _text(option[key], place) for key in ("text", "feedback")}
        options.append({**texts, "right": "right" in option})
    right = sum(option["right"] for option in options)
    if right != 1:
        raise ValueError(
            f"{where} needs exactly one option with right = true, got {right}"
        )
    if len({option["text"] for option in options}) != len(options):
        raise ValueError(f"{where} has two options of one text")
    return {"text": _text(raw["text"], where), "options": options}


def _expect_keys(table: object, must: set, where: str, may: frozenset = frozenset()):
    """Refuse a table that lacks a key or has one that nobody reads (a typing error)."""
    keys = set(table) if isinstance(table, dict) else set()
    if not must <= keys <= must | may:
        raise ValueError(f"{where} has {sorted(keys)} and needs {sorted(must)}")


def _text(raw: object, where: str) -> str:
    """The text in one line; refused when there is none."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{where} has an empty text: {raw!r}")
    return " ".join(raw.split())
