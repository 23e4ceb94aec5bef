"""Predict, observe, explain: what a lesson asks of its student.

A lesson's face offers `check`, `predict` and `quiz`, made here from its tasks and its
words.toml (`quiz` says what stands there).
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from kdlab.exercises import progress
from kdlab.exercises.checks import Function, Task, Verdict, names_of, verdict
from kdlab.exercises.quiz import load_words
from kdlab.exercises.widgets import Prediction, Quiz, Result

SAID = {
    "right": "✓ Right.",
    "not attempted": "Not attempted yet:",
    "known mistake": "✗ Not yet:",
    "wrong": "✗ Not yet:",
}


def shuffled(question: Mapping) -> list[int]:
    """The places of its options in an order of this student's, known by the home."""
    try:
        home = str(Path.home())
    except RuntimeError:  # a machine may give none
        home = ""

    def key(place: int) -> bytes:
        option = question["options"][place]["text"]
        return sha256(f"{home}\n{question['text']}\n{option}".encode()).digest()

    return sorted(range(len(question["options"])), key=key)


class Desk:
    """A lesson's `check`, `predict` and `quiz`: see `of_lesson`."""

    def __init__(self, lesson: str, words: Mapping, tasks: Mapping[str, Task]):
        """`lesson`: the name of its home; `words` as of `load_words`."""
        self.lesson, self.words, self.tasks = lesson, words, tasks
        self.predictions: dict[str, Prediction] = {}

    def check(self, answer: Function) -> None:
        """Judge a function by its name: right, not attempted, or a hint to its mistake.

            def soft_loss(student_logits, teacher_logits, temperature): ...
            lesson.check(soft_loss)

        Raises ValueError for a name that is no exercise here; what the function does
        wrong is said, never raised.
        """
        if not callable(answer):
            print(f"{SAID['wrong']} Hand over the function itself, without calling it.")
            return
        judged = verdict(self._known(names_of(answer)[0], self.tasks), answer)
        print(f"{SAID[judged.kind]} {judged.text}")
        if judged.kind != "not attempted":
            self._keep(progress.keep_verdict, names_of(answer)[0], *judged)

    def predict(self, name: str) -> Prediction:
        """Ask for the prediction of this name; what was committed stays (`progress`).

            louder = lesson.predict("louder")
            louder                                   # the student chooses and commits
            louder.reveal(pull(8.0) / pull(1.0))     # in a later cell

        Raises ValueError for a name that is not in words.toml.
        """
        words, made = self._known(name, self.words["predict"]), self.predictions
        if name not in made or made[name].comm is None:  # closed with all widgets
            stored = self._stored().get("predict", {}).get(name, {})
            made[name] = asked = Prediction(words)
            asked.committed = within(stored.get("committed", []), asked.choices)
            asked.opened = bool(stored.get("opened"))
            asked.observe(lambda _: self._keep_prediction(name), asked.kept)
        return made[name]

    def quiz(self) -> Quiz:
        """The mastery quiz; every option may be tried.

        The options are shuffled: always alike for one student, each question by itself,
        so that no place is right more often than another.
        """
        asked = self.words["question"]
        orders = [shuffled(question) for question in asked]
        shown = [
            {**question, "options": [question["options"][place] for place in order]}
            for question, order in zip(asked, orders, strict=True)
        ]
        stored = [*self._stored().get("quiz", [[]])[-1], *([] for _ in asked)]
        tried = [
            [order.index(place) for place in within(places, order)]
            for places, order in zip(stored, orders, strict=False)
        ]

        def keep(change: Mapping) -> None:
            pairs = zip(change["new"], orders, strict=True)
            places = [[order[i] for i in tries] for tries, order in pairs]
            self._keep(progress.keep_tries, places)

        widget = Quiz(kind="quiz", questions=shown, tried=tried)
        widget.observe(keep, "tried")
        return widget

    def _stored(self) -> dict:
        """What is stored of this lesson."""
        return (progress.stored() or {}).get(self.lesson, {})

    def _keep(self, keep: Callable[..., None], *what: object) -> None:
        """Store more of it."""
        progress.stored(
            lambda lessons: keep(lessons.setdefault(self.lesson, {}), *what)
        )

    def _keep_prediction(self, name: str) -> None:
        """Store a prediction that was made, or looked at."""
        asked = self.predictions[name]
        found = {"answer": asked.answer, "opened": asked.opened or None}
        found = {key: value for key, value in found.items() if value is not None}
        if asked.committed or asked.opened:
            self._keep(progress.keep_prediction, name, asked.committed, found)

    def _known(self, name: str, there: Mapping) -> object:
        if name not in there:
            raise ValueError(f"This lesson has no {name!r}; it has {list(there)}.")
        return there[name]


def within(places: list[int], those: Sequence) -> list[int]:
    """Without places that are no longer there: a question may have been edited."""
    return [place for place in places if 0 <= place < len(those)]


def of_lesson(file: str, tasks: Mapping[str, Task]) -> tuple[Callable, ...]:
    """`check`, `predict` and `quiz` of the lesson whose `__init__.py` is this file.

    Raises ValueError, at once, if the words.toml beside it is malformed.
    """
    home = Path(file).resolve().parent
    desk = Desk(home.name, load_words(home / "words.toml"), tasks)
    return desk.check, desk.predict, desk.quiz
