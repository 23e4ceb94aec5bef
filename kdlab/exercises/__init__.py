"""Predict, observe, explain: what a lesson asks of its student.

A lesson's face offers `check`, `predict` and `quiz`, made here from its tasks and its
words.toml (`quiz` says what stands there).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from kdlab.exercises.checks import Function, Task, Verdict, verdict
from kdlab.exercises.quiz import load_words
from kdlab.exercises.widgets import Prediction, Quiz, Result

SAID = {
    "right": "✓ Right.",
    "not attempted": "Not attempted yet:",
    "known mistake": "✗ Not yet:",
    "wrong": "✗ Not yet:",
}


def of_lesson(
    file: str, tasks: Mapping[str, Task]
) -> tuple[Callable[[Function], None], Callable[[str], Prediction], Callable[[], Quiz]]:
    """`check`, `predict` and `quiz` of the lesson whose `__init__.py` is this file.

    Raises ValueError, at once, if the words.toml beside it is malformed.
    """
    words = load_words(Path(file).parent / "words.toml")
    predictions: dict[str, Prediction] = {}

    def check(answer: Function) -> None:
        """Judge a function by its name: right, not attempted, or a hint to its mistake.

            def soft_loss(student_logits, teacher_logits, temperature): ...
            lesson.check(soft_loss)

        Raises ValueError for a name that is no exercise here; what the function does
        wrong is said, never raised.
        """
        if not callable(answer):
            print(f"{SAID['wrong']} Hand over the function itself, without calling it.")
            return
        judged = verdict(task_of(tasks, answer.__name__), answer)
        print(f"{SAID[judged.kind]} {judged.text}")

    def predict(name: str) -> Prediction:
        """Ask for the prediction of this name; asked again, what was committed stays.

            louder = lesson.predict("louder")
            louder                                   # the student chooses and commits
            louder.reveal(pull(8.0) / pull(1.0))     # in a later cell

        Raises ValueError for a name that is not in words.toml.
        """
        if name not in words["predict"]:
            raise ValueError(
                f"No prediction {name!r}; there are {[*words['predict']]}."
            )
        known = predictions.get(name)
        if known is None or known.comm is None:  # closed with all widgets
            predictions[name] = Prediction(words["predict"][name])
        return predictions[name]

    def quiz() -> Quiz:
        """The mastery quiz of this lesson; every option may be tried."""
        questions = words["question"]
        return Quiz(kind="quiz", questions=questions, tried=[[] for _ in questions])

    return check, predict, quiz


def task_of(tasks: Mapping[str, Task], name: str) -> Task:
    """The task of this name. Raises ValueError naming those there are."""
    if name not in tasks:
        raise ValueError(f"No exercise {name!r}; there are {list(tasks)}.")
    return tasks[name]
