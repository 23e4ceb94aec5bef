"""Run all on a fresh clone without a network: every notebook passes, on digits.

Each notebook runs in a kernel that has an empty data folder and no network, though the
machine may have both: Python asks the hook below before it looks a name up or connects.
(The kernel and this test talk by ZeroMQ, which does not use Python's sockets.)
"""

import os
import re

import nbformat
import pytest

import claims

WHY = "this test has no network"
ASKING = r"\b(course|colour)_dataset\(\)"
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


@pytest.mark.parametrize("path", claims.ALL, ids=lambda path: path.stem)
def test_run_all_passes_on_digits(path, environment, data_folder):
    done = claims.run(nbformat.read(path, as_version=4), env=environment)
    cells = claims.code_cells(done)
    found = {cell.id: claims.printed(cell) for cell in cells if claims.is_claim(cell)}
    assert found and found == claims.claims_of(path)

    asking = next(cell for cell in cells if re.search(ASKING, cell.source))
    said = [line for cell in cells for line in claims.printed(cell).splitlines()]
    (announcement,) = [line for line in said if re.match(r"\w+ dataset: ", line)]
    assert announcement in claims.printed(asking).splitlines()
    assert "digits" in announcement
    assert WHY in announcement and str(data_folder) in announcement
    assert "Go on-line once" in announcement and "KDLAB_DATA" in announcement
    assert list(data_folder.iterdir()) == []
