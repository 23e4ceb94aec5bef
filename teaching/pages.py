"""The pages of the site: a notebook that was run, a program, the map of the course."""

import json
import os
import re
from html import unescape
from pathlib import Path

import latex2mathml.converter
from jinja2 import Environment, FileSystemLoader
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from teaching import widgets
from teaching.executed import NOTEBOOKS, ROOT

HERE = Path(__file__).with_name("site")
SHOWN = {
    "temperature": 4.0,
    "image_number": 14,
}  # the digit of data/pictures/explorer.png
FORGETS = "These pages forget your answers when you leave."
IN_JUPYTER = {  # of a paragraph, what only Jupyter has: what a page says in its place
    r"^.*`progress\.json`.*$": f"In Jupyter this map shows how far you are. {FORGETS}",
    r"^.* frees its memory\b.*$": FORGETS,
    r"^.*Kernel → Shut Down Kernel.*$": "",
    r" \(Many kernels open\?.*\)$": "",
    r"^## Exercises$": (
        "## Exercises\n\nTo fill these in, [open this notebook in Jupyter]"
        "(index.html#jupyter). Here you can read the task and one way to solve it."
    ),
}
PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=False)


# --- words ----------------------------------------------------------------------------


class Words(IPythonRenderer):
    """Markdown for a page: formulas as MathML, links to pages, places to go to."""

    def inline_math(self, body: str) -> str:
        """A formula within a line."""
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        """A formula on lines of its own."""
        return f'<div class="formula">{mathml(body, "block")}</div>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link; to a notebook or a program, to the page that is made of it."""
        return super().link(text, page_address(url), title)

    def heading(self, text: str, level: int, **attrs: object) -> str:
        """A heading that can be gone to."""
        return f'<h{level} id="{place_name(text)}">{text}</h{level}>\n'

    def table(self, text: str) -> str:
        """A table that scrolls where it is too wide."""
        return f'<div class="wide"><table>{text}</table></div>\n'


LOOKS = {  # what latex2mathml writes: what browsers draw well
    r"<mi>(ln|log|exp|max|min)</mi>": (
        r'<mo lspace="0.17em" rspace="0.17em" form="infix">\1</mo>'
    ),
    r"<mo>&#x0005E;</mo>": '<mo stretchy="false">&#x002C6;</mo>',  # a hat
    r'<mover>(<mi>[^<]*</mi>)<mo stretchy="true">&#x000AF;': (  # a bar
        r'<mover accent="true">\1<mo stretchy="false">&#x000AF;'
    ),
}


def mathml(formula: str, display: str) -> str:
    """LaTeX as MathML: room around names of functions, hats and bars in place."""
    made = latex2mathml.converter.convert(formula, display=display)
    for written, drawn in LOOKS.items():
        made = re.sub(written, drawn, made)
    return made


def place_name(html: str) -> str:
    """A heading as the end of an address."""
    words = unescape(re.sub("<[^>]*>", "", html)).lower()
    return re.sub(r"[^\w]+", "-", words).strip("-")


def page_address(url: str) -> str:
    """Where a link of a notebook leads on the site."""
    path, mark, place = url.partition("#")
    if "://" in url or not path.endswith((".ipynb", ".py")):
        return url
    if path.endswith(".ipynb"):
        return Path(path).with_suffix(".html").name + mark + place
    return code_page_name((NOTEBOOKS / path).resolve())


def code_page_name(file: Path) -> str:
    """The page of a program that a notebook links to."""
    return str(file.relative_to(ROOT)).replace("/", "-").removesuffix(".py") + ".html"


def to_html(markdown: str) -> str:
    """A text of a notebook or of the README."""
    return MarkdownWithMath(renderer=Words(escape=False)).render(markdown)


class Exporter(HTMLExporter):
    """A notebook's cells as HTML, by the template of the site."""

    raw_template = (HERE / "notebook.html.j2").read_text(encoding="utf-8")

    def markdown2html(self, source: str) -> str:
        """Markdown by the site's own renderer."""
        return to_html(source)


# --- what a page leaves out, and what it folds ----------------------------------------


def leave_out(notebook: NotebookNode) -> None:
    """Say what a page is, where the notebook speaks of what only Jupyter has."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            told = cell.source.split("\n\n")
            for of_jupyter, words in IN_JUPYTER.items():
                told = [re.sub(of_jupyter, words, one, flags=re.S) for one in told]
            cell.source = "\n\n".join(told)
        for output in cell.get("outputs", []):
            if "text" in output:  # of an exercise, which nobody could attempt here
                output.text = re.sub("(?m)^Not attempted yet:.*\n?", "", output.text)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("text") != ""]


def fold(notebook: NotebookNode, models: dict[str, dict]) -> None:
    """Mark all that is put out between a prediction and its result: it may tell it.

    `after` of such an output: the ids of the results that must be open before it is.
    """
    shown = widgets.views(notebook)
    to_come = [one for one in shown if models.get(one, {}).get("kind") == "result"]
    waiting = []
    for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
        view = output.get("data", {}).get(widgets.VIEW, {}).get("model_id")
        kind = models.get(view, {}).get("kind")
        if kind == "prediction":
            named = widgets.REFERENCE + view
            waiting += [one for one in to_come if models[one]["prediction"] == named]
        elif kind == "result":
            waiting = [one for one in waiting if one != view]
            to_come.remove(view)
        elif kind != "quiz" and waiting:
            output["after"] = " ".join(waiting)


# --- pages ----------------------------------------------------------------------------


def title_of(notebook: NotebookNode) -> str:
    """`02 · Temperature`: the notebook's first line."""
    return notebook.cells[0].source.partition("\n")[0].removeprefix("# ")


def question_of(notebook: NotebookNode) -> str:
    """The question that it asks."""
    found = re.search(r"\*\*Question\.\*\* ([^\n]*)", notebook.cells[0].source)
    return found[1].replace("$", "") if found else title_of(notebook)


def sections_of(html: str) -> list[list[str]]:
    """[[place, heading], ...] of a page's sections."""
    return re.findall(r'<h2 id="([^"]*)">(.*?)</h2>', html)


def page(content: str, title: str, **more: object) -> str:
    """The whole page; `more`: description, models, and the pages around it."""
    told = {"content": content, "title": title, "description": title, **more}
    return PAGES.get_template("page.html.j2").render(**told)


def notebook_page(notebook: NotebookNode, around: list) -> str:
    """The page of a notebook that was run."""
    models = widgets.page_models(notebook)
    notebook = widgets.with_stills(notebook, set(models))
    leave_out(notebook)
    fold(notebook, models)
    html, _ = Exporter().from_notebook_node(notebook)
    html = re.sub(r'href="([^":]+)"', lambda m: f'href="{page_address(m[1])}"', html)
    return page(
        html,
        title_of(notebook),
        description=question_of(notebook),
        sections=sections_of(html),
        around=around,
        models=as_script(models),
    )


def code_page(file: Path, back: tuple[str, str]) -> str:
    """A program that a notebook links to; `back`: that notebook's page and title."""
    code = highlight(file.read_text("utf-8"), PythonLexer(), HtmlFormatter())
    name = str(file.relative_to(ROOT))
    top = f'<p class="back"><a href="{back[0]}">← {back[1]}</a></p><h1>{name}</h1>'
    more = {"around": [("prev", *back)]}
    return page(f'{top}<div class="code">{code}</div>', name, **more)


def text_of_readme() -> str:
    """The course's first page; on GitHub, which names it, with the true repository."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.replace(
        named := repository(text), os.getenv("GITHUB_REPOSITORY", named)
    )


def repository(readme: str) -> str:
    """The owner and the name of the repository, of the address of Binder."""
    return re.search(r"mybinder\.org/v2/gh/([^/]+/[^/]+)/", readme)[1]


def readme() -> tuple[str, list[list[str]]]:
    """What the README says first, and the rows of its table of notebooks."""
    text = text_of_readme()
    intro = re.sub(r"^\[!\[.*$", "", text.partition("\n## ")[0], flags=re.M)
    rows = re.findall(
        r"^\| \[(\d\d · [^\]]*)\]\(notebooks/(.*?)\) \| (.*) \|$", text, re.M
    )
    return intro, [[name, file, *rest.split(" | ")] for name, file, rest in rows]


def start_page(models: dict[str, dict] | None = None) -> str:
    """The map of the course, of the README's own words; its picture answers, too.

    `models`: those of the page of 02, whose first explorer the README shows.
    """
    intro, rows = readme()
    intro = intro.replace("# kdlab", "# A course on knowledge distillation")
    shown = to_html(intro.replace("data/pictures/", "assets/"))
    panel = next(
        (i for i, m in (models or {}).items() if m["widget"] == "column"), None
    )
    if panel:
        place = (
            "<p>These are the teacher's ten probabilities for one digit. Drag the "
            'slider: which digits come up?</p><div class="output">'
            f'<div class="widget" data-model="{panel}"></div></div>'
        )
        shown = re.sub(r"<p><img .*?</p>", place, shown, flags=re.S)
    cards = [
        {"address": page_address(file), "name": name, "minutes": minutes}
        | {"question": to_html(question), "seen": to_html(seen)}
        for name, file, question, minutes, seen in rows
    ]
    text = text_of_readme()
    launch = re.search(r"\]\((https://mybinder.org/v2[^)]*)\)", text)[1]
    told = {"intro": shown, "cards": cards, "launch": launch, "forgets": FORGETS}
    told["home"] = f"https://github.com/{repository(text)}"
    content = PAGES.get_template("start.html.j2").render(**told)
    kept = moved(widgets.within(panel, models)) if panel else {}
    return page(
        content,
        "Knowledge distillation",
        description="A course in which you watch knowledge distillation happen",
        models=as_script(kept) if kept else "",
    )


def moved(models: dict[str, dict]) -> dict[str, dict]:
    """The same explorer, with the controls where SHOWN says."""
    picture = next(model for model in models.values() if "controls" in model)
    told = dict(models)
    for name, reference in picture["controls"].items():
        one = reference.removeprefix("IPY_MODEL_")
        places = models[one].get("places") or range(len(models[one]["names"]))
        value = min(places, key=lambda place: abs(place - SHOWN[name]))
        told[one] = {**models[one], "value": value}
    return told


def as_script(models: dict[str, dict]) -> str:
    """Models as JSON that may stand in a page's script."""
    return json.dumps(models, separators=(",", ":")).replace("<", r"\u003c")


def linked_code(notebook: Path) -> list[Path]:
    """The programs that a notebook links to."""
    links = re.findall(r"\]\(([^)\s]*\.py)\)", notebook.read_text(encoding="utf-8"))
    return [(NOTEBOOKS / link).resolve() for link in links if "://" not in link]
