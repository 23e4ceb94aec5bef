"""The instructor's guide: a page for each lesson, and slides of its key pictures.

    python -m teaching.guide [02 05 ...] [--to build/guide]

Words come from a lesson's guide.toml, numbers from stored runs (data/results), choices
and bounds from its words.toml, hints from its exercises. What was measured on a page is
added where `make site` has run it. Format of guide.toml, all texts in plain words:

    idea = "The one idea, in two sentences."
    [before]                     # run = what to run first, fails = [what may fail]
    [[plan.50]] [[plan.90]]      # minutes, what: they add up; drop = true on the one to
                                 # drop if late
    [predict.NAME]               # wrong (share, an estimate), why, resolve; usual = the
                                 # choice expected, where the run decides, stored = true
                                 # where stored runs do; most = the wrong one expected
    [[number]]                   # what, runs, where (a pandas query), column, screen,
                                 # digits; beside = the query of its twins on labels:
                                 # errors spared; ratio_to = the query of what it is
                                 # divided by, seed by seed; of = NAME of a prediction;
                                 # id: {id} in any text is its mean ± spread, {id.mean}
    [[error]]                    # seen, say
    [[discussion]]               # question, good, full, half (what earns 4, what 2
                                 # points); needs = a section that the plans skip
    [[picture]]                  # explorer (of test_lesson.explorers), controls, say;
                                 # before or after = NAME of a prediction, on the slides
"""

import argparse
import base64
import json
import re
import sys
import tomllib
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path

import nbformat
import torch
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from scipy.stats import t

from kdlab.data import course_dataset, course_images
from kdlab.exercises import load_words
from kdlab.figures import mean_spread
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.panels.panel import plain_figure
from kdlab.results import load_runs, spared
from kdlab.training import fit, predict
from kdlab.weights import load_teacher
from teaching.executed import ALL, KEPT, ROOT, fingerprint, home_of
from teaching.widgets import saved_models

HERE = Path(__file__).with_name("guide")


def in_html(text: str) -> Markup:
    """Words of a guide.toml: *emphasis* and `code`, all else as it is."""
    safe = escape(" ".join(text.split()), quote=False)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    return Markup(re.sub(r"\*([^*\s][^*]*)\*", r"<em>\1</em>", safe))


PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=True)
PAGES.filters["words"] = in_html
PAGES.globals["css"] = Markup((HERE / "guide.css").read_text(encoding="utf-8"))


# --- words and numbers ----------------------------------------------------------------


def guide_of(home: Path) -> dict | None:
    """The lesson's guide.toml; None if it has none."""
    path = home / "guide.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def timed(steps: list[dict]) -> list[dict]:
    """The steps of a plan with the minute in which each begins."""
    starts = [sum(s["minutes"] for s in steps[:n]) for n in range(len(steps))]
    return [{**step, "start": at} for step, at in zip(steps, starts, strict=True)]


def values_of(number: dict) -> list[float]:
    """One value of each stored run, or errors spared beside its twin."""
    runs = load_runs(number["runs"])
    some = runs.query(number["where"])
    if "beside" in number:
        return spared(some, runs.query(number["beside"]))
    if "ratio_to" in number:
        both = (r.set_index("seed") for r in (some, runs.query(number["ratio_to"])))
        ours, theirs = (one[number["column"]] for one in both)
        return (ours / theirs).dropna().tolist()
    return some[number["column"]].dropna().tolist()


def told(number: dict) -> dict:
    """Mean, spread and the band of the next run, in words; a difference's own error."""
    values = values_of(number)
    if not values:
        raise ValueError(f"No run of {number['runs']} fits {number['where']!r}.")
    mean, spread = mean_spread(values)
    digits, n = number.get("digits", 0), len(values)
    half = t.ppf(0.975, n - 1) * spread * (1 + 1 / n) ** 0.5 if n > 1 else 0.0
    low, high = (f"{end:,.{digits}f}" for end in (mean - half, mean + half))
    words = {"mean": f"{mean:,.{digits}f}", "spread": f"{spread:,.{digits}f}"}
    words["value"] = f"{words['mean']} ± {words['spread']}" if n > 1 else words["mean"]
    words["band"] = f"{low} to {high}" if n > 1 and spread else "the same in all"
    words["error"] = f"{spread / n**0.5:,.{digits}f}" if "beside" in number else ""
    return {"screen": "", **number, **words, "runs": f"{n} of {number['runs']}.csv"}


def filled(node: object, numbers: dict[str, dict]) -> object:
    """The guide with {id} and {id.mean} of its numbers put into all texts.

    Raises ValueError for an id that no number has.
    """

    def value(found: re.Match) -> str:
        name, part = found[1], found[2]
        if name not in numbers:
            raise ValueError(f"No number has the id {name!r}: {sorted(numbers)}.")
        one = numbers[name]
        return one[part or "value"]

    if isinstance(node, dict):
        return {key: filled(child, numbers) for key, child in node.items()}
    if isinstance(node, list):
        return [filled(child, numbers) for child in node]
    if isinstance(node, str):
        return re.sub(r"\{([a-z]\w*)(?:\.(mean|spread))?\}", value, node)
    return node


def with_numbers(guide: dict) -> dict:
    """The guide with the values of its numbers in its texts."""
    named = [number for number in guide.get("number", []) if "id" in number]
    return filled(guide, {number["id"]: told(number) for number in named})


def found_on_the_page(notebook: Path) -> dict[str, str]:
    """{question: what was measured}, where a run of the page is kept."""
    file = KEPT / f"{notebook.stem}-{fingerprint(notebook)}.ipynb"
    if not file.exists():
        return {}
    models = saved_models(nbformat.read(file, as_version=4))
    states = {key: model["state"] for key, model in models.items()}
    return {
        states[s["prediction"].removeprefix("IPY_MODEL_")]["question"]: s["measured"]
        for s in states.values()
        if s.get("_anywidget_id", "").endswith(".Result")
    }


SHARES = {
    "one in seven": 1 / 7,
    "a fifth": 0.2,
    "a third": 1 / 3,
    "two fifths": 0.4,
    "half": 0.5,
    "three fifths": 0.6,
    "two thirds": 2 / 3,
    "three quarters": 0.75,
    "nearly all": 0.9,
}


def in_words(share: float) -> str:
    """A guessed share as no more than it is."""
    return min(SHARES, key=lambda words: abs(SHARES[words] - share))


def predictions(words: dict, guide: dict, measured: dict[str, str]) -> list[dict]:
    """Each prediction with what to expect of it."""
    return [
        {**asked, **guide["predict"][name], "name": name}
        | {"wrong": in_words(guide["predict"][name]["wrong"])}
        | {"number": [told(n) for n in guide.get("number", []) if n.get("of") == name]}
        | decided(asked, guide["predict"][name], measured.get(asked["question"]))
        for name, asked in words["predict"].items()
    ]


def decided(asked: dict, ours: dict, measured: str | None) -> dict[str, str]:
    """The right choice, and how it is decided."""
    if "answer" in asked:
        said = "Right on every machine."
    elif ours.get("stored"):
        said = "Decided by stored runs: the same on every machine."
    elif "usual" in ours:
        said = "Decided live: marked is what to expect on MNIST, yours may differ."
    else:
        said = "Decided live: it depends on the machine."
    if measured:
        said += f" In the run kept here, on {course_dataset()}: {measured}."
    return {"right": asked.get("answer", ours.get("usual")), "decided": said}


def deck(asked: list[dict], slides: list[dict]) -> list[dict]:
    """The slides in the order of a class: no answer stands before its question."""
    place = {(key, one.get(key)) for one in slides for key in ("before", "after")}
    unknown = {name for _, name in place} - {None, *(one["name"] for one in asked)}
    if unknown:
        raise ValueError(f"Pictures of no prediction: {sorted(unknown)}.")
    shown = []
    for one in asked:
        shown += [s for s in slides if s.get("before") == one["name"]]
        shown += [{**one, "kind": "question"}, {**one, "kind": "answer"}]
        shown += [s for s in slides if s.get("after") == one["name"]]
    return [*shown, *(s for s in slides if not {"before", "after"} & set(s))]


def promised(notebook: Path) -> str:
    """The minutes that the notebook's first cell promises a student."""
    text = nbformat.read(notebook, as_version=4).cells[0].source
    found = re.search(r"^\*(\d+ min.*?)\. Needs: (.*?)\.?\*", text, re.M | re.S)
    needs = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", found[2])
    return f"For a student alone: {found[1]}. Needs: {needs}."


# --- pictures -------------------------------------------------------------------------


@cache
def columns_and_student() -> tuple[dict, torch.Tensor]:
    """The test images with the teacher's answers; those of 02's student on labels."""
    teacher, _ = load_teacher(course_dataset())
    columns = course_images("test")
    columns["teacher_logits"] = predict(teacher, columns["images"])
    student = build_model("mlp", widths=[64], seed=0)
    adam = torch.optim.Adam(student.parameters(), lr=1e-3)
    fit(student, course_images("fit"), label_loss, adam, epochs=5, progress=False)
    return columns, predict(student, columns["images"])


def explorers_of(home: str) -> dict[str, object]:
    """{name: how it is made}, of real images and answers."""
    made = import_module(f"lessons.{home}.test_lesson").explorers
    return made(*columns_and_student())


def values_at(panel, asked: dict) -> dict[str, object]:
    """All controls, as asked for or as they are. Raises ValueError for unknown ones."""
    values = {}
    for name, control in panel.controls.items():
        values[name] = asked.get(name, control.value)
        options = [o[1] if isinstance(o, tuple) else o for o in offered(control)]
        if options and values[name] not in options:
            raise ValueError(f"{name} takes one of {options}, got {values[name]!r}.")
    if unknown := set(asked) - set(values):
        raise ValueError(f"No control {sorted(unknown)}; there are {sorted(values)}.")
    return values


def offered(control) -> tuple:
    """The options of a menu or of a slider over options."""
    return tuple(getattr(control, "options", ()) or ())


def slide(panel, picture: dict) -> dict:
    """The picture as SVG and its sentence, at the controls of the guide."""
    sys.path.insert(0, str(ROOT / "settings"))
    from still_pictures import png

    figure, sentence = panel.look(values_at(panel, picture.get("controls", {})))
    if figure is None:
        raise ValueError(f"{picture['explorer']} refuses: {sentence}")
    drawn = png(sent(figure), "svg")
    address = "data:image/svg+xml;base64," + base64.b64encode(drawn).decode()
    return {**picture, "svg": drawn, "sentence": sentence, "address": address}


def sent(figure: object) -> dict:
    """The figure as the browser gets it: plain lists."""

    def plain(value: object) -> object:
        return value.tolist() if hasattr(value, "tolist") else list(value)

    return json.loads(json.dumps(plain_figure(figure), default=plain))


# --- pages ----------------------------------------------------------------------------


def lesson(notebook: Path) -> dict | None:
    """All that the page of a lesson shows; None if it has no guide.toml."""
    home = home_of(notebook)
    guide = guide_of(home)
    if guide is None:
        return None
    guide = with_numbers(guide)
    words = load_words(home / "words.toml")
    tasks = import_module(f"lessons.{home.name}.exercises").TASKS
    made = explorers_of(home.name) if guide.get("picture") else {}
    title = nbformat.read(notebook, as_version=4).cells[0].source.splitlines()[0]
    asked = predictions(words, guide, found_on_the_page(notebook))
    slides = [
        slide(made[picture["explorer"]](), picture)
        for picture in guide.get("picture", [])
    ]
    return {
        **guide,
        "home": home.name,
        "title": title.lstrip("# "),
        "promised": promised(notebook),
        "plan": {length: timed(steps) for length, steps in guide["plan"].items()},
        "predict": asked,
        "number": [told(number) for number in guide.get("number", [])],
        "exercises": {name: list(task.mistakes) for name, task in tasks.items()},
        "dataset": course_dataset(),
        "slides": slides,
        "deck": deck(asked, slides),
    }


def write(folder: Path, notebooks: list[Path]) -> list[str]:
    """Pages and slides of these notebooks; the names of those without a guide."""
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    made, missing = [], []
    for notebook in notebooks:
        told_of = lesson(notebook)
        if told_of is None:
            missing.append(notebook.stem)
            continue
        made.append(told_of)
        pages = {"page": f"{told_of['home']}.html"}
        if told_of["slides"]:
            pages["slides"] = f"{told_of['home']}-slides.html"
        for template, name in pages.items():
            html = PAGES.get_template(f"{template}.html.j2").render(**told_of)
            (folder / name).write_text(html, encoding="utf-8")
        for number, one in enumerate(told_of["slides"], start=1):
            name = f"{told_of['home']}-{number}-{one['explorer'].split(',')[0]}.svg"
            (folder / "slides" / name).write_bytes(one["svg"])
    html = PAGES.get_template("index.html.j2").render(made=made)
    (folder / "index.html").write_text(html, encoding="utf-8")
    return missing


def main() -> None:
    """Write them, and say what is there and what is not."""
    parser = argparse.ArgumentParser(prog="python -m teaching.guide")
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="such as 02 05")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "guide")
    asked = parser.parse_args()
    chosen = [n for n in ALL if not asked.notebooks or n.stem[:2] in asked.notebooks]
    if not chosen:
        sys.exit(
            f"No notebook of {asked.notebooks}; there are {[n.stem for n in ALL]}."
        )
    missing = write(asked.to, chosen)
    print(f"The guide of {len(chosen) - len(missing)} lessons: {asked.to}/index.html")
    if missing:
        print(f"Without a guide.toml, so left out: {', '.join(missing)}.")


if __name__ == "__main__":
    main()
