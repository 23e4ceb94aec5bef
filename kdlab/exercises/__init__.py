"""Predict, observe, explain: what a lesson asks of its student.

A lesson's face offers `check`, `predict` and `quiz`, made here from its tasks and its
words.toml (`quiz` says what stands there).
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from kdlab.exercises.checks import Function, Task, Verdict, names_of, verdict
from kdlab.exercises.quiz import load_words
from kdlab.exercises.widgets import Prediction, Quiz, Result

SAID = {
    "right": "✓ Right.",
    "not attempted": "Not attempted yet:",
    "known mistake": "✗ Not yet:",
    "wrong": "✗ Not yet:",
}


def shuffled(question: Mapping) -> dict:
    """A question with its options in an order of this student's, known by the home."""
    try:
        home = str(Path.home())
    except RuntimeError:  # a machine may give none
        home = ""

    def key(option: Mapping) -> bytes:
        return sha256(f"{home}\n{question['text']}\n{option['text']}".encode()).digest()

    return {**question, "options": sorted(question["options"], key=key)}


class Desk:
    """A lesson's `check`, `predict` and `quiz`: see `of_lesson`."""

    def __init__(self, words: Mapping[str, dict], tasks: Mapping[str, Task]):
        """`words` as of `load_words`."""
        self.words, self.tasks = words, tasks
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

    def predict(self, name: str) -> Prediction:
        """Ask for the prediction of this name; asked again, what was committed stays.

            louder = lesson.predict("louder")
            louder                                   # the student chooses and commits
            louder.reveal(pull(8.0) / pull(1.0))     # in a later cell

        Raises ValueError for a name that is not in words.toml.
        """
        words, made = self._known(name, self.words["predict"]), self.predictions
        if name not in made or made[name].comm is None:  # closed with all widgets
            made[name] = Prediction(words)
        return made[name]

    def quiz(self) -> Quiz:
        """The mastery quiz; every option may be tried.

        The options are shuffled: always alike for one student, each question by itself,
        so that no place is right more often than another.
        """
        questions = [shuffled(question) for question in self.words["question"]]
        return Quiz(kind="quiz", questions=questions, tried=[[] for _ in questions])

    def _known(self, name: str, there: Mapping) -> object:
        if name not in there:
            raise ValueError(f"This lesson has no {name!r}; it has {list(there)}.")
        return there[name]


def of_lesson(file: str, tasks: Mapping[str, Task]) -> tuple[Callable, ...]:
    """`check`, `predict` and `quiz` of the lesson whose `__init__.py` is this file.

    Raises ValueError, at once, if the words.toml beside it is malformed.
    """
    desk = Desk(load_words(Path(file).parent / "words.toml"), tasks)
    return desk.check, desk.predict, desk.quiz
