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


def load_words(path: Path) -> dict[str, object]:
    """{"predict": {name: its words}, "question": [questions of the quiz]}, checked.

    Raises ValueError that says what is wrong, and in which prediction or question.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        _expect_keys(content, {"question"}, "the file", may={"predict"})
        predictions, questions = content.get("predict", {}), content["question"]
        if not isinstance(predictions, dict):
            raise ValueError("predictions are [predict.NAME] tables")
        if not isinstance(questions, list) or not 4 <= len(questions) <= 5:
            raise ValueError("a quiz has 4 or 5 [[question]] tables")
        return {
            "predict": {n: _prediction(raw, n) for n, raw in predictions.items()},
            "question": [
                _question(raw, f"question {number}")
                for number, raw in enumerate(questions, start=1)
            ],
        }
    except ValueError as error:  # also TOML that cannot be read
        raise ValueError(f"{path.name}: {error}.") from error


def _prediction(raw: dict, name: str) -> dict:
    """One prediction, checked: two or more choices, and what decides among them."""
    may = {"bounds", "answer", "measured"}
    _expect_keys(raw, {"question", "choices", "explanation"}, name, may)
    choices = raw["choices"] if isinstance(raw["choices"], list) else []
    choices = [_text(choice, name) for choice in choices]
    if not 2 <= len(choices) == len(set(choices)):
        raise ValueError(f"{name} needs two or more choices, no two alike: {choices}")
    if ("bounds" in raw) == ("answer" in raw):
        raise ValueError(f"{name} needs either bounds between its choices or an answer")
    if "answer" in raw and _text(raw["answer"], name) not in choices:
        raise ValueError(f"{name}: the answer is none of the choices {choices}")
    bounds = raw.get("bounds", [*range(len(choices) - 1)])
    numbers = isinstance(bounds, list) and all(type(b) in (int, float) for b in bounds)
    if not numbers or len(bounds) != len(choices) - 1 or bounds != sorted(set(bounds)):
        raise ValueError(f"{name} needs rising bounds, one fewer than choices")
    texts = {"question": _text(raw["question"], name), "measured": ""}
    for key in {"measured", "explanation"} & set(raw):
        texts[key] = _template(raw[key], name)
    if "answer" in raw:
        texts["answer"] = _text(raw["answer"], name)
    return {**texts, "choices": choices, "bounds": bounds}


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
        raise ValueError(f"{where} needs exactly one right = true, got {right}")
    if len({option["text"] for option in options}) != len(options):
        raise ValueError(f"{where} has two options of one text")
    return {"text": _text(raw["text"], where), "options": options}


def _expect_keys(table: object, must: set, where: str, may: set = frozenset()) -> None:
    """Refuse a table that lacks a key or has one that nobody reads (a typing error)."""
    keys = set(table) if isinstance(table, dict) else set()
    if not must <= keys <= must | may:
        raise ValueError(f"{where} has {sorted(keys)} and needs {sorted(must)}")


def _template(raw: object, where: str) -> str:
    """A text in which numbers are named in braces; refused when it cannot be read."""
    text = _text(raw, where)
    try:
        list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{where} has a brace that is not doubled: {error}") from error
    return text


def _text(raw: object, where: str) -> str:
    """The text in one line; refused when there is none."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{where} has an empty text: {raw!r}")
    return " ".join(raw.split())
