"""The words of a lesson: its predictions and its quiz, read from a words.toml.

    [predict.louder]
    question = "How much longer is the gradient at T = 8?"
    choices = ["about as long", "2 to 5 times", "more"]
    bounds = [1.5, 5]                      # between the choices; or answer = "more"
    measured = "{found:.1f} times"         # may be left out
    explanation = "T² overdoes it while T is small."

    [[question]]
    text = "What does a label say about the wrong classes?"
    [[question.option]]
    text = "Nothing."
    feedback = "A one-hot label gives every wrong class the same zero."
    right = true

Line breaks in a text are spaces.
"""

import tomllib
from pathlib import Path
from string import Formatter

TEXTS = {"text", "feedback", "explanation", "measured", "answer"}


def load_words(path: Path) -> dict[str, object]:
    """{"predict": {name: its words}, "question": [questions of the quiz]}, checked.

    Raises ValueError that says what is wrong, and in which prediction or question.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        _table(content, "the file", {"question"}, may={"predict"})
        predictions, questions = content.get("predict", {}), content["question"]
        if not isinstance(predictions, dict):
            raise ValueError("predictions are [predict.NAME] tables")
        if not isinstance(questions, list) or not 4 <= len(questions) <= 5:
            raise ValueError("a quiz has 4 or 5 [[question]] tables")
        places = {f"question {n}": raw for n, raw in enumerate(questions, start=1)}
        return {
            "predict": {n: _prediction(raw, n) for n, raw in predictions.items()},
            "question": [_question(raw, place) for place, raw in places.items()],
        }
    except ValueError as error:  # also TOML that cannot be read
        raise ValueError(f"{path.name}: {error}.") from error


def _prediction(raw: dict, name: str) -> dict:
    """One prediction, checked: two or more choices, and what decides among them."""
    must, may = {"question", "choices", "explanation"}, {"bounds", "answer", "measured"}
    words = {"measured": "", **_table(raw, name, must, may)}
    choices = words["choices"] if isinstance(words["choices"], list) else []
    choices = [_text(choice, name) for choice in choices]
    if not 2 <= len(choices) == len(set(choices)):
        raise ValueError(f"{name} needs two or more choices, no two alike: {choices}")
    if ("bounds" in raw) == ("answer" in raw):
        raise ValueError(f"{name} needs either bounds between its choices or an answer")
    if words.get("answer", choices[0]) not in choices:
        raise ValueError(f"{name}: the answer is none of the choices {choices}")
    bounds = raw.get("bounds", [*range(len(choices) - 1)])
    numbers = isinstance(bounds, list) and all(type(b) in (int, float) for b in bounds)
    if not numbers or len(bounds) != len(choices) - 1 or bounds != sorted(set(bounds)):
        raise ValueError(f"{name} needs rising bounds, one fewer than choices")
    try:
        for key in ("measured", "explanation"):
            list(Formatter().parse(words[key]))
    except ValueError as error:
        raise ValueError(f"{name} has a brace that is not doubled: {error}") from error
    question = _text(words["question"], name)
    return {**words, "question": question, "choices": choices, "bounds": bounds}


def _question(raw: dict, where: str) -> dict:
    """One question, checked: its text and three or four options."""
    asked = _table(raw, where, {"text", "option"})
    if not isinstance(asked["option"], list) or len(asked["option"]) not in (3, 4):
        raise ValueError(f"{where} needs 3 or 4 [[question.option]] tables")
    options = []
    for number, option in enumerate(asked["option"], start=1):
        place = f"{where}, option {number}"
        option = _table(option, place, {"text", "feedback"}, may={"right"})
        if option.get("right", True) is not True:
            raise ValueError(f"{place}: write `right = true` or leave it out")
        options.append({**option, "right": "right" in option})
    right = sum(option["right"] for option in options)
    if right != 1:
        raise ValueError(f"{where} needs exactly one right = true, got {right}")
    if len({option["text"] for option in options}) != len(options):
        raise ValueError(f"{where} has two options of one text")
    return {"text": asked["text"], "options": options}


def _table(raw: object, where: str, must: set, may: set = frozenset()) -> dict:
    """A table with these keys, no typing errors among them; its texts in one line."""
    keys = set(raw) if isinstance(raw, dict) else set()
    if not must <= keys <= must | may:
        raise ValueError(f"{where} has {sorted(keys)} and needs {sorted(must)}")
    return {k: _text(v, where) if k in TEXTS else v for k, v in raw.items()}


def _text(raw: object, where: str) -> str:
    """The text in one line; refused when there is none."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{where} has an empty text: {raw!r}")
    return " ".join(raw.split())
