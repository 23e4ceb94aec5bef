"""Each notebook takes the minutes that it promises: counted from its files.

The rates were fitted to the times that a careful first-time student took for 02 to 05:
65, 85, 70 and 85 minutes, of which they count 61, 75, 68 and 83. Sections whose heading
ends in "(may skip)" are counted apart: they reach to the next heading of the same or a
higher level.
"""

import ast
import re

import nbformat
import pytest

import claims
from kdlab.exercises import load_words

WORDS_A_MINUTE = 180
MINUTES = {  # of what is more than reading
    "line of code": 0.1,
    "displayed equation": 1.5,
    "explorer": 3.5,
    "prediction": 1.5,
    "wait for a panel": 2.0,
    "exercise": 1.0,
    "statement of its solution": 1.5,
    "question of the quiz": 0.75,
}
SHORT, LONG = 0.9, 1.35  # a promise beside the count: seldom less, never far more
PROMISE = re.compile(r"\*(\d+) min(?:, (\d+) with what may be skipped)?\. Needs:")
SKIP = "(may skip)"


def words_in(text):
    return len(re.sub(r"\]\([^)]*\)", "]", text).split())


def texts(table):
    """All texts in a table of words.toml, joined."""
    if isinstance(table, str):
        return table
    inside = table.values() if isinstance(table, dict) else table
    return " ".join(map(texts, inside)) if isinstance(table, dict | list) else ""


def statements(home):
    """{exercise: how many statements its solution has}."""
    tree = ast.parse((home / "solutions.py").read_text(encoding="utf-8"))
    return {
        f.name: sum(isinstance(node, ast.stmt) for node in ast.walk(f)) - 2
        for f in tree.body
        if isinstance(f, ast.FunctionDef)
    }


def things_in(cell, words, solved):
    """{thing of MINUTES: how many}, and the words to read, of one cell."""
    source = cell.source
    if cell.cell_type == "markdown":
        equations = len(re.findall(r"\$\$", source)) // 2
        return {"displayed equation": equations}, words_in(source)
    predicted = re.findall(r'lesson\.predict\("(\w+)"\)', source)
    checked = re.findall(r"lesson\.check\((\w+)\)", source)
    questions = words["question"] if "lesson.quiz()" in source else []
    told = [words["predict"][name] for name in predicted] + questions
    return {
        "line of code": len(source.splitlines()),
        "explorer": len(re.findall(r"_explorer\(|_picture\(", source)),
        "prediction": len(predicted),
        "wait for a panel": source.count(".finished()"),
        "exercise": len(checked),
        "statement of its solution": sum(solved[name] for name in checked),
        "question of the quiz": len(questions),
    }, words_in(texts(told))


def minutes_of(path):
    """What must be done, and everything, in minutes."""
    home = claims.home_of(path)
    words, solved = load_words(home / "words.toml"), statements(home)
    must = every = 0.0
    skipping = 0  # level of the heading under which all may be skipped
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        heading = re.match(r"(#+) (.*)", cell.source) if number != 1 else None
        if heading and cell.cell_type == "markdown":
            level = len(heading[1])
            if skipping and level <= skipping:
                skipping = 0
            if not skipping and heading[2].rstrip().endswith(SKIP):
                skipping = level
        things, read = things_in(cell, words, solved) if number != 1 else ({}, 0)
        spent = sum(MINUTES[name] * n for name, n in things.items())
        spent += read / WORDS_A_MINUTE
        every += spent
        must += 0 if skipping else spent
    return must, every


@pytest.mark.parametrize("path", claims.ALL, ids=lambda path: path.stem)
def test_the_promised_minutes_are_honest(path):
    cells = nbformat.read(path, as_version=4).cells
    promise = PROMISE.search(cells[0].source)
    assert promise, "*45 min, 60 with what may be skipped. Needs: ...*"
    for cell in cells[1:]:
        assert SKIP not in cell.source or cell.source.startswith("#"), (
            f"a heading ends in {SKIP}, at the start of its cell:\n{cell.source}"
        )
    must, every = minutes_of(path)
    assert (promise[2] is not None) == (every > must), f"{must:.0f} of {every:.0f} min"
    for said, counted in zip(
        promise.groups(default=promise[1]), (must, every), strict=True
    ):
        assert SHORT * counted <= int(said) <= LONG * counted, (
            f"{said} min are promised; counted are {must:.0f}, all in all {every:.0f}"
        )


def test_the_readme_promises_the_same():
    readme = (claims.NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    for path in claims.ALL:
        first = nbformat.read(path, as_version=4).cells[0].source
        must, every = PROMISE.search(first).groups()
        row = next(
            line for line in readme.splitlines() if f"(notebooks/{path.name})" in line
        )
        said = f"{must} ({every})" if every else must
        assert row.split("|")[3].strip() == said, f"{path.name}: README says {row}"
