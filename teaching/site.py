"""The course as pages to read: `make site` writes build/site.

    python -m teaching.site                          # all notebooks
    python -m teaching.site 02 05 --to /some/folder  # some of them

Each notebook is run once (`executed`) and becomes one page (`pages`). Its explorers
still answer: their tables are in the page, and the course's own scripts draw them
(`widgets`, `site/site.js`). No page asks another host for anything, and none is larger
than LARGEST: the command fails if that does not hold.
"""

import argparse
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import nbformat
import plotly
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from nbformat import NotebookNode

from teaching import widgets
from teaching.executed import ALL, ROOT, executed
from teaching.pages import (
    HERE,
    code_page,
    code_page_name,
    linked_code,
    notebook_page,
    start_page,
    title_of,
)

SITE = ROOT / "build" / "site"
LARGEST = 3_000_000  # bytes of a page
ITALIC = *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)  # letters within <mi>

# --- what all pages share -------------------------------------------------------------


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
    home = Path(find_spec("ziamath").origin).parent
    font = TTFont(home / "fonts/STIXTwoMath-Regular.ttf")
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


class Read(HTMLParser):
    """What a page loads, where it leads, and its pictures without words."""

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
        loading = ["src", "srcset", "poster", "data", "xlink:href"]
        loading += [] if tag == "a" else ["href"]
        self.loads += [given[name] for name in loading if given.get(name)]
        self.leads += [given["href"]] if tag == "a" and "href" in given else []


def complaints(folder: Path) -> list[str]:
    """All that is wrong with the pages in this folder, in words."""
    files = sorted(folder.glob("*.html"))
    pages = {file.name: Read(file.read_text(encoding="utf-8")) for file in files}
    pages |= {f"{n.stem}.html": None for n in ALL if f"{n.stem}.html" not in pages}
    found = [
        f"{file.name} has {file.stat().st_size:,} bytes, at most {LARGEST:,} may be."
        for file in files
        if file.stat().st_size > LARGEST
    ]
    for file in files:
        found += [f"{file.name} {wrong}" for wrong in faults(file, pages)]
    for style in folder.glob("assets/*.css"):
        for address in re.findall(r"url\(([^)]*)\)|@import", style.read_text("utf-8")):
            if not (style.parent / (address or "?")).exists():
                found.append(f"{style.name} loads {address}, which is not there.")
    return found


def faults(file: Path, pages: dict[str, Read | None]) -> list[str]:
    """What is wrong with one page; `pages`: all by name, None where it is not built."""
    read, found = pages[file.name], []
    if read.wordless:
        found.append(f"has {read.wordless} pictures without words (alt).")
    for address in read.loads:
        if re.match(r"(\w+:)?//", address):
            found.append(f"asks another host: {address[:80]}")
        elif not address.startswith("data:") and not (file.parent / address).exists():
            found.append(f"loads {address}, which is not there.")
    for address in read.leads:
        name, _, place = address.partition("#")
        if ":" in name:  # another site: the reader may go there
            continue
        known = (name or file.name) in pages
        there = pages.get(name or file.name)  # None: a notebook's, not built this time
        if not known or (place and there and place not in there.places):
            found.append(f"leads to {address}, which is not there.")
    return found


# --- the command ----------------------------------------------------------------------


def build(done: dict[Path, NotebookNode], folder: Path) -> list[str]:
    """Write the pages of notebooks that were run; what no page can draw, in words."""
    told, modules, shown = [], set(), {}
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, html: str) -> None:
        (folder / name).write_text(html, encoding="utf-8")

    for file, notebook in done.items():
        models = widgets.page_models(notebook)
        shown |= {file.stem: models}
        modules |= {m["module"] for m in models.values() if m["widget"] == "module"}
        for names in widgets.unknown(notebook).values():
            told.append(f"{file.stem}: a still stands for {', '.join(names)}.")
        write(f"{file.stem}.html", notebook_page(notebook, around(file)))
        for source in linked_code(file):
            write(code_page_name(source), code_page(source, page_and_title(file)))
    write("index.html", start_page(shown.get("02_temperature")))
    write_assets(folder / "assets", sorted(modules))
    pages = [file.read_text(encoding="utf-8") for file in folder.glob("*.html")]
    write_font(folder / "assets/math.woff", pages)
    return told


def around(file: Path) -> list[tuple[str, str, str]]:
    """(relation, page, title) before and after this notebook's."""
    pages = [("index.html", "Start"), *map(page_and_title, ALL), None]
    if file not in ALL:
        return [("prev", *pages[0])]
    at = pages.index(page_and_title(file))
    both = zip(("prev", "next"), (pages[at - 1], pages[at + 1]), strict=True)
    return [(relation, *there) for relation, there in both if there]


def page_and_title(file: Path) -> tuple[str, str]:
    """The page of a notebook, and what it is called."""
    return f"{file.stem}.html", title_of(nbformat.read(file, as_version=4))


def main() -> None:
    """Build the site, and say what it weighs and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="numbers, such as 02; all if none")
    parser.add_argument("--to", type=Path, default=SITE, help="the folder to write to")
    asked = parser.parse_args()
    chosen = [n for n in ALL if not asked.notebooks or n.name[:2] in asked.notebooks]
    told = build({notebook: executed(notebook) for notebook in chosen}, asked.to)
    for file in sorted(asked.to.glob("*.html")):
        print(f"{file.stat().st_size / 1e6:6.2f} MB  {file.name}")
    whole = sum(file.stat().st_size for file in asked.to.rglob("*") if file.is_file())
    print(f"{whole / 1e6:6.2f} MB  in all; open {asked.to / 'index.html'}")
    wrong = complaints(asked.to)
    print("\n".join(told + wrong), end="\n" * bool(told + wrong))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
