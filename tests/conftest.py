"""What all tests share: fixtures of lessons, copies for nbval, and who goes first."""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from claims import write_copies
from lessons.conftest import columns, digits, student_logits  # noqa: F401 - fixtures

COPIES = Path(__file__).resolve().parent.parent / "build" / "notebooks"


def pytest_configure(config):
    """Write the notebooks with the text of their claims, before nbval reads them."""
    if config.getoption("nbval_lax", False) and not hasattr(config, "workerinput"):
        write_copies(COPIES)


# Early are the longest, so that in the end no worker is left alone with one of them.
ORDER = "tests/browser/", "build/notebooks/03", "tests/test_offline", "build/"


def pytest_collection_modifyitems(items):
    """Those of ORDER first, all others behind."""
    for start in reversed(ORDER):
        items.sort(key=lambda item: not item.nodeid.startswith(start))  # noqa: B023


class ByProcess(LoadScopeScheduling):
    """What must share a worker: a notebook, a file, and all that needs Chromium."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        alone = "test_other_browsers"  # a JupyterLab of its own
        return file if alone in file or "tests/browser/" not in file else "browser"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With -n 2 the browser's tests run on one core and all others on the other."""
    return ByProcess(config, log)
