"""What all tests share: fixtures of lessons, copies for nbval, and who goes first."""

from pathlib import Path

import pytest

from claims import write_copies
from lessons.conftest import columns, digits, student_logits  # noqa: F401 - fixtures

COPIES = Path(__file__).resolve().parent.parent / "build" / "notebooks"


def pytest_configure(config):
    """Write the notebooks with the text of their claims, before nbval reads them."""
    if config.getoption("nbval_lax", False) and not hasattr(config, "workerinput"):
        write_copies(COPIES)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Group what must share a process: each notebook, each file, and the browser.

    The longest groups go first, so that the last worker is not left alone with one.
    """
    for item in items:
        file = item.nodeid.partition("::")[0]
        group = "browser" if "tests/browser/" in file else file
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: rank(item.nodeid))


def rank(nodeid):
    """Small is early: browser tests, notebooks that train, then all others."""
    starts = ("tests/browser/", "build/notebooks/03", "tests/test_offline", "build/")
    found = [n for n, start in enumerate(starts) if nodeid.startswith(start)]
    return found[0] if found else len(starts)
