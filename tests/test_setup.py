"""The two commands, what they install, and what README promises about them."""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from contextlib import contextmanager
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
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LESSONS = ROOT / "notebooks" / "lessons"
JUPYTER = Path(sys.prefix, "share", "jupyter")
IN_CI_WITH_DATA = os.environ.get("CI") == "true" and "KDLAB_DATA" in os.environ


# The commands


def needs_make_and_sh() -> None:
    """Or the test is skipped: what README says for Windows, the workflow runs there."""
    if os.name == "nt":
        pytest.skip("Windows has neither make nor sh.")


def commands(*arguments: str, **variables: str) -> list[str]:
    """What `make` would do."""
    needs_make_and_sh()
    ran = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()


def test_make_lab_installs_and_opens_the_first_notebook():
    assert commands("lab", "LAB_FLAGS=--no-browser") == [
        "python3 install.py",
        ".venv/bin/python settings/lab.py --no-browser",
    ]
    assert commands() == commands("lab")  # `make` alone is enough


def test_only_the_command_line_names_another_python():
    assert commands("lab", PYTHON="python2") == commands("lab")  # of another tool
    assert commands("lab", "PYTHON=python3.12")[0] == "python3.12 install.py"


def test_another_pythons_settings_do_not_reach_the_courses(monkeypatch):
    foreign = {f"PYTHON{name}": "/nowhere" for name in install.OF_PYTHON}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    ours = install.ours()
    printed = shown(["make", "-s", "lab", "PYTHON=true", "RUN=env; true"])
    seen = {line.partition("=")[0] for line in printed} | set(ours)
    assert "PATH" in seen and not seen & set(foreign)


def test_make_test_installs_and_runs_tests_and_notebooks_in_one_go():
    assert commands("test", "PYTHON=python3.12", "TEST_FLAGS=-k seeds") == [
        "python3.12 install.py test",
        "OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 2 --no-loadscope-reorder "
        "--nbval-lax \\",
        "  --nbval-current-env tests notebooks/lessons build/notebooks -k seeds",
    ]


def shown(command: list[str], **options) -> list[str]:
    """What it prints, line by line."""
    if command[0] != sys.executable:
        needs_make_and_sh()
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
    needs_make_and_sh()
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
    needs_make_and_sh()
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
    browsers = "chromium", "firefox-esr", "WebKitWebDriver", "Xvfb"
    calls, data = ci_run(tmp_path, *browsers)
    for what in ("test", "practice"):
        assert f"make {what} CI=true KDLAB_DATA={data}" in calls
    assert "apt-get" not in calls


def test_ci_installs_the_browsers_that_are_missing(tmp_path):
    calls, _ = ci_run(tmp_path, "firefox-esr")
    [installing] = re.findall(r"^apt-get install .*", calls, re.MULTILINE)
    missing = {"chromium", "webkit2gtk-driver", "xvfb"}
    assert missing < set(installing.split()) and "make test" in calls
    assert "firefox-esr" not in installing


def test_ci_fails_when_a_test_fails(tmp_path):
    needs_make_and_sh()
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
    listed = {one.name for one in LISTED}
    for extra in EXTRAS.values():
        assert not listed & {Requirement(line).name for line in extra}


def test_the_extra_compress_is_what_deployment_asks_for():
    found = {
        one.name: str(one.specifier) for one in map(Requirement, EXTRAS["compress"])
    }
    assert found == {
        "onnx": ">=1.23",  # older ones warn
        "onnxscript": ">=0.7.2",
        "onnxruntime": ">=1.31",
    }
    said = (ROOT / "kdlab" / "compression" / "deployment.py").read_text()
    assert all(name in said for name in found) and "[compress]" in said


WHEELS = sys.version_info < (3, 15)  # which onnx and onnxruntime have not yet

if os.environ.get("CI") == "true" and WHEELS:  # or its tests were skipped, unnoticed

    def test_ci_has_the_extra_compress():
        from kdlab.compression import lacking

        assert lacking() == ""


def test_run_time_dependencies_have_no_upper_bounds():
    bounds = {spec.operator for one in LISTED for spec in one.specifier}
    assert bounds == {">="}
    at_least = {one.name: str(one.specifier) for one in LISTED}
    assert at_least["torch"] == ">=2.11" and at_least["torchvision"] == ">=0.26"
    assert f"the course needs {at_least['torch'].removeprefix('>=')}" in README
    assert at_least["anywidget"] == ">=0.9.1"  # older ones draw no panel
    tried = {"numpy": "1.26.4", "pandas": "2.1.4", "plotly": "6", "ipywidgets": "8"}
    assert {name: at_least[name] for name in tried} == {
        name: f">={version}" for name, version in tried.items()
    }


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
    needs_make_and_sh()
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
def test_threads_that_wait_sleep_and_share_a_heap(command):
    set_there = shown(command)
    assert "OMP_WAIT_POLICY=passive" in set_there
    assert "MALLOC_ARENA_MAX=1" in set_there


@pytest.fixture
def lab(monkeypatch):
    """settings/lab.py; JupyterLab is not started, and the environment comes back."""
    spec = importlib.util.spec_from_file_location("lab", ROOT / "settings" / "lab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return module


def test_the_course_comes_first_and_other_kernels_and_programs_stay(lab, monkeypatch):
    for name in lab.DIVERTING:
        os.environ[name] = "/nowhere"
    os.environ |= {"JUPYTER_PATH": "/more", "PATH": "/bin", "VIRTUAL_ENV": "/other"}
    lab.lead_to_the_course()
    assert not set(lab.DIVERTING) & set(os.environ)
    share = os.path.join(sys.prefix, "share", "jupyter")  # noqa: PTH118
    assert os.environ["JUPYTER_PATH"] == f"{share}{os.pathsep}/more"
    assert os.environ["PATH"].split(os.pathsep)[1:] == ["/bin"]
    assert os.environ["VIRTUAL_ENV"] == sys.prefix
    assert os.environ["JUPYTER_CONFIG_PATH"] == str(ROOT / "settings")


def test_what_can_be_written_stays_where_the_user_wants_it(lab, tmp_path, capsys):
    wanted = {name: str(tmp_path / name) for name in lab.KEPT}
    os.environ |= wanted
    lab.keep_out_of_unwritable_places()
    assert {name: os.environ[name] for name in wanted} == wanted
    assert capsys.readouterr().out == ""


def test_a_home_that_is_none_costs_one_line(lab, tmp_path, monkeypatch, capsys):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(lab.tempfile, "tempdir", str(tmp_path))
    for name in lab.KEPT:
        monkeypatch.setitem(lab.KEPT, name, nobody)
    monkeypatch.setattr(lab.Path, "home", nobody)
    lab.keep_out_of_unwritable_places()
    [folder] = tmp_path.iterdir()
    places = [Path(os.environ[name]) for name in lab.KEPT]
    assert {place.parent for place in places} == {folder} and len(set(places)) == 4
    assert os.environ["HOME"] == str(folder)
    assert str(folder) in capsys.readouterr().out


@pytest.fixture
def hostile(tmp_path):
    """The home of a user whose settings lead elsewhere in every way that we know."""
    home, away = tmp_path / "home", tmp_path / "away"
    settings, kernel = home / ".jupyter", home / ".local/share/jupyter/kernels/python3"
    for folder in settings, kernel, away:
        folder.mkdir(parents=True)
    manager = '_manager_class = "a_package_of_another_environment.Manager"\n'
    lines = [
        *(f"c.ServerApp.{name} = {str(away)!r}\n" for name in PLACES),
        *(f"c.ServerApp.{name}{manager}" for name in MANAGERS),
        'c.ServerApp.default_url = "/tree"\n',
        'c.KernelSpecManager.allowed_kernelspecs = {"other"}\n',
        'c.KernelSpecManager.whitelist = {"other"}\n',
        f"c.FileContentsManager.preferred_dir = {str(away)!r}\n",
    ]
    for file in "jupyter_server_config.py", "jupyter_lab_config.py":
        (settings / file).write_text("".join(lines))
    old = {"NotebookApp": {"notebook_dir": str(away)}}
    (settings / "jupyter_notebook_config.json").write_text(json.dumps(old))
    new = {"ServerApp": {"root_dir": str(away)}}
    (settings / "jupyter_server_config.json").write_text(json.dumps(new))
    foreign = {"argv": ["false"], "display_name": "Foreign", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(foreign))
    share = str(kernel.parent.parent)
    more = {"JUPYTER_PATH": share, "JUPYTER_PREFER_ENV_PATH": "0"}
    return more | {"HOME": str(home), "JUPYTER_NO_CONFIG": "1"}


PLACES = "root_dir", "notebook_dir", "preferred_dir"
MANAGERS = "contents", "kernel", "kernel_spec", "session"


@contextmanager
def opened(folder: Path, **variables: str):
    """What `make lab` opens: the page that it gives the browser, and its server's API.

    The environment has nothing of this process but what a machine needs.
    """
    needs_make_and_sh()
    browser = folder / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {folder}/being; mv {folder}/being {folder}/page\n'
    )
    browser.chmod(0o755)
    needed = {
        name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ
    }
    flags = "LAB_FLAGS=--port=0 --IdentityProvider.token=ours"
    command = ["make", "-s", "lab", "PYTHON=true", f"RUN={sys.executable}", flags]
    with (folder / "log").open("w") as log:
        lab = subprocess.Popen(
            command,
            cwd=ROOT,
            env=needed | variables | {"BROWSER": str(browser)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "page").exists():
            assert lab.poll() is None and time.monotonic() < deadline, (
                folder / "log"
            ).read_text()
            time.sleep(0.05)
        page = Path((folder / "page").read_text().strip().removeprefix("file://"))
        yield re.search(r'href="(http[^"]+)"', page.read_text())[1]
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait(30)


def asked(page: str, path: str) -> dict:
    host = page.partition("/lab")[0]
    with urllib.request.urlopen(f"{host}/api/{path}?token=ours", timeout=30) as reply:
        return json.load(reply)


def check_it_is_the_course(page: str) -> None:
    assert "/lab/tree/00_start_here.ipynb" in page
    inside = {one["name"] for one in asked(page, "contents")["content"]}
    assert {"lessons", "00_start_here.ipynb"} <= inside
    kernels = asked(page, "kernelspecs")
    assert kernels["default"] == "python3"
    ours = kernels["kernelspecs"]["python3"]["spec"]
    assert "ipykernel_launcher" in ours["argv"] and ours["display_name"] != "Foreign"


def test_the_course_opens_with_its_own_kernel_whatever_the_user_has_set(
    hostile, tmp_path
):
    with opened(tmp_path, **hostile) as page:
        check_it_is_the_course(page)


def test_the_course_opens_without_a_home_that_can_be_written(tmp_path):
    (tmp_path / "home").touch()  # no folder: not even root may write there
    elsewhere = {"JUPYTER_RUNTIME_DIR": "/proc/none", "IPYTHONDIR": "/proc/none"}
    with opened(tmp_path, HOME=str(tmp_path / "home"), **elsewhere) as page:
        check_it_is_the_course(page)


def test_a_closed_notebook_stops_its_kernel_and_jupyter_asks_no_other_host(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "settings"))
    overrides = ConfigManager(config_dir_name="labconfig").get(
        "default_setting_overrides"
    )
    for plugin, values in overrides.items():
        extension, _, name = plugin.partition(":")
        own = JUPYTER / "lab" / "schemas" / extension / f"{name}.json"
        added = JUPYTER / "labextensions" / extension / "schemas" / extension
        schema = own if own.exists() else added / f"{name}.json"
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


def test_the_readme_says_how_to_start_without_make():
    [lines] = re.findall(r"```bat\n(.*?)```", README, re.DOTALL)
    scripts = [line.split()[1].replace("\\", "/") for line in lines.splitlines()]
    assert scripts == ["install.py", "settings/lab.py"]
    assert all((ROOT / script).exists() for script in scripts)


def test_the_readme_knows_machines_without_pytorch_and_the_oldest_python():
    for machine in "Intel", "Windows on ARM", "Apple silicon", "root":
        assert machine in README
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or newer" in README
    assert f"Python {oldest} or newer" in (ROOT / "install.py").read_text()


def test_the_readme_lists_every_notebook():
    stored = {path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert stored == set(re.findall(r"\]\(notebooks/(\w+\.ipynb)\)", README))


def test_the_badge_opens_a_notebook_that_exists():
    [opened] = re.findall(r"urlpath=lab/tree/([\w/]+\.ipynb)", README)
    assert (ROOT / opened).exists()


def test_the_address_of_the_repository_stands_in_one_file():
    named = [path for path, text in texts().items() if "OWNER/kdlab" in text]
    assert named == [ROOT / "README.md"]


def test_no_text_mentions_a_path_of_one_machine():
    private = re.compile(r"(?<![\w.])/(?:work|root|home|Users|opt)/\w")
    found = {path.name for path, text in texts().items() if private.search(text)}
    assert not found
