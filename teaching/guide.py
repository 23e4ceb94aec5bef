"""The instructor's guide: a page for each lesson, and slides of its key pictures.

    python -m teaching.guide [02 05 ...] [--to build/guide]

Words come from a lesson's guide.toml (guide_toml.py has its format), numbers from
stored runs (data/results), choices and bounds from its words.toml, hints from its
exercises, pictures from its explorers (slides.py). What was measured on a page is added
where `make site` has run it.
"""

import argparse
import re
import sys
from html import escape
from importlib import import_module
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from kdlab.data import course_dataset
from kdlab.exercises import load_words
from teaching.executed import ALL, KEPT, ROOT, fingerprint, home_of
from teaching.guide_toml import guide_of, told, with_numbers
from teaching.slides import SPOKEN, deck, pictures_of
from teaching.widgets import saved_models

HERE = Path(__file__).with_name("guide")
NO_MNIST = (
    "Warning: images and nets on pages and slides are scikit-learn's digits, as they "
    "say: MNIST is missing, or KDLAB_DATASET asks for the digits."
)


def in_html(text: str) -> Markup:
    """Words of a guide.toml: *emphasis* and `code`, all else as it is."""
    safe = escape(" ".join(text.split()), quote=False)
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    return Markup(re.sub(r"\*([^*\s][^*]*)\*", r"<em>\1</em>", safe))


PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=True)
PAGES.filters["words"] = in_html
PAGES.globals["css"] = Markup((HERE / "guide.css").read_text(encoding="utf-8"))


# --- words ----------------------------------------------------------------------------


def timed(steps: list[dict]) -> list[dict]:
    """The steps of a plan with the minute in which each begins."""
    starts = [sum(s["minutes"] for s in steps[:n]) for n in range(len(steps))]
    return [{**step, "start": at} for step, at in zip(steps, starts, strict=True)]


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
        said += f" In the run kept here, on {SPOKEN[course_dataset()]}: {measured}."
    return {"right": asked.get("answer", ours.get("usual")), "decided": said}


def promised(notebook: Path) -> str:
    """The minutes that the notebook's first cell promises a student."""
    text = nbformat.read(notebook, as_version=4).cells[0].source
    found = re.search(r"^\*(\d+ min.*?)\. Needs: (.*?)\.?\*", text, re.M | re.S)
    needs = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", found[2])
    return f"For a student alone: {found[1]}. Needs: {needs}."


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
    title = nbformat.read(notebook, as_version=4).cells[0].source.splitlines()[0]
    asked = predictions(words, guide, found_on_the_page(notebook))
    slides = pictures_of(home.name, guide)
    return {
        **guide,
        "home": home.name,
        "title": title.lstrip("# "),
        "promised": promised(notebook),
        "plan": {length: timed(steps) for length, steps in guide["plan"].items()},
        "predict": asked,
        "number": [told(number) for number in guide.get("number", [])],
        "exercises": {name: list(task.mistakes) for name, task in tasks.items()},
        "slides": slides,
        "deck": deck(asked, slides),
    }


def write(folder: Path, notebooks: list[Path]) -> list[str]:
    """Pages and slides of these notebooks; the names of those without a guide."""
    made, missing = [], []
    for notebook in notebooks:
        try:
            told_of = lesson(notebook)
        except ValueError as error:
            raise ValueError(f"{notebook.stem}: {error}") from error
        if told_of is None:
            missing.append(notebook.stem)
            continue
        made.append(told_of)
        write_lesson(folder, told_of)
    html = PAGES.get_template("index.html.j2").render(made=made)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(html, encoding="utf-8")
    return missing


def write_lesson(folder: Path, told_of: dict) -> None:
    """The page of a lesson, its slides, and each picture of them."""
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    home, slides = told_of["home"], told_of["slides"]
    pages = {"page": f"{home}.html"}
    if slides:
        pages["slides"] = f"{home}-slides.html"
    for template, name in pages.items():
        html = PAGES.get_template(f"{template}.html.j2").render(**told_of)
        (folder / name).write_text(html, encoding="utf-8")
    for number, one in enumerate(slides, start=1):
        name = f"{home}-{number}-{one['explorer'].split(',')[0]}.svg"
        (folder / "slides" / name).write_bytes(one["svg"])


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
    try:
        missing = write(asked.to, chosen)
    except ValueError as error:  # of a guide.toml, mostly: its words suffice
        sys.exit(str(error))
    print(f"The guide of {len(chosen) - len(missing)} lessons: {asked.to}/index.html")
    if missing:
        print(f"Without a guide.toml, so left out: {', '.join(missing)}.")
    if course_dataset() != "mnist":
        print(NO_MNIST, file=sys.stderr)


if __name__ == "__main__":
    main()
