"""What a student takes along: the inspections, as a file of tests."""

import shutil
from pathlib import Path

TESTS, EXAMPLE = "test_my_distillation.py", "my_distillation.py"


def take_home(folder: str | Path = ".") -> Path:
    """Copy the file of tests into a folder; where it goes.

    Beside it the right code as an example, unless a `my_distillation.py` is there. An
    older file of tests is replaced. Raises ValueError if there is no such folder.
    """
    here, there = Path(__file__).parent, Path(folder)
    if not there.is_dir():
        raise ValueError(f"There is no folder {there}. Make it first, or give another.")
    shutil.copy(here / TESTS, there / TESTS)
    if not (there / EXAMPLE).exists():
        shutil.copy(here / EXAMPLE, there / EXAMPLE)
    print(f"{there / TESTS}: run `pytest {TESTS}` there, on your own {EXAMPLE}.")
    return there / TESTS
