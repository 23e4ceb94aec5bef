"""Where packages come from and go to, what is never deleted, and what is told."""

import ast
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

import install

pytestmark = pytest.mark.skipif(
    os.name == "nt",
    reason="environments are laid out otherwise; the workflow runs install.py itself",
)
ROOT = Path(__file__).resolve().parent.parent
INDEX = "https://download.pytorch.org/whl/cpu"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A course of its own, without an environment."""
    here = tmp_path / "course"
    here.mkdir()
    for source in ("requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / source, here)
    put(monkeypatch, here)
    return here


def put(monkeypatch, here: Path) -> None:
    """Let install.py work there."""
    venv = here / ".venv"
    names = {"MADE": "kdlab-made", "READY": "kdlab-ready"}
    names |= {"PIP_SETTINGS": "kdlab-pip.conf", "VENV_PYTHON": "bin/python"}
    monkeypatch.setattr(install, "ROOT", here)
    monkeypatch.setattr(install, "VENV", venv)
    for name, path in names.items():
        monkeypatch.setattr(install, name, venv / path)


def told(call, *arguments) -> str:
    """The sentence with which it ends; a traceback fails the test."""
    with pytest.raises(SystemExit) as caught:
        call(*arguments)
    assert isinstance(caught.value.code, str)
    return caught.value.code


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
    monkeypatch.setattr(install, "offers_cpu_wheels", lambda index: True)
    monkeypatch.setattr(install, "pip", lambda *wanted: calls.append(wanted) or "")
    return calls


def test_cpu_wheels_come_first_and_from_their_own_index(machine, capsys):
    install.install_torch()
    assert machine == [("-r", ROOT / "binder" / "requirements.txt")]
    assert capsys.readouterr().out.count("\n") == 1


def test_an_index_out_of_reach_costs_one_line_and_no_installing(
    machine, monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(install, "offers_cpu_wheels", asked.append)
    install.install_torch()
    assert asked == [INDEX] and machine == []
    announced, fallback = capsys.readouterr().out.splitlines()
    assert "not to be had" in fallback and "5 GB" in fallback


def test_wheels_that_do_not_fit_are_replaced_the_same_way(machine, monkeypatch, capsys):
    monkeypatch.setattr(install, "pip", lambda *wanted: "ERROR: ResolutionImpossible")
    install.install_torch()
    printed = capsys.readouterr().out
    assert "not to be had" in printed and "Impossible" not in printed


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("WARNING: Retrying (Retry(total=4))\nERROR: gone", "network"),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "network"),
        ("ERROR: [Errno 28] Kein Speicherplatz mehr", "disk is full"),
    ],
)
def test_a_broken_line_or_a_full_disk_never_turns_0_2_gb_into_5(
    machine, monkeypatch, capsys, said, why
):
    monkeypatch.setattr(install, "pip", lambda *wanted: said)
    assert why in told(install.install_torch)
    assert "5 GB" not in capsys.readouterr().out


@pytest.mark.parametrize("reason", ["has_nvidia_gpu", "has_torch"])
def test_nobody_is_asked_where_cpu_wheels_are_not_needed(
    machine, monkeypatch, capsys, reason
):
    monkeypatch.setattr(install, reason, lambda: True)
    monkeypatch.setattr(install, "offers_cpu_wheels", lambda _: pytest.fail("asked"))
    install.install_torch()
    assert machine == [] and capsys.readouterr().out == ""


class Index(http.server.BaseHTTPRequestHandler):
    """A page of links for each package that the server offers, also as a proxy."""

    def do_GET(self):
        name = self.path.rstrip("/").rpartition("/")[2]
        self.server.asked.append(self.path)
        found = self.server.offers.get(name)
        links = f'<!DOCTYPE html><a href="{found}">{found}</a>' if found else ""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(links.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def index(monkeypatch, tmp_path):
    """The CPU wheels on this machine; pip has no settings but those of a test."""
    monkeypatch.setattr(install, "VENV_PYTHON", Path(sys.executable))
    monkeypatch.setattr(install, "PIP_SETTINGS", tmp_path / "kdlab-pip.conf")
    forgotten = re.compile(r"PIP_\w+|\w+_proxy", re.IGNORECASE)
    for name in filter(forgotten.fullmatch, [*os.environ]):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.asked = []
    server.offers = {
        name: f"{name}-9.0%2Bcpu-py3-none-any.whl" for name in ("torch", "torchvision")
    }
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def address(index, path: str = "/whl/cpu") -> str:
    return f"http://127.0.0.1:{index.server_port}{path}"


def test_pip_is_asked_whether_both_wheels_for_cpus_are_there(index):
    assert install.offers_cpu_wheels(address(index))
    index.offers["torchvision"] = "torchvision-9.0-py3-none-any.whl"  # for CUDA
    assert not install.offers_cpu_wheels(address(index))
    index.offers.clear()
    assert not install.offers_cpu_wheels(address(index))


def test_a_proxy_that_only_pip_knows_is_used(index, tmp_path):
    known = f"proxy = {address(index, '')}\ntrusted-host = wheels.invalid\n"
    (tmp_path / "pip.conf").write_text(f"[global]\n{known}")
    install.write_pip_settings()
    assert install.offers_cpu_wheels("http://wheels.invalid/whl/cpu")
    assert "http://wheels.invalid/whl/cpu/torch/" in index.asked


def test_an_index_that_never_answers_is_given_up(index, monkeypatch):
    def hang(*arguments, **options):
        assert 0 < options["timeout"] <= 120
        raise subprocess.TimeoutExpired("pip", options["timeout"])

    monkeypatch.setattr(install.subprocess, "run", hang)
    assert not install.offers_cpu_wheels(address(index))


def wheel(folder: Path, name: str, version: str = "1.0") -> None:
    """One module, ready to be installed."""
    folder.mkdir(exist_ok=True)
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    kind = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\n"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"version = {version!r}\n")
        file.writestr(f"{info}/METADATA", about)
        file.writestr(f"{info}/WHEEL", f"{kind}Tag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def test_a_wheel_in_a_folder_of_the_users_is_not_an_installed_one(
    index, monkeypatch, tmp_path
):
    wheel(tmp_path / "wheels", "kdlab_tried")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    wanted = tmp_path / "wanted.txt"
    monkeypatch.setattr(install, "CPU_TORCH", wanted)
    for line, there in {
        "kdlab_tried": False,
        "torch": True,
        "torch>=999": False,
    }.items():
        wanted.write_text(f"{line}\n")
        assert install.has_torch() is there


# Where packages go


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment as install.py makes it, and wheels for it."""
    here = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch:
        put(patch, here)
        install.make_environment()
    wheel(here / "wheels", "kdlab_tried")
    return here


DIVERSIONS = {
    "user": {"PIP_USER": "1"},
    "target": {"PIP_TARGET": "{away}"},
    "prefix": {"PIP_PREFIX": "{away}"},
    "root": {"PIP_ROOT": "{away}"},
    "dry run": {"PIP_DRY_RUN": "1"},
    "another Python": {"PIP_PYTHON": sys.executable},
    "only in environments": {"PIP_REQUIRE_VIRTUALENV": "1"},
    "another environment": {"VIRTUAL_ENV": sys.prefix, "PYTHONHOME": "/nowhere"},
    "hidden": {"PYTHONPATH": "{hiding}"},
    "of the user": {"HOME": "{home}", "PIP_CONFIG_FILE": ""},
    "in a file": {"PIP_CONFIG_FILE": "{home}/.config/pip/pip.conf"},
}


@pytest.mark.parametrize("variables", DIVERSIONS.values(), ids=DIVERSIONS)
def test_packages_go_where_the_course_is_whatever_the_user_has_set(
    environment, monkeypatch, tmp_path, variables
):
    put(monkeypatch, environment)
    settings = tmp_path / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"[install]\ntarget = {tmp_path / 'away'}\n[global]\nuser = true\n"
    )
    with zipfile.ZipFile(next((environment / "wheels").iterdir())) as file:
        file.extractall(tmp_path / "hiding")
    named = {"away": tmp_path / "away", "hiding": tmp_path / "hiding", "home": tmp_path}
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(**named))
    install.write_pip_settings()
    wheels = environment / "wheels"
    said = install.pip("--no-index", "--find-links", wheels, "kdlab_tried")
    assert said == "" and not (tmp_path / "away").exists()
    found = install.answer("-I", "-c", "import kdlab_tried as k; print(k.__file__)")
    assert Path(found.strip()).is_relative_to(environment / ".venv")
    assert install.runs("-m", "pip", "uninstall", "--yes", "kdlab_tried")


def test_pip_keeps_what_says_where_packages_come_from(monkeypatch, place):
    theirs = place / "pip.conf"
    theirs.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nproxy = http://p:1\n"
        "[install]\nTarget = elsewhere\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(theirs))
    monkeypatch.setenv("PIP_CERT", "company.pem")
    monkeypatch.setattr(install, "VENV_PYTHON", Path(sys.executable))
    install.VENV.mkdir()
    install.write_pip_settings()
    listed = install.answer("-m", "pip", "config", "list")
    assert "https://mirror.example/simple" in listed and "http://p:1" in listed
    assert "company.pem" in listed and "elsewhere" not in listed
    assert install.PIP_SETTINGS.stat().st_mode & 0o077 == 0  # passwords stay private
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)  # no files at all
    assert install.ours()["PIP_CONFIG_FILE"] == os.devnull


# What is made, and what is left alone


@pytest.fixture
def foreign(place):
    """Somebody else's `.venv`, without pip, as uv makes it."""
    command = [sys.executable, "-m", "venv", "--without-pip", install.VENV]
    subprocess.run(command, check=True)
    (install.VENV / "precious").write_text("kept")
    return install.VENV


def test_an_environment_without_pip_gets_one_and_keeps_all_it_has(foreign):
    assert not install.runs("-m", "pip", "--version")
    install.prepare_environment()
    assert install.runs("-m", "pip", "--version")
    assert (foreign / "precious").read_text() == "kept"
    assert not install.MADE.exists()


@pytest.mark.parametrize("fault", ["no pip", "no Python"])
def test_a_foreign_environment_that_cannot_be_used_is_named_and_left_alone(
    foreign, monkeypatch, fault
):
    if fault == "no Python":
        install.VENV_PYTHON.unlink()
    runs = install.runs
    monkeypatch.setattr(install, "runs", lambda *a: "ensurepip" not in a and runs(*a))
    said = told(install.prepare_environment)
    assert str(foreign) in said and fault in said and "rename it" in said
    assert (foreign / "precious").read_text() == "kept"


def test_a_file_in_the_place_of_the_environment_is_left_alone(place):
    install.VENV.write_text("~/environments/course\n")
    assert "rename it" in told(install.prepare_environment)
    assert install.VENV.read_text() == "~/environments/course\n"


@pytest.fixture
def quick(monkeypatch):
    """Python makes environments with an empty pip: in 0.1 s, not in 3."""

    def make(command, **options):
        if "ensurepip" not in command:
            return run(command, **options)
        [site] = install.VENV.glob("lib/python*/site-packages")
        (site / "pip.py").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", make)


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a mark", "half of it"])
def test_an_environment_that_is_ours_is_made_and_made_again(place, quick, capsys, left):
    if left != "nothing":
        install.VENV.mkdir()
    if left in ("a mark", "half of it"):
        install.MADE.touch()
    if left == "half of it":
        install.VENV_PYTHON.parent.mkdir()
        install.VENV_PYTHON.symlink_to(place / "python-that-was-removed")
        (install.VENV / "lib").mkdir()
        (install.VENV / "lib" / "old").touch()
    install.prepare_environment()
    assert install.runs("-m", "pip", "--version") and install.MADE.exists()
    assert not (install.VENV / "lib" / "old").exists()
    assert "virtual environment" in capsys.readouterr().out
    install.prepare_environment()  # nothing to do
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("step", ["unlink", "rmtree", "run"])
def test_making_that_is_interrupted_anywhere_goes_on(place, quick, monkeypatch, step):
    install.VENV_PYTHON.parent.mkdir(parents=True)
    install.MADE.touch()
    (install.VENV / "pyvenv.cfg").touch()

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    of = {"unlink": Path, "rmtree": shutil, "run": subprocess}[step]
    with monkeypatch.context() as patch:
        patch.setattr(of, step, stop)
        patch.setattr(install, "runs", lambda *_: False)
        patch.setattr(sys, "argv", ["install.py"])
        assert "Interrupted" in told(install.main)
    install.prepare_environment()
    assert install.runs("-m", "pip", "--version")


# Sentences instead of tracebacks


def test_a_colon_in_the_path_is_named(place, monkeypatch):
    put(monkeypatch, place.with_name("week 1: start"))
    said = told(install.prepare_environment)
    assert "week 1: start" in said and "':'" in said and "rename the folder" in said


def test_a_python_without_ensurepip_says_what_to_install(place, monkeypatch):
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    said = told(install.prepare_environment)
    assert f"apt install python3.{sys.version_info[1]}-venv" in said
    assert sys.executable in said and "PYTHON=" in said
    assert not install.VENV.exists()


def test_what_python_says_about_an_environment_that_it_cannot_make(place, monkeypatch):
    fake = place / "python"
    fake.write_text("#!/bin/sh\necho 'Error: no such thing'; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    said = told(install.prepare_environment)
    assert said.startswith("Error: no such thing\n") and "could not make" in said
    assert install.MADE.exists()


def test_a_disk_that_is_full_before_pip_comes_is_named(place, monkeypatch):
    def run(command, **options):
        full = "ensurepip" in command
        said = "ERROR: [Errno 28] Kein Speicherplatz mehr\nTraceback (of pip's)\n"
        return subprocess.CompletedProcess(command, int(full), "", said)

    monkeypatch.setattr(subprocess, "run", run)
    said = told(install.make_environment)
    assert "Kein Speicherplatz" in said and "The disk is full" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("number", "why"),
    [(13, "cannot be written"), (30, "cannot be written"), (28, "disk is full")],
)
@pytest.mark.parametrize("step", ["mkdir", "touch", "write_text"])
def test_what_cannot_be_written_is_told_in_a_sentence(
    place, monkeypatch, number, why, step
):
    def refuse(path, *_, **__):
        raise OSError(number, "die Worte einer anderen Sprache", str(path))

    monkeypatch.setattr(install, "install_torch", lambda: None)
    monkeypatch.setattr(install, "pip", lambda *_: "")
    monkeypatch.setattr(sys, "argv", ["install.py"])
    if step == "write_text":  # at the very end
        install.VENV.mkdir()
        monkeypatch.setattr(install, "runs", lambda *_: True)
    monkeypatch.setattr(Path, step, refuse)
    said = told(install.main)
    assert why in said and str(place) in said and "anderen Sprache" in said


UNREACHABLE = """
WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError()'
ERROR: No matching distribution found for torch>=2.11
"""


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        ("ERROR: [Errno 28] No space left on device", "TMPDIR"),
        ("ERROR: [Errno 122] Disk quota exceeded", "Make room"),
        ("ERROR: [WinError 112] There is not enough space on the disk", "Make room"),
        ("ERROR: [Errno 13] Permission denied: '/course/.venv'", "Copy the course"),
        ("ERROR: [Errno 30] Read-only file system", "Copy the course"),
        (UNREACHABLE, "Go on-line, or tell pip"),
        ("ERROR: No matching distribution found for torch>=2.11", "README.md says"),
        ("ERROR: something that nobody has met", None),
    ],
)
def test_an_error_of_pip_comes_with_what_to_do(place, monkeypatch, said, advised):
    monkeypatch.setattr(install, "is_ready", lambda purpose: False)
    monkeypatch.setattr(install, "runs", lambda *_: True)
    monkeypatch.setattr(install, "install_torch", lambda: None)
    monkeypatch.setattr(install, "pip", lambda *_: "long ago\n" * 99 + said)
    install.VENV.mkdir()
    ended = told(install.set_up, "lab")
    assert said.splitlines()[-1] in ended
    assert ended.count("long ago") == (0 if advised else 19)
    assert "could not install" in ended
    assert (advised in ended) if advised else ended.endswith("install them.")
    assert not install.READY.exists()


NO_WHEEL = "ERROR: No matching distribution found for onnxruntime>=1.31; extra"


@pytest.mark.parametrize(("purpose", "extras"), [("lab", ""), ("test", "[test]")])
def test_without_wheels_for_the_extra_compress_the_course_comes_without(
    place, monkeypatch, capsys, purpose, extras
):
    calls, ran = [], []

    def pip(*wanted):
        calls.append(wanted)
        return NO_WHEEL if "compress" in wanted[-1] else ""

    monkeypatch.setattr(install, "is_ready", lambda purpose: False)
    monkeypatch.setattr(install, "runs", lambda *asked: ran.append(asked) or True)
    monkeypatch.setattr(install, "install_torch", lambda: None)
    monkeypatch.setattr(install.subprocess, "run", lambda *_, **__: Done)
    monkeypatch.setattr(install, "pip", pip)
    install.VENV.mkdir()
    install.set_up(purpose)
    first, second = calls
    wanted = "[compress,test]" if extras else "[compress]"
    assert first[:3] == ("--only-binary", "onnx,onnxruntime", "--editable")
    assert first[3:] == (f"{place}{wanted}",)
    assert second == ("--editable", f"{place}{extras}")
    printed = capsys.readouterr().out
    assert printed.count("without the extra `compress`") == 1 and "ERROR" not in printed
    assert ("-I", "-m", "lessons.order") in ran  # a forgotten cell is named
    assert install.READY.exists()


class Done:
    """Of a program that succeeded."""

    returncode = 0


def test_a_network_that_is_down_is_not_asked_twice(place, monkeypatch):
    calls = []
    monkeypatch.setattr(install, "pip", lambda *w: calls.append(w) or UNREACHABLE)
    assert "Go on-line" in told(install.install_course, [])
    assert len(calls) == 1


def test_with_wheels_one_call_installs_all(place, monkeypatch):
    calls = []
    monkeypatch.setattr(install, "pip", lambda *wanted: calls.append(wanted) or "")
    install.install_course(["test"])
    assert [call[-1] for call in calls] == [f"{place}[compress,test]"]


def test_packages_that_went_elsewhere_all_the_same_are_noticed(place, monkeypatch):
    monkeypatch.setattr(install, "install_torch", lambda: None)
    monkeypatch.setattr(install, "pip", lambda *_: "")
    monkeypatch.setattr(install, "runs", lambda *a: a[-1] != install.COMPLETE)
    install.VENV.mkdir()
    assert "pip config list" in told(install.set_up, "lab")
    assert not install.READY.exists()


@pytest.mark.parametrize(
    ("variable", "value"), [("KDLAB_DATA", '"'), ("KDLAB_DATASET", "letters")]
)
def test_a_mistyped_place_of_the_data_is_told_without_a_traceback(variable, value):
    ran = subprocess.run(
        [sys.executable, "-c", install.CHOOSE_DATA],
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1 and repr(value) in ran.stderr
    assert ran.stderr.startswith(variable) and ran.stderr.count("\n") == 1


# When to install


@pytest.fixture
def installed(place, monkeypatch):
    """An environment that runs and has everything."""
    monkeypatch.setattr(install, "runs", lambda *arguments: True)
    install.VENV.mkdir()
    return place


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
    put(monkeypatch, installed.rename(installed.with_name("moved")))
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


def test_an_environment_without_the_packages_is_not_ready(installed, monkeypatch):
    install.READY.write_text(install.fingerprint("lab"))
    monkeypatch.setattr(install, "runs", lambda *a: a[-1] != install.COMPLETE)
    assert not install.is_ready("lab")


def test_an_environment_has_the_packages_only_if_they_were_installed(
    environment, monkeypatch, tmp_path
):
    """Not where they merely lie in the folder from which it is asked."""
    put(monkeypatch, environment)
    for name in "torch", "torchvision", "jupyterlab", "kdlab":
        (tmp_path / f"{name}.py").touch()
    monkeypatch.chdir(tmp_path)
    assert install.runs("-c", install.COMPLETE)  # the current folder counts
    monkeypatch.setattr(install, "fingerprint", lambda purpose: "the same")
    install.READY.write_text("the same")
    assert not install.is_ready("lab")
    install.READY.unlink()
