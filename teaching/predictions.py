"""Who predicted what: a count over the progress.json of a class.

    python -m teaching.predictions FOLDER [--csv FILE]

FOLDER holds the files that students handed in, under any names, also in folders. Each
counts once, also behind links; what cannot be read is named. It prints, question by
question: predictions at first and in the end, the quiz, the exercises.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from kdlab.exercises import load_words, progress, within

LESSONS = Path(__file__).resolve().parent.parent / "notebooks" / "lessons"
OURS = ".ipynb_checkpoints", "progress-before.json", "progress-broken.json"
COLUMNS = "lesson kind name question option first last ever right students tries"
Parts = list[dict[str, dict]]  # of one lesson, one for each student


def main(*given: str) -> None:
    """Read the folder, print the counts, and write them if --csv asks for it."""
    parser = argparse.ArgumentParser(prog="python -m teaching.predictions")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--csv", type=Path, metavar="FILE")
    asked = parser.parse_args(given or None)
    files = files_in(asked.folder)
    if not files:
        sys.exit(f"There is no .json file in {asked.folder}.")
    students = [one for one in map(content_of, files) if one]
    print(f"{len(students)} students with answers, {len(files)} files.")
    same = len(students) - len({str(one) for one in students})
    if same:
        verb = "says" if same == 1 else "say"
        print(f"{same} of them {verb} the same as another: was it handed in twice?")
    rows = []
    for home in sorted({lesson for one in students for lesson in one}):
        parts = [one[home] for one in students if one.get(home)]
        path = LESSONS / home / "words.toml"
        if path.is_file():
            words = load_words(path)
            rows += of_lesson(home, words, parts)
            if lost := gone(words, parts):
                print(f"{home}: {lost} predictions are of no choice that is there now.")
        else:
            print(f"No lesson {home!r} is here: answers of {len(parts)} left out.")
    print(*told(rows), sep="\n")
    if asked.csv:
        with asked.csv.open("w", encoding="utf-8-sig", newline="") as file:  # for Excel
            table = csv.DictWriter(file, COLUMNS.split())
            table.writeheader()
            table.writerows(rows)


def files_in(folder: Path) -> list[Path]:
    """All files of students in a folder, each once."""
    found = folder.rglob("*.json") if folder.is_dir() else []
    own = [path for path in found if not set(OURS) & set(path.parts)]
    return sorted({path.resolve() for path in own})


def content_of(path: Path) -> dict[str, dict]:
    """{lesson: what is stored of it}; of a file that cannot be read, nothing."""
    try:
        return progress.read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, NotImplementedError) as error:
        print(f"Left out: {path}: {error}", file=sys.stderr)
        return {}


def gone(words: dict, parts: Parts) -> int:
    """How many predictions name a question or a choice that is no longer there."""
    there = {name: range(len(w["choices"])) for name, w in words["predict"].items()}
    made = [pair for one in parts for pair in one.get("predict", {}).items()]
    return sum(not {*one["committed"]} <= {*there.get(name, ())} for name, one in made)


def of_lesson(home: str, words: dict, parts: Parts) -> Iterator[dict]:
    """The rows of a lesson, one for each option, and one for each hint."""
    for name, asked in words["predict"].items():
        made = [one["predict"][name] for one in parts if name in one.get("predict", {})]
        yield from of_prediction(asked, made, lesson=home, name=name)
    for place, question in enumerate(words["question"]):
        rounds = [[r[place] for r in one.get("quiz", []) if r[place:]] for one in parts]
        yield from of_question(question, rounds, lesson=home, name=str(place + 1))
    checks = [one.get("check", {}) for one in parts]
    for name in sorted({name for one in checks for name in one}):
        tried = [one[name] for one in checks if name in one]
        yield from of_exercise(tried, lesson=home, name=name)


def of_prediction(words: dict, made: list[dict], **where: str) -> Iterator[dict]:
    """How many chose what, at first and in the end, and how many found it to be so."""
    choices = words["choices"]
    kept = [(one, within(one["committed"], choices)) for one in made]
    kept = [(one, places) for one, places in kept if places]
    looked = sum(bool(one.get("opened")) for one, _ in kept)
    first, last, found = (
        Counter(places[0] for _, places in kept),
        Counter(places[-1] for _, places in kept),
        Counter(one.get("answer") for one, _ in kept),
    )
    agree = [(places[0], places[-1], one.get("answer")) for one, places in kept]
    right = sum(a == c for a, _, c in agree), sum(b == c for _, b, c in agree)
    where |= {"kind": "prediction", "question": words["question"]}
    for place, choice in enumerate(choices):
        counts = {"first": first[place], "last": last[place], "right": found[place]}
        yield {**where, "option": choice, **counts, "students": len(kept)}
    where |= {"option": "(right)", "first": right[0], "last": right[1]}
    yield {**where, "ever": looked, "students": len(kept)}


def of_question(question: dict, rounds: list[list], **where: str) -> Iterator[dict]:
    """How many tried what first, and how many ever; `rounds` of each student."""
    options = question["options"]
    tries = [[places for places in one if within(places, options)] for one in rounds]
    tries = [[within(places, options) for places in one] for one in tries if one]
    first = Counter(one[0][0] for one in tries)
    ever = Counter(place for one in tries for place in {p for r in one for p in r})
    for place, option in enumerate(options):
        yield {
            **where,
            **{"kind": "quiz", "question": question["text"], "option": option["text"]},
            **{"first": first[place], "ever": ever[place], "students": len(tries)},
            "right": int(option["right"]),
        }


def of_exercise(tried: list[dict], **where: str) -> Iterator[dict]:
    """How many solved it, in how many tries, and which mistakes they met."""
    where |= {"kind": "exercise", "students": len(tried)}
    solved = [one["tries"] for one in tried if one.get("solved")]
    tries = median(solved) if solved else ""
    yield {**where, "option": "(solved)", "ever": len(solved), "tries": tries}
    hints = Counter(hint for one in tried for hint in one["hints"])
    for hint, count in hints.most_common():
        yield {**where, "option": hint, "ever": count}


# --- on the screen -----------------------------------------------------------------


def told(rows: list[dict]) -> Iterator[str]:
    """The rows in words, one paragraph for each question."""
    groups: dict[tuple, list[dict]] = {}
    for one in rows:
        groups.setdefault((one["lesson"], one["kind"], one["name"]), []).append(one)
    before = ""
    for (lesson, kind, name), group in groups.items():
        if lesson != before:
            yield f"\n=== {lesson} ==="
        before = lesson
        if group[0]["students"]:
            yield f"\n{kind} {name}: {group[0].get('question', '')}".rstrip(" :")
            yield from TOLD[kind](group)


def told_prediction(group: list[dict]) -> Iterator[str]:
    """Choices, and how many were right."""
    *choices, right = group
    most = max(one["right"] for one in choices)
    yield "    first  last"
    for one in choices:
        mark = "✓" if most and one["right"] == most else " "
        yield f"    {one['first']:5}  {one['last']:4}  {mark} {one['option']}"
    looked = f"; {right['ever']} had looked at the result" if right["ever"] else ""
    of = f"right of {right['students']}{looked}"
    yield f"    {right['first']:5}  {right['last']:4}    {of}"


def told_quiz(group: list[dict]) -> Iterator[str]:
    """The share that was right at the first try, and the wrong option most tried."""
    (right,) = (one for one in group if one["right"])
    share = right["first"] / right["students"]
    yield f"    {share:.0%} of {right['students']} right at the first try"
    wrong = max((one for one in group if not one["right"]), key=lambda one: one["ever"])
    if wrong["ever"]:
        yield f"    most often wrong, {wrong['ever']} times: {wrong['option']}"


def told_exercise(group: list[dict]) -> Iterator[str]:
    """How many solved it, and the mistakes most often met."""
    solved, *hints = group
    tries = f", in {solved['tries']:g} tries (median)" if solved["ever"] else ""
    yield f"    solved by {solved['ever']} of {solved['students']}{tries}"
    for hint in hints[:5]:
        yield f"    {hint['ever']} met: {hint['option']}"


TOLD = {"prediction": told_prediction, "quiz": told_quiz, "exercise": told_exercise}

if __name__ == "__main__":
    main()
