"""The two commands, what they install, and what README promises about them."""

import ast
import http.server
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest
from jupyter_server.services.config.manager import ConfigManager
from packaging.requirements import Requirement

import install

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LISTED = [
    Requirement(line.partition("#")[0])
    for line in (ROOT / "requirements.txt").read_text().splitlines()
    if line.partition("#")[0].strip()
]
LESSONS = ROOT / "notebooks" / "lessons"
SCHEMAS = Path(sys.prefix, "share", "jupyter", "lab", "schemas")
IN_CI_WITH_DATA = os.environ.get("CI") == "true" and "KDLAB_DATA" in os.environ


# Which PyTorch


@pytest.mark.parametrize(
    ("system", "nvidia_gpu", "wanted"),
    [
        ("Linux", False, True),
        ("Linux", True, False),
        ("Darwin", False, False),
        ("Windows", False, False),
        ("Windows", True, False),
    ],
)
def test_cpu_wheels_are_for_linux_without_a_gpu(system, nvidia_gpu, wanted):
    assert install.wants_cpu_wheels(system, nvidia_gpu) is wanted


@pytest.fixture
def machine(monkeypatch):
    """A Linux machine without a GPU or torch; returns the calls of pip."""
    calls = []
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    monkeypatch.setattr(install, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(install, "has_torch", lambda: False)
    monkeypatch.setattr(install, "answers", lambda address: True)
    monkeypatch.setattr(install, "pip", lambda *wanted: calls.append(wanted) or True)
    return calls


def test_cpu_wheels_come_first_and_from_their_own_index(machine, capsys):
    install.install_torch()
    assert machine == [("-r", ROOT / "binder" / "requirements.txt")]
    assert capsys.readouterr().out.count("\n") == 1


def test_an_index_out_of_reach_costs_one_line_and_no_call_of_pip(
    machine, monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(install, "answers", lambda address: bool(asked.append(address)))
    install.install_torch()
    assert asked == ["https://download.pytorch.org/whl/cpu/torch/"]
    assert machine == []
    announced, fallback = capsys.readouterr().out.splitlines()
    assert "not to be had" in fallback and "5 GB" in fallback


def test_wheels_that_pip_cannot_install_are_replaced_the_same_way(
    machine, monkeypatch, capsys
):
    monkeypatch.setattr(install, "pip", lambda *wanted: False)
    install.install_torch()
    assert "not to be had" in capsys.readouterr().out


@pytest.mark.parametrize("reason", ["has_nvidia_gpu", "has_torch"])
def test_nobody_is_asked_where_cpu_wheels_are_not_needed(
    machine, monkeypatch, capsys, reason
):
    monkeypatch.setattr(install, reason, lambda: True)
    monkeypatch.setattr(install, "answers", lambda address: pytest.fail("asked"))
    install.install_torch()
    assert machine == [] and capsys.readouterr().out == ""


def test_an_address_answers_only_with_a_page():
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        assert install.answers(f"{here}/")
        assert not install.answers(f"{here}/no-such-page")
        server.shutdown()
    assert not install.answers(here)  # nobody listens any more


def test_a_name_whose_look_up_hangs_is_given_up(monkeypatch):
    def hang(address: str, timeout: float):
        over.wait(60)  # no timeout covers it
        raise OSError("unknown name")

    over = threading.Event()
    monkeypatch.setattr(install.urllib.request, "urlopen", hang)
    started = time.monotonic()
    assert not install.answers("https://example.org/", seconds=0.2)
    waited = time.monotonic() - started
    over.set()
    assert waited < 30


# When to install


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A copy of what the fingerprint reads, with an environment that runs."""
    for source in ("requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / source, tmp_path)
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "READY", tmp_path / "ready")
    monkeypatch.setattr(install, "runs", lambda *arguments: True)
    return tmp_path


@pytest.mark.parametrize(
    ("purpose", "for_the_lab", "for_tests"),
    [("lab", True, False), ("test", True, True)],
)
def test_what_was_installed_is_not_installed_again(
    installed, purpose, for_the_lab, for_tests
):
    assert not install.is_ready(purpose)
    install.READY.write_text(install.fingerprint(purpose))
    assert install.is_ready("lab") is for_the_lab
    assert install.is_ready("test") is for_tests


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml"])
def test_a_changed_list_is_installed(installed, changed):
    install.READY.write_text(install.fingerprint("lab"))
    with (installed / changed).open("a") as file:
        file.write("\n")
    assert not install.is_ready("lab")


def test_an_environment_that_was_moved_or_lost_its_python_is_built_again(
    installed, monkeypatch
):
    install.READY.write_text(install.fingerprint("lab"))
    monkeypatch.setattr(install, "runs", lambda *arguments: False)
    assert not install.is_ready("lab")
    monkeypatch.setattr(install, "runs", lambda *arguments: True)
    moved = installed.rename(installed.with_name("moved"))
    monkeypatch.setattr(install, "ROOT", moved)
    monkeypatch.setattr(install, "READY", moved / "ready")
    assert not install.is_ready("lab")


def test_an_older_python_says_what_to_do():
    source = (ROOT / "install.py").read_text()
    ast.parse(source, feature_version=(3, 8))  # it gets as far as the message
    code = (
        "import runpy, sys; sys.version_info = (3, 10, 4, 'final', 0); "
        f"runpy.run_path({str(ROOT / 'install.py')!r}, run_name='__main__')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 1 and ran.stdout == ""
    assert "needs Python 3.11 or newer" in ran.stderr and "is 3.10" in ran.stderr
    assert "PYTHON=python3.12" in ran.stderr


# The commands


def commands(*arguments: str) -> list[str]:
    """What `make` would do."""
    ran = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()


def test_make_lab_installs_and_opens_the_first_notebook():
    assert commands("lab", "LAB_FLAGS=--no-browser") == [
        "python3 install.py",
        f'JUPYTER_CONFIG_PATH="{ROOT}/settings" \\',
        "  .venv/bin/python -m jupyterlab --no-browser notebooks/00_start_here.ipynb",
    ]
    assert commands() == commands("lab")  # `make` alone is enough


def test_make_test_installs_and_runs_tests_and_notebooks_in_one_go():
    assert commands("test", "PYTHON=python3.12", "TEST_FLAGS=-k seeds") == [
        "python3.12 install.py test",
        "OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 2 --no-loadscope-reorder "
        "--nbval-lax \\",
        "  --nbval-current-env tests notebooks/lessons build/notebooks -k seeds",
    ]


def shown(command: list[str], **options) -> list[str]:
    """What it prints, line by line."""
    settings = {"cwd": ROOT, "capture_output": True, "text": True, "check": True}
    return subprocess.run(command, **settings | options).stdout.splitlines()


def test_make_results_runs_the_experiments_of_the_package_and_of_every_lesson():
    homes = sorted(path.parent.name for path in LESSONS.glob("*/experiments.py"))
    assert len(homes) >= 3
    assert shown(["make", "-s", "results", "PYTHON=true", "RUN=echo"]) == [
        "-m kdlab.experiments kdlab",
        *(f"-m kdlab.experiments lessons.{home}" for home in homes),
    ]


def test_make_results_stops_at_an_experiment_that_fails(tmp_path):
    first, second, *_ = sorted(p.parent.name for p in LESSONS.glob("*/experiments.py"))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$3"\ntest "$3" != lessons.{first}\n')
    python.chmod(0o755)
    options = {"cwd": ROOT, "capture_output": True, "text": True}
    command = ["make", "-s", "results", "PYTHON=true", f"RUN={python}"]
    ran = subprocess.run(command, **options)
    assert ran.returncode and ran.stdout.split() == ["kdlab", f"lessons.{first}"]


def test_make_notebooks_stores_what_their_claims_print():
    assert commands("notebooks") == [
        "python3 install.py test",
        ".venv/bin/python tests/claims.py",
    ]
    assert (ROOT / "tests" / "claims.py").exists()


def test_make_bench_measures_with_what_tests_need():
    assert commands("bench", "BENCH_FLAGS=--quick") == [
        "python3 install.py test",
        "PYTHONPATH=tests .venv/bin/python -m bench --quick",
    ]


def ci_run(tmp_path: Path, *present: str) -> tuple[str, str]:
    """What .ci/run calls, and the data beside its checkout; its tools only write."""
    shutil.copytree(ROOT / ".ci", tmp_path / "checkout" / ".ci")
    (tmp_path / "shared" / "data").mkdir(parents=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool))
    for name in ("make", "apt-get", "python3", *present):
        line = (
            f'#!/bin/sh\necho "{name} $* CI=$CI KDLAB_DATA=$KDLAB_DATA" >> "$CALLS"\n'
        )
        (tools / name).write_text(line)
        (tools / name).chmod(0o755)
    (tools / "sh").symlink_to("/bin/sh")
    script = tmp_path / "checkout" / ".ci" / "run"
    calls = tmp_path / "calls"
    subprocess.run([script], env={"PATH": str(tools), "CALLS": str(calls)}, check=True)
    return calls.read_text(), str(tmp_path / "shared" / "data")


def test_ci_tests_with_the_data_beside_the_checkout(tmp_path):
    calls, data = ci_run(tmp_path, "chromium")
    assert f"make test CI=true KDLAB_DATA={data}" in calls
    assert "apt-get" not in calls


def test_ci_installs_a_browser_where_there_is_none(tmp_path):
    calls, _ = ci_run(tmp_path)
    [installing] = re.findall(r"^apt-get install .*", calls, re.MULTILINE)
    assert " chromium " in installing and "make test" in calls


def test_ci_fails_when_a_test_fails(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
        (tmp_path / "Makefile").write_text("test:\n\tfalse\n")
        subprocess.run([tmp_path / ".ci" / "run"], check=True, capture_output=True)


if IN_CI_WITH_DATA:  # or all tests would pass on digits and nobody would notice

    def test_ci_runs_on_mnist():
        from kdlab.data import load_images

        assert load_images("mnist", "test")["images"].shape == (10_000, 1, 28, 28)


# The lists


def test_requirements_txt_is_the_only_list_of_run_time_dependencies():
    declared = map(Requirement, importlib.metadata.requires("kdlab"))
    at_run_time = {str(one) for one in declared if one.marker is None}
    assert at_run_time == {str(one) for one in LISTED}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]["test"]
    tools = {Requirement(line).name for line in extras}
    assert not tools & {one.name for one in LISTED}


def test_run_time_dependencies_have_no_upper_bounds():
    bounds = {spec.operator for one in LISTED for spec in one.specifier}
    assert bounds == {">="}
    at_least = {one.name: str(one.specifier) for one in LISTED}
    assert at_least["torch"] == ">=2.11" and at_least["torchvision"] == ">=0.26"


def test_every_folder_of_the_package_is_installed_with_its_js_and_css():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
        "setuptools"
    ]
    folders = {path.parent for path in (ROOT / "kdlab").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert sorted(settings["packages"]) == sorted({*names, "lessons"})
    suffixes = {path.suffix for path in (ROOT / "kdlab").rglob("*.*")} - {".py", ".pyc"}
    assert {f"*{suffix}" for suffix in suffixes} <= {*settings["package-data"]["*"]}


def test_lessons_are_found_from_anywhere(tmp_path):
    """By a worker of a sweep, or where an editor starts a notebook's kernel."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    code = "import lessons; print(*lessons.__path__)"
    found = shown([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    assert found == [str(LESSONS)]


# JupyterLab's settings


def shown_config(command: list[str], home: Path, **variables: str) -> dict:
    """The configuration with which a command would start JupyterLab for a new user."""
    inherited = {"PATH": os.environ["PATH"], "HOME": str(home)}
    ran = subprocess.run(
        command, cwd=ROOT, env=inherited | variables, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout[ran.stdout.index("{") :])


def test_in_a_lecture_only_kernels_of_closed_notebooks_stop(tmp_path):
    options = ["PYTHON=true", f"RUN={sys.executable}", "LAB_FLAGS=--show-config-json"]
    config = shown_config(["make", "-s", "lab", *options], tmp_path)
    kernels = config["MappingKernelManager"]
    assert 20 * 60 <= kernels["cull_idle_timeout"] <= 30 * 60
    assert 0 < kernels["cull_interval"] <= 5 * 60
    assert kernels["cull_connected"] is False


def test_on_binder_all_idle_kernels_stop(tmp_path):
    command = ["binder/start", sys.executable, "-m", "jupyterlab", "--show-config-json"]
    config = shown_config(command, tmp_path, BINDER_REPO_URL="https://example.org")
    assert config["MappingKernelManager"]["cull_idle_timeout"] == 30 * 60
    assert config["MappingKernelManager"]["cull_connected"] is True


@pytest.mark.parametrize(
    "command",
    [
        ["binder/start", "env"],
        ["make", "-s", "lab", "PYTHON=true", "RUN=env; true"],
        ["make", "-s", "test", "PYTHON=true", "RUN=env; true"],
    ],
)
def test_threads_that_wait_sleep(command):
    assert "OMP_WAIT_POLICY=passive" in shown(command)


def test_a_closed_notebook_stops_its_kernel_and_jupyter_asks_no_other_host(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "settings"))
    overrides = ConfigManager(config_dir_name="labconfig").get(
        "default_setting_overrides"
    )
    for plugin, values in overrides.items():
        extension, _, name = plugin.partition(":")
        schema = SCHEMAS / extension / f"{name}.json"
        assert values.keys() <= json.loads(schema.read_text())["properties"].keys()
    assert overrides["@jupyterlab/notebook-extension:tracker"]["kernelShutdown"] is True
    news = overrides["@jupyterlab/apputils-extension:notification"]
    assert news == {"fetchNews": "false", "checkForUpdates": False}


# The text


def texts() -> dict[Path, str]:
    """Every text of the project but this file, read from disk."""
    kinds = {".py", ".md", ".toml", ".txt", ".js", ".css", ".json", ".ipynb", ".csv"}
    scripts = ["Makefile", "binder/postBuild", "binder/start", ".ci/run"]
    paths = [ROOT / script for script in scripts]
    for folder, inside, files in os.walk(ROOT):
        inside[:] = [name for name in inside if not name.startswith((".", "__"))]
        inside[:] = [name for name in inside if not name.endswith(".egg-info")]
        if Path(folder) == ROOT:
            inside[:] = [name for name in inside if name != "build"]  # by tests
        paths += [Path(folder, file) for file in files if Path(file).suffix in kinds]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    del texts[Path(__file__)]
    return texts


def test_every_link_and_picture_of_the_readme_exists():
    targets = re.findall(r"\]\(([^)\s]+)\)", README)
    here = [target for target in targets if "://" not in target]
    assert len(here) >= 8
    missing = [target for target in here if not (ROOT / target).exists()]
    assert not missing
    for picture in (ROOT / target for target in here if target.endswith(".png")):
        assert picture.stat().st_size < 150_000


def test_the_readme_lists_every_notebook():
    stored = {path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert stored == set(re.findall(r"\]\(notebooks/(\w+\.ipynb)\)", README))


def test_the_badge_opens_a_notebook_that_exists():
    [opened] = re.findall(r"urlpath=lab/tree/([\w/]+\.ipynb)", README)
    assert (ROOT / opened).exists()


def test_the_address_of_the_repository_stands_in_one_place():
    assert sum(text.count("OWNER/kdlab") for text in texts().values()) == 1


def test_no_text_mentions_a_path_of_one_machine():
    private = re.compile(r"(?<![\w.])/(?:work|root|home|Users|opt)/\w")
    found = {path.name for path, text in texts().items() if private.search(text)}
    assert not found
