"""The course as pages to read: `make site` writes build/site.

    python -m teaching.site                        # all notebooks
    python -m teaching.site 02 05 --to /some/folder  # some of them

Each notebook is run once (`executed`) and becomes one page. Its explorers still answer:
their tables are in the page, and the course's own scripts draw them (`widgets.py`,
`site/site.js`). No page asks another host for anything, and none is larger than LARGEST.
"""

import argparse
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import latex2mathml.converter
import nbformat
import plotly
import ziamath
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from jinja2 import Environment, FileSystemLoader
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from teaching import widgets
from teaching.executed import ALL, NOTEBOOKS, ROOT, executed

HERE, SITE = Path(__file__).with_name("site"), ROOT / "build" / "site"
ITALIC = *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)  # letters within <mi>
LARGEST = 3_000_000  # bytes of a page
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


def mathml(formula: str, display: str) -> str:
    """LaTeX as MathML, with room around the names of functions."""
    made = latex2mathml.converter.convert(formula, display=display)
    room = r'<mo lspace="0.17em" rspace="0.17em" form="infix">\1</mo>'
    return re.sub(r"<mi>(ln|log|exp|max|min)</mi>", room, made)


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
    html, _ = Exporter().from_notebook_node(notebook)
    return page(
        html,
        title_of(notebook),
        description=question_of(notebook),
        sections=sections_of(html),
        around=around,
        models=json.dumps(models, separators=(",", ":")).replace("<", r"\u003c"),
    )


def code_page(file: Path) -> str:
    """A program that a notebook links to."""
    code = highlight(file.read_text("utf-8"), PythonLexer(), HtmlFormatter())
    name = str(file.relative_to(ROOT))
    return page(f'<h1>{name}</h1><div class="code">{code}</div>', name)


def readme() -> tuple[str, list[list[str]]]:
    """What the README says first, and the rows of its table of notebooks."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    intro = re.sub(r"^\[!\[.*$", "", text.partition("\n## ")[0], flags=re.M)
    rows = re.findall(
        r"^\| \[(\d\d · [^\]]*)\]\(notebooks/(.*?)\) \| (.*) \|$", text, re.M
    )
    return intro, [[name, file, *rest.split(" | ")] for name, file, rest in rows]


def start_page() -> str:
    """The map of the course, of the README's own words."""
    intro, rows = readme()
    intro = intro.replace("data/pictures/", "assets/").replace(
        "# kdlab", "# A course on knowledge distillation"
    )
    cards = [
        {"address": page_address(file), "name": name, "texts": [*map(to_html, texts)]}
        for name, file, *texts in rows
    ]
    content = PAGES.get_template("start.html.j2").render(
        intro=to_html(intro), cards=cards
    )
    return page(content, "Knowledge distillation", description="An interactive course")


def script_of(name: str) -> str:
    """A widget's module as a plain script, so that it runs from a file, too."""
    code, exports = re.subn(
        r"^export default ", "return ", str(widgets.module_of(name)._esm), flags=re.M
    )
    if exports != 1 or re.search(r"^import ", code, flags=re.M):
        raise ValueError(
            f"{name}: a page takes scripts with one `export default` and no import."
        )
    return f'kdlabModules["{name}"] = (() => {{\n"use strict";\n{code}\n}})();\n'


def write_font(file: Path, pages: list[str]) -> None:
    """The mathematical font that ziamath brings, with the letters of these pages.

    Without such a font, as on many phones, a browser puts exponents too high.
    """
    formulas = "".join(re.findall("<math.*?</math>", "".join(pages), flags=re.S))
    italic = "".join(map(chr, ITALIC))
    font = TTFont(Path(ziamath.__file__).parent / "fonts/STIXTwoMath-Regular.ttf")
    subsetter = Subsetter()
    subsetter.populate(text=unescape(re.sub("<[^>]*>", "", formulas)) + italic)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(file)


def write_assets(folder: Path, modules: list[str]) -> None:
    """What all pages share: plotly.js, and the scripts and styles of all widgets."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(plotly.__file__).parent / "package_data/plotly.min.js", folder)
    shutil.copy(ROOT / "data/pictures/explorer.png", folder)
    for name in ("site.js", "site.css"):
        shutil.copy(HERE / name, folder)
    scripts = "const kdlabModules = {};\n" + "".join(map(script_of, modules))
    (folder / "widgets.js").write_text(scripts, encoding="utf-8")
    styles = dict.fromkeys(str(widgets.module_of(name)._css) for name in modules)
    (folder / "widgets.css").write_text("\n".join(styles), encoding="utf-8")


# --- what must hold -------------------------------------------------------------------


class Links(HTMLParser):
    """What a page loads, where it leads, and pictures without words."""

    def __init__(self, html: str):
        """Read the page."""
        super().__init__()
        self.loads, self.leads, self.places, self.wordless = [], [], set(), 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Note what this element asks for."""
        given = dict(attrs)
        self.places.add(given.get("id"))
        self.wordless += tag == "img" and not given.get("alt")
        loading = [
            "src",
            "srcset",
            "poster",
            "data",
            *["href"] * (tag in ("link", "image", "use")),
        ]
        self.loads += [given[name] for name in loading if given.get(name)]
        self.leads += [given["href"]] if tag == "a" and "href" in given else []


def complaints(folder: Path) -> list[str]:
    """All that is wrong with the pages in this folder, in words."""
    pages = {
        file.name: Links(file.read_text("utf-8")) for file in folder.glob("*.html")
    }
    found = []
    for name, links in sorted(pages.items()):
        size = (folder / name).stat().st_size
        if size > LARGEST:
            found.append(f"{name} has {size:,} bytes, at most {LARGEST:,} are allowed.")
        if links.wordless:
            found.append(f"{name}: {links.wordless} pictures without words (alt).")
        for address in links.loads:
            if re.match(r"(\w+:)?//", address):
                found.append(f"{name} asks another host: {address[:80]}")
            elif not address.startswith("data:") and not (folder / address).exists():
                found.append(f"{name} loads {address}, which is not there.")
        for address in links.leads:
            file, _, place = address.partition("#")
            there = pages.get(file or name)
            if ":" not in address and not (
                there and {place or None} <= there.places | {None}
            ):
                found.append(f"{name} leads to {address}, which is not there.")
    for style in folder.glob("assets/*.css"):
        for address in re.findall(r"url\(([^)]*)\)|@import", style.read_text("utf-8")):
            if not (style.parent / (address or "nothing")).exists():
                found.append(f"{style.name} loads {address}, which is not there.")
    return found


# --- the command ----------------------------------------------------------------------


def build(notebooks: list[Path], folder: Path) -> list[str]:
    """Write the site of these notebooks; what cannot be drawn, or is wrong, in words."""
    done = {file: executed(file) for file in notebooks}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.html"):
        old.unlink()
    told, modules = [], set()
    for file, notebook in done.items():
        models = widgets.page_models(notebook).values()
        modules |= {model["module"] for model in models if model["widget"] == "module"}
        for names in widgets.unknown(notebook).values():
            told.append(f"{file.stem}: a still stands for {', '.join(names)}.")
        html = notebook_page(notebook, around(file, notebooks))
        (folder / f"{file.stem}.html").write_text(html, encoding="utf-8")
        for source in linked_code(file):
            (folder / code_page_name(source)).write_text(code_page(source), "utf-8")
    (folder / "index.html").write_text(start_page(), encoding="utf-8")
    write_assets(folder / "assets", sorted(modules))
    pages = [file.read_text(encoding="utf-8") for file in folder.glob("*.html")]
    write_font(folder / "assets/math.woff", pages)
    return told


def linked_code(notebook: Path) -> list[Path]:
    """The programs that a notebook links to."""
    links = re.findall(r"\]\(([^)\s]*\.py)\)", notebook.read_text(encoding="utf-8"))
    return [(NOTEBOOKS / link).resolve() for link in links if "://" not in link]


def around(file: Path, notebooks: list[Path]) -> list:
    """The pages before and after this one."""
    pages = [("index.html", "Start"), *map(name_and_title, notebooks), None]
    at = pages.index(name_and_title(file))
    both = zip(("prev", "next"), (pages[at - 1], pages[at + 1]), strict=True)
    return [(rel, *there) for rel, there in both if there]


def name_and_title(file: Path) -> tuple[str, str]:
    """The page of a notebook, and what it is called."""
    return f"{file.stem}.html", title_of(nbformat.read(file, as_version=4))


def main() -> None:
    """Build the site, and say what it weighs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="numbers, such as 02; all if none")
    parser.add_argument("--to", type=Path, default=SITE)
    asked = parser.parse_args()
    chosen = [n for n in ALL if not asked.notebooks or n.name[:2] in asked.notebooks]
    told = build(chosen, asked.to)
    wrong = complaints(asked.to)
    for file in sorted(asked.to.glob("*.html")):
        print(f"{file.stat().st_size / 1e6:6.2f} MB  {file.name}")
    print("\n".join([*told, *wrong]))
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
