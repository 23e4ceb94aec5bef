"""What Binder would build, told by repo2docker itself without building it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import PythonBuildPack

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Binder is a Linux")
ROOT = Path(__file__).resolve().parent.parent
BINDER = ROOT / "binder"


@pytest.fixture
def picked(monkeypatch):
    """The first buildpack that recognises the repository, as repo2docker picks it."""
    monkeypatch.chdir(ROOT)
    app = Repo2Docker()
    packs = (pack(base_image=app.base_image) for pack in app.buildpacks)
    found = next(pack for pack in packs if pack.detect())
    found.platform = "linux/amd64"
    return found


def test_it_is_a_python_repository_of_the_declared_version(picked):
    assert type(picked) is PythonBuildPack
    assert picked.runtime[:2] == ("python", picked.python_version)
    assert tuple(map(int, picked.python_version.split("."))) >= (3, 11)
    assert not picked.separate_kernel_env  # the settings are for server and kernel


def test_pytorch_is_installed_where_the_constraints_are_readable(picked):
    """Not before the repository is copied: the list refers to ../requirements.txt."""
    assert picked.get_preassemble_scripts() == []
    [(_, script)] = picked.get_assemble_scripts()
    assert script.endswith('pip install --no-cache-dir -r "binder/requirements.txt"')


def test_the_dockerfile_runs_the_list_and_then_post_build(picked):
    dockerfile = picked.render()
    steps = ["COPY --chown=1000:1000 src/ ", "binder/requirements.txt", "./binder/post"]
    places = [dockerfile.rfind(step) for step in steps]
    assert -1 not in places and places == sorted(places)
    assert picked.get_post_build_scripts() == ["binder/postBuild"]
    assert picked.get_start_script() == "${REPO_DIR}/binder/start"
    for script in ("postBuild", "start"):
        assert os.access(BINDER / script, os.X_OK)


def test_both_halves_of_pytorch_come_from_one_index_and_no_list_is_repeated():
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "--index-url https://download.pytorch.org/whl/cpu",
        "--constraint ../requirements.txt",
        "torch",
        "torchvision",
    ]


@pytest.mark.parametrize(("version", "fulfilled"), [("2", True), ("999", False)])
def test_pip_reads_the_versions_of_the_only_list(tmp_path, version, fulfilled):
    """Called from the root, as Binder does; nothing is installed, torch is here."""
    (tmp_path / "binder").mkdir()
    (tmp_path / "requirements.txt").write_text(f"torch>={version}\n")
    shutil.copy(BINDER / "requirements.txt", tmp_path / "binder")
    command = "-m pip install --dry-run --no-index --no-deps -r binder/requirements.txt"
    asked = subprocess.run(
        [sys.executable, *command.split()], cwd=tmp_path, capture_output=True, text=True
    )
    assert (asked.returncode == 0) == fulfilled, asked


@pytest.mark.parametrize(
    ("pip_status", "data_status", "status"), [(0, 0, 0), (1, 0, 1), (0, 1, 0)]
)
def test_without_mnist_the_build_goes_on_but_not_without_the_course(
    tmp_path, pip_status, data_status, status
):
    fake = tmp_path / "python"
    fake.write_text(
        '#!/bin/sh\necho "$@"\n'
        f'case "$1" in -m) exit {pip_status} ;; *) exit {data_status} ;; esac\n'
    )
    fake.chmod(0o755)
    built = subprocess.run(
        [BINDER / "postBuild"],
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == status, built
    assert "-m pip install --no-cache-dir --editable .[compress]\n" in built.stdout
    assert ("-m lessons.order\n" in built.stdout) == (pip_status == 0)
    assert ("course_dataset()" in built.stdout) == (pip_status == 0)
    assert ("colour_dataset()" in built.stdout) == (pip_status == 0)
    assert built.stdout.count("in this image") == 2 * data_status


@pytest.mark.parametrize("line", [1, 2])
def test_a_data_line_of_post_build_names_something_that_exists(line):
    script = (BINDER / "postBuild").read_text()
    code = script.split("python -c '")[line].split("'")[0]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KDLAB_DATASET": "digits"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and "digits" in ran.stdout, ran
