"""The claims of the notebooks: what their marked cells print, on every machine.

Notebooks are stored without any output, for a stored one would tell the answer of a
prediction. What a claim must print stands in claims.json of its lesson, by the id of
its cell. Tests run copies with that text put in, which nbval compares.

    python tests/claims.py    # run all notebooks, and store what their claims print
"""

import json
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
ALL = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
CLAIM = "nbval-check-output"


def home_of(notebook: Path) -> Path:
    """The folder of its lesson: that of 02_temperature.ipynb is lessons/temperature."""
    return NOTEBOOKS / "lessons" / notebook.stem[3:]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Those that are run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_claim(cell: NotebookNode) -> bool:
    """Whether nbval compares what this cell prints."""
    return CLAIM in cell.metadata.get("tags", [])


def printed(cell: NotebookNode) -> str:
    """The text of a cell's outputs, joined: what is streamed may arrive in pieces."""
    outputs = [
        o.get("text") or o.get("data", {}).get("text/plain") for o in cell.outputs
    ]
    return "".join(text for text in outputs if text)


def claims_of(notebook: Path) -> dict[str, str]:
    """{id of a cell: what it must print}."""
    stored = json.loads((home_of(notebook) / "claims.json").read_text(encoding="utf-8"))
    return {name: "".join(f"{x}\n" for x in lines) for name, lines in stored.items()}


def with_claims(notebook: NotebookNode, claims: dict[str, str]) -> NotebookNode:
    """A copy that holds what its claims must print, for nbval."""
    copy = nbformat.from_dict(notebook)
    for number, cell in enumerate(code_cells(copy), start=1):
        cell.execution_count = number  # without one nbval compares nothing
        if is_claim(cell):
            text = claims[cell.id]
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    return copy


def write_copies(folder: Path) -> None:
    """All notebooks with their claims."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in ALL:
        stored = nbformat.read(path, as_version=4)
        nbformat.write(with_claims(stored, claims_of(path)), folder / path.name)


def run(notebook: NotebookNode, **options: object) -> NotebookNode:
    """A copy, run in a new kernel; raises at the first cell that fails."""
    copy = nbformat.from_dict(notebook)
    for cell in code_cells(copy):
        cell.outputs = []
    where = {"metadata": {"path": str(NOTEBOOKS)}}
    client = NotebookClient(copy, timeout=600, kernel_name="python3", resources=where)
    return client.execute(**options)


def store(notebook: Path) -> None:
    """Run a notebook and write what its claims print; strip what JupyterLab saved."""
    stored = nbformat.read(notebook, as_version=4)
    done = run(stored)
    claims = {c.id: printed(c).splitlines() for c in done.cells if is_claim(c)}
    text = json.dumps(claims, indent=1, ensure_ascii=False)
    (home_of(notebook) / "claims.json").write_text(text + "\n", encoding="utf-8")
    for cell in code_cells(stored):
        cell.outputs, cell.execution_count = [], None
    stored.metadata = {"kernelspec": stored.metadata.kernelspec}
    nbformat.write(stored, notebook)


if __name__ == "__main__":
    for path in ALL:
        print(f"running {path.name}", flush=True)
        store(path)
