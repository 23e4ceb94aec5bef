"""Colab's first cell: what it installs, and that the kernel then finds the course."""

import json
import os
import runpy
import subprocess
import sys
import types
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def first_cell(monkeypatch):
    """Run it where pip only listens; the commands, the answers of Colab."""
    commands, asked = [], []
    output = types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: asked.append(True)
    colab = types.ModuleType("google.colab")
    colab.output = output
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr(
        subprocess, "run", lambda command, check: commands.append(command)
    )
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("KDLAB_PROGRESS", "")
    monkeypatch.delenv("KDLAB_PROGRESS")
    monkeypatch.chdir(ROOT.parent)  # and back
    names = runpy.run_path(str(ROOT / "binder" / "colab.py"))
    return commands, asked, names


def test_the_course_is_open_to_a_kernel_that_runs_already(first_cell):
    commands, asked, _ = first_cell
    assert asked == [True] and os.environ["KDLAB_PROGRESS"] == "."
    assert sys.path == [str(ROOT), str(ROOT / "notebooks")]
    assert Path.cwd() == ROOT / "notebooks"
    assert commands[0][-3:] == ["--no-deps", "--editable", str(ROOT)]


def test_colabs_own_kernel_and_pytorch_stay(first_cell):
    commands, _, names = first_cell
    listed = (ROOT / "requirements.txt").read_text().splitlines()
    bounds = {line.split("#")[0].strip() for line in listed}
    assert {*names["DRAWS"]} <= bounds and commands[1][-3:] == names["DRAWS"]
    renewed = {Requirement(each).name for each in names["DRAWS"]}
    assert not renewed & {"torch", "torchvision", "ipykernel", "jupyterlab", "numpy"}


def test_the_readme_shows_the_two_lines_and_links_a_notebook():
    text = (ROOT / "README.md").read_text()
    assert "%run kdlab/binder/colab.py" in text
    [link] = [word for word in text.split("(") if "colab.research.google" in word]
    path = link.split(")")[0].split("/HEAD/")[1]
    assert json.loads((ROOT / path).read_text())["nbformat"] == 4
