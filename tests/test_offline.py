"""Run all on a fresh clone without a network: every notebook passes, on digits.

Each notebook runs in a kernel that has an empty data folder and no network, though the
machine may have both: Python asks the hook below before it looks a name up or connects.
(The kernel and this test talk by ZeroMQ, which does not use Python's sockets.)
"""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.ipynb"))
CLAIM = "nbval-check-output"
WHY = "this test has no network"
NO_NETWORK = f"""
import sys

def allow_loopback_only(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        raise OSError("{WHY}")

sys.addaudithook(allow_loopback_only)
"""


@pytest.fixture
def data_folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path, data_folder):
    """That of a kernel; Python imports sitecustomize before anything else."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    paths = [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]
    forgotten = re.compile("KDLAB_.*|.*_proxy", re.IGNORECASE)
    kept = {k: v for k, v in os.environ.items() if not forgotten.fullmatch(k)}
    path = os.pathsep.join(filter(None, paths))
    return {**kept, "PYTHONPATH": path, "KDLAB_DATA": str(data_folder)}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_all(notebook, environment):
    """A copy with the outputs of a new kernel; raises at the first cell that fails."""
    copy = nbformat.from_dict(notebook)
    for cell in code_cells(copy):
        cell.outputs = []
    where = {"metadata": {"path": str(NOTEBOOKS[0].parent)}}
    client = NotebookClient(copy, timeout=120, kernel_name="python3", resources=where)
    return client.execute(env=environment)


def printed(cell):
    """The text of a cell's outputs, joined: what is streamed may arrive in pieces."""
    outputs = [
        o.get("text") or o.get("data", {}).get("text/plain") for o in cell.outputs
    ]
    return "".join(text for text in outputs if text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_passes_on_digits(path, environment, data_folder):
    stored = nbformat.read(path, as_version=4)
    code, done = code_cells(stored), code_cells(run_all(stored, environment))

    claims = [i for i, c in enumerate(code) if CLAIM in c.metadata.get("tags", [])]
    assert claims
    for i in claims:
        assert printed(done[i]) == printed(code[i])

    asking = next(cell for cell in done if "course_dataset()" in cell.source)
    said = [line for cell in done for line in printed(cell).splitlines()]
    (announcement,) = [line for line in said if line.startswith("Course dataset:")]
    assert announcement in printed(asking).splitlines()
    assert "digits" in announcement
    assert WHY in announcement and str(data_folder) in announcement
    assert "Go on-line once" in announcement and "KDLAB_DATA" in announcement
    assert list(data_folder.iterdir()) == []
