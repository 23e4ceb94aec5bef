"""Notebooks that were run for the site, kept until something they depend on changes."""

import hashlib
import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS, KEPT = ROOT / "notebooks", ROOT / "build" / "executed"
ALL = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
PREPARE = f"""import sys
sys.path.append({str(ROOT)!r})
from teaching import tables
tables.tabulate_all()"""
FINISH = "await tables.finish()"
TIMEOUT = 1800  # seconds a cell may take: a table of many slow pictures, on one core


def home_of(notebook: Path) -> Path:
    """The folder of its lesson."""
    return NOTEBOOKS / "lessons" / notebook.stem[3:]


def reads(notebook: Path) -> list[Path]:
    """The files that decide what it shows: code, words, stored runs and weights."""
    home, lessons, data = home_of(notebook), NOTEBOOKS / "lessons", ROOT / "data"
    places = [ROOT / "kdlab", home, data / "results", data / "weights"]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    files += [notebook, Path(__file__).with_name("tables.py"), *lessons.glob("*.py")]
    read_anew = {".pyc", ".js", ".css"}  # scripts and styles: each time a page is made
    return sorted(file for file in files if file.suffix not in read_anew)


def fingerprint(notebook: Path) -> str:
    """Changes whenever the notebook would have to be run again."""
    told = hashlib.sha256(os.environ.get("KDLAB_DATASET", "").encode())
    for path in reads(notebook):
        told.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return told.hexdigest()[:16]


def run(notebook: Path) -> NotebookNode:
    """A copy, run from top to bottom; raises CellExecutionError."""
    copy = nbformat.read(notebook, as_version=4)
    copy.cells = [new_code_cell(PREPARE), *copy.cells, new_code_cell(FINISH)]
    where = {"metadata": {"path": str(NOTEBOOKS)}}
    client = NotebookClient(
        copy, timeout=TIMEOUT, kernel_name="python3", resources=where
    )
    client.execute(env={**os.environ, "KDLAB_PROGRESS": "off"})
    copy.cells = copy.cells[1:-1]
    for output in (o for cell in copy.cells for o in cell.get("outputs", [])):
        if "text" in output:
            output["text"] = without_places(output["text"])
    return copy


def without_places(text: str) -> str:
    """What was printed, without this machine's folders: pages are for everybody."""
    data = os.environ.get("KDLAB_DATA")
    named = {data: Path(data).name} if data else {}
    for place, name in {**named, str(ROOT): ".", str(Path.home()): "~"}.items():
        text = re.sub(rf"{re.escape(place.rstrip('/'))}(?![\w-])", name, text)
    return text


def executed(notebook: Path, kept: Path = KEPT) -> NotebookNode:
    """The notebook with its outputs: as kept in this folder, or else run now."""
    file = kept / f"{notebook.stem}-{fingerprint(notebook)}.ipynb"
    if file.exists():
        return nbformat.read(file, as_version=4)
    print(f"running {notebook.name}", flush=True)
    done = run(notebook)
    kept.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    nbformat.write(done, unfinished)
    for old in kept.glob(f"{notebook.stem}-*.ipynb"):
        old.unlink()
    unfinished.replace(file)
    return done
