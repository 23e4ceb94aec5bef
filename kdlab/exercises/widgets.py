"""Widgets of predictions and quizzes, answered in the browser (exercises.js).

So they work while the kernel computes; the kernel only keeps what was answered. Texts
are plain: `code` between backticks is the one markup, everything else is shown as it is
written.
"""

from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path

import anywidget
import traitlets
from ipywidgets import widget_serialization

HERE = Path(__file__).resolve().parent


class Exercise(anywidget.AnyWidget):
    """What the three widgets share: one JavaScript and one CSS file."""

    _esm = HERE / "exercises.js"
    _css = HERE / "exercises.css"
    kind = traitlets.Unicode().tag(sync=True)  # which of its views exercises.js draws

    def __init__(self, **traits: object):
        """Listens to answers sent as messages: while a cell awaits, states are lost."""
        super().__init__(**traits)
        self.on_msg(lambda _, content, __: self.set_trait(*content["answered"]))


class Prediction(Exercise):
    """A question, its choices, and what the student committed to."""

    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    committed = traitlets.List(traitlets.Int()).tag(sync=True)  # first to last choice
    answer = traitlets.Int(None, allow_none=True)  # once it is revealed: not sent
    opened = traitlets.Bool(False)  # the result was looked at without a prediction
    kept = "committed", "answer", "opened"

    def __init__(self, words: Mapping[str, object]):
        """`words` are those of one [predict.NAME] of a words.toml: see `quiz`."""
        question, choices = words["question"], words["choices"]
        super().__init__(kind="prediction", question=question, choices=choices)
        self.words = words

    @property
    def made(self) -> str | None:
        """The choice that the student committed to last; None before that."""
        return self.choices[self.committed[-1]] if self.committed else None

    def reveal(self, found: float | None = None, **numbers: object) -> "Result":
        """The answer beside the prediction; folded until there is one, or on demand.

            louder.reveal(pull(8.0) / pull(1.0))

        What was found lies between two of the `bounds` of words.toml, which decides the
        answer; the texts may show it as {found:.1f}, and the other numbers by their
        names. Run all passes here before anybody has clicked: a prediction that is made
        later still appears.
        """
        if "answer" in self.words:
            answer = self.choices.index(self.words["answer"])
        elif found is None or found != found:  # NaN lies between no bounds
            raise ValueError(f"Hand over the number that decides, not {found}.")
        else:
            answer = bisect_left(self.words["bounds"], found)
        said = {
            key: self.words[key].format(found=found, **numbers)
            for key in ("measured", "explanation")
        }
        self.answer = answer
        said |= {"answer": answer, "opened": self.opened}
        result = Result(kind="result", prediction=self, **said)
        traitlets.dlink((result, "opened"), (self, "opened"))
        return result


class Result(Exercise):
    """What was found, beside what was predicted; see `Prediction.reveal`."""

    prediction = traitlets.Instance(Prediction).tag(sync=True, **widget_serialization)
    answer = traitlets.Int().tag(sync=True)  # its place among the choices
    measured = traitlets.Unicode().tag(sync=True)
    explanation = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Bool(False).tag(sync=True)  # asked for without a prediction


class Quiz(Exercise):
    """Questions with feedback on each option, and what was tried."""

    questions = traitlets.List().tag(sync=True)
    tried = traitlets.List().tag(sync=True)  # per question: options, first to last
