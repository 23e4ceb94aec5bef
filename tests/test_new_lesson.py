"""The recipe of CONTRIBUTING.md, followed in a copy: one lesson more, same package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENT = '''"""Two ways to teach, on the digits."""

from kdlab.experiments import LABELS, Experiment, grid, student_run, taught

margin = Experiment(
    student_run,
    lambda: grid(
        dataset="digits",
        student="mlp-8",
        labels=100,
        epochs=1,
        arm=[LABELS, *taught(4.0)],
        seed=[0, 1],
    ),
)
'''
TRY = """
from lessons import my_lesson as lesson
lesson.check(lambda probs: probs)
"""


@pytest.fixture
def copy(tmp_path):
    """The course in another place, with one lesson more: a copy under another name."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "MNIST", "cifar-*", "build")
    for name in ("kdlab", "notebooks", "tests", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("README.md", "pyproject.toml", "Makefile", "install.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    notebooks = tmp_path / "notebooks"
    shutil.copytree(notebooks / "lessons/soft_targets", notebooks / "lessons/my_lesson")
    (notebooks / "lessons/my_lesson/experiments.py").write_text(EXPERIMENT)
    text = (notebooks / "01_soft_targets.ipynb").read_text(encoding="utf-8")
    text = text.replace("lessons import soft_targets", "lessons import my_lesson")
    text = text.replace("lessons/soft_targets", "lessons/my_lesson")
    text = text.replace("# 01 · ", "# 99 · ").replace("**Next:**", "**Next,** later:")
    (notebooks / "99_my_lesson.ipynb").write_text(text, encoding="utf-8")
    question = "What does a teacher say that a label does not?"
    row = f"\n[99](notebooks/99_my_lesson.ipynb) | {question} |\n"
    announce(tmp_path / "README.md", row)
    announce(tmp_path / "data/README.md", "\n`results/margin.csv`\n")
    return tmp_path


def announce(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def run(copy, *words):
    """Python with these words in the copy, which comes before what is installed."""
    paths = os.pathsep.join(map(str, (copy, copy / "notebooks")))
    environment = {**os.environ, "PYTHONPATH": paths, "KDLAB_DATASET": "digits"}
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=environment, capture_output=True
    )
    said = done.stdout.decode() + done.stderr.decode()
    return done.returncode, said


def test_a_copied_lesson_sweeps_checks_and_is_tested(copy):
    failed, said = run(copy, "-m", "kdlab.experiments", "lessons.my_lesson")
    assert not failed, said
    runs = pd.read_csv(copy / "data/results/margin.csv")
    assert runs[["method", "seed"]].to_numpy().tolist() == [
        ["labels", 0],
        ["labels", 1],
        ["teacher", 0],
        ["teacher", 1],
    ]

    failed, said = run(copy, "-c", TRY)
    assert failed and "This lesson has no '<lambda>'" in said

    tests = ["tests/test_lessons.py", "tests/test_notebook_form.py"]
    tests += ["notebooks/lessons/my_lesson", "build/notebooks/99_my_lesson.ipynb"]
    flags = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-v"]
    chosen = ["-k", "my_lesson or announced or described or every_notebook or home"]
    failed, said = run(copy, "-m", "pytest", *tests, *flags, *chosen)
    assert not failed, said
    for proof in ("my_lesson/test_lesson.py::", "99_my_lesson::ipynb::Cell"):
        assert proof in said, said


def test_a_lesson_that_is_not_announced_is_named(copy):
    shutil.copy(ROOT / "README.md", copy / "README.md")
    _, said = run(copy, "-m", "pytest", "-q", "tests/test_lessons.py", "-k", "readme")
    assert "99_my_lesson.ipynb" in said and "1 failed" in said
