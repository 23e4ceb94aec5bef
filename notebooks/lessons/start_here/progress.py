"""The map of the course: what its student has done, and the file that tells it."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

import anywidget
from IPython.display import HTML, DisplayHandle, display

from kdlab.exercises import load_words, progress, within

NOTEBOOKS = Path(__file__).resolve().parents[2]
EXERCISES = Path(progress.__file__).parent
SOLVED = "right", "right later", "solved"
MARKS = dict.fromkeys(SOLVED, "✓")
MARKS |= {"wrong": "✗", "unsolved": "✗", "no result yet": "●", "open": "○"}
LEGEND = "✓ right or solved · ✗ not so yet · ● no result yet · ○ open"
STYLE = """<style>
.kdlab-map { margin: 4px 2px; font-size: 15px; line-height: 1.4; }
.kdlab-map table, .kdlab-map table caption { color: inherit; font-size: inherit; }
.kdlab-map table { border-collapse: collapse; margin: 0; table-layout: auto; }
.kdlab-map table caption { text-align: left; padding: 0 0 8px 10px; font-weight: 600; }
.kdlab-map table :is(th, td) { text-align: left !important; vertical-align: top; max-width: none;
  padding: 4px 16px 4px 10px; font-weight: normal; white-space: normal; }
.kdlab-map table thead th { font-weight: 600; }
.kdlab-map table tbody th { min-width: 15em; }
.kdlab-map b { letter-spacing: 0.15em; margin-right: 0.4em; white-space: nowrap; }
.kdlab-map p { margin: 6px 10px; }
.kdlab-map details { margin: 8px 10px; }
.kdlab-map summary { cursor: pointer; }
@media (max-width: 700px) { .kdlab-map table :is(th, td) { padding: 4px 8px 4px 4px; } }
</style>"""
NOTHING = "Nothing is kept here: open this notebook in Jupyter, and run it there."


def course_map() -> "Keeper | None":
    """Show what is done in each notebook; below, buttons for the file that holds it."""
    lessons = progress.stored()
    page = drawn(lessons or {}) + (f"<p>{NOTHING}</p>" if lessons is None else "")
    shown = display(HTML(page), display_id=True)
    return None if lessons is None else Keeper(shown)


# --- what is done ------------------------------------------------------------------


def predicted(words: Mapping, made: Mapping) -> str:
    """How a prediction stands, by the choice that was made last."""
    choices = within(made.get("committed", []), words["choices"])
    found = within([made.get("answer", -1)], words["choices"])
    if not choices:
        return "open"
    return "no result yet" if not found else ["wrong", "right"][choices[-1] == found[0]]


def answered(question: Mapping, tries: list[int]) -> str:
    """How a question of the quiz stands."""
    right = [option["right"] for option in question["options"]].index(True)
    if right not in tries:
        return "unsolved" if within(tries, question["options"]) else "open"
    return "right" if tries[0] == right else "right later"


class Row(NamedTuple):
    """One notebook of the map: how each prediction, question and exercise stands."""

    title: str
    question: str
    file: str
    predictions: list[str]
    quiz: list[str]
    exercises: list[str]
    missed: list[str]  # predictions that were wrong, in words


def row(notebook: Path, part: Mapping[str, Mapping]) -> Row:
    """What `part`, the record of its lesson, says of a notebook."""
    words = load_words(NOTEBOOKS / "lessons" / notebook.stem[3:] / "words.toml")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells)
    made, checks = part.get("predict", {}), part.get("check", {})
    asked = [(one, made.get(name, {})) for name, one in words["predict"].items()]
    rounds = [tried for tried in part.get("quiz", []) if any(tried)] or [[]]
    tries = [*rounds[-1], *([] for _ in words["question"])]
    exercises = re.findall(r"lesson\.check\((\w+)\)", source)
    question = re.search(r"\*\*Question\.\*\* (.*)", source)[1]
    return Row(
        source.splitlines()[0].lstrip("# "),
        question.replace("$", ""),
        notebook.name,
        [predicted(*one) for one in asked],
        [answered(*one) for one in zip(words["question"], tries, strict=False)],
        [attempted(checks.get(name)) for name in exercises],
        [missed(*one) for one in asked if predicted(*one) == "wrong"],
    )


def attempted(check: Mapping | None) -> str:
    """How an exercise stands."""
    return "open" if check is None else "solved" if check.get("solved") else "unsolved"


def missed(words: Mapping, made: Mapping) -> str:
    """A prediction that was wrong, beside what was found."""
    choices = words["choices"]
    mine = choices[within(made["committed"], choices)[-1]]
    found = choices[made["answer"]]
    return f"{words['question']} You predicted: {mine}. Found: {found}."


# --- how it looks ------------------------------------------------------------------


def drawn(lessons: Mapping[str, Mapping]) -> str:
    """The map as HTML: a table, and what was predicted wrongly."""
    notebooks = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    rows = [row(one, lessons.get(one.stem[3:], {})) for one in notebooks]
    made, solved = (lambda how: how != "open"), SOLVED.__contains__
    counted = (
        ("predictions made", [how for one in rows for how in one.predictions], made),
        ("quiz questions solved", [how for one in rows for how in one.quiz], solved),
        ("exercises solved", [how for one in rows for how in one.exercises], solved),
    )
    totals = ", ".join(
        f"{sum(map(fits, every))} of {len(every)} {name}"
        for name, every, fits in counted
    )
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Notebook", "Predictions", "Quiz", "Exercises")
    )
    body = "".join(
        f'<tr><th scope="row"><a href="{one.file}">{escape(one.title)}</a><br>'
        f"{escape(one.question)}</th>"
        f"{cell(one.predictions)}{cell(one.quiz)}{cell(one.exercises)}</tr>"
        for one in rows
    )
    return (
        f'{STYLE}<div class="kdlab-map"><table><caption>{totals}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{LEGEND}</p>{wrong_ones(rows)}</div>"
    )


def cell(stands: list[str]) -> str:
    """A mark for each, and the same in words."""
    marks = "".join(MARKS[how] for how in stands)
    counts = Counter(stands)
    done = [f"{counts[how]} {how}" for how in MARKS if counts[how] and how != "open"]
    words = f"{', '.join(done) or 0} of {len(stands)}" if stands else "none"
    return f'<td><b aria-hidden="true">{marks}</b>{words}</td>'


def wrong_ones(rows: list[Row]) -> str:
    """The predictions that were wrong, folded."""
    parts = [
        f"<dt>{escape(one.title)}</dt>"
        + "".join(f"<dd>{escape(text).replace('`', '')}</dd>" for text in one.missed)
        for one in rows
        if one.missed
    ]
    if not parts:
        return ""
    count = sum(len(one.missed) for one in rows)
    return (
        '<details><summary data-lm-suppress-shortcuts="true">What you predicted '
        f"wrongly: {count}</summary><dl>{''.join(parts)}</dl></details>"
    )


# --- the file ----------------------------------------------------------------------


class Keeper(anywidget.AnyWidget):
    """Buttons: take the file along, bring it back, begin anew (keeper.js)."""

    _esm = Path(__file__).parent / "keeper.js"
    _css = EXERCISES / "exercises.css"

    def __init__(self, shown: DisplayHandle | None):
        """`shown` is the map, drawn again after each change."""
        super().__init__()
        self.shown = shown
        self.on_msg(lambda _, content, __: self.act(content))

    def act(self, content: Mapping[str, str]) -> None:
        """Do what a button asks for, and answer."""
        if "restore" in content:
            try:
                given = progress.read(content["restore"])
            except (ValueError, NotImplementedError) as error:
                self.send({"said": f"Not restored: {error}."})
                return
            said = self.changed(lambda lessons: put_in(lessons, given), "Restored.")
            self.send({"said": said})
        elif "anew" in content:
            self.send({"said": self.changed(dict.clear, "You begin anew.")})
        elif "wanted" in content:
            self.send({"file": progress.as_text(progress.stored() or {})})

    def changed(self, change: Callable[[dict], None], said: str) -> str:
        """Change the file, keep the old one beside it, and draw the map again."""

        def keeping(lessons: dict) -> None:
            path = progress.place()
            if path.exists():
                shutil.copyfile(path, path.with_name("progress-before.json"))
            change(lessons)

        lessons = progress.stored(keeping)
        if lessons is None:
            return "The file cannot be written."
        if self.shown is not None:
            self.shown.update(HTML(drawn(lessons)))
        return (
            f"{said} What was there is in progress-before.json, beside the notebooks. Now "
            "restart each open notebook (Kernel → Restart Kernel): until then its "
            "next answer brings its old ones back."
        )


def put_in(lessons: dict, given: Mapping[str, Mapping]) -> None:
    """What is given replaces what is stored of the same prediction, quiz, exercise."""
    for name, part in given.items():
        mine = lessons.setdefault(name, {})
        for kind, new in part.items():
            both = isinstance(new, dict) and isinstance(mine.get(kind), dict)
            mine[kind] = {**mine[kind], **new} if both else new
