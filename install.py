"""Set the course up in `.venv`: dependencies and data; `make` calls this first.

Only the standard library, because it runs before anything is installed. What the user
has set for Python and pip may say where packages come from, never where they go.
"""

import configparser
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python learns it here
    sys.exit(
        "The course needs Python 3.11 or newer; {} is {}.{}.\n"
        "Name a newer one, such as: make lab PYTHON=python3.12".format(
            sys.executable, *sys.version_info[:2]
        )
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MADE = VENV / "kdlab-made"  # written first: this environment is ours to make again
READY = VENV / "kdlab-ready"  # written last: what was installed, and from what
PIP_SETTINGS = VENV / "kdlab-pip.conf"
CPU_TORCH = ROOT / "binder" / "requirements.txt"  # names the index of the CPU wheels
STARTED = time.monotonic()

# Settings that lead Python or pip elsewhere, or let pip leave out what is needed.
OF_PYTHON = "HOME PATH STARTUP OPTIMIZE WARNINGS".split()
OF_PIP = "user target prefix root python dry-run no-deps no-build-isolation".split()
OF_PIP += "ignore-installed requirement editable report require-hashes".split()
OF_PIP += ["require-virtualenv"]

NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))"
COMPLETE = (
    "from importlib.util import find_spec as found; import sys; "
    "sys.exit(not all(map(found, ['torch', 'torchvision', 'jupyterlab', 'kdlab'])))"
)
CHOOSE_DATA = """
import sys
from kdlab.data import course_dataset
try:
    course_dataset()
except ValueError as error:
    sys.exit(str(error))
"""


def main() -> None:
    """Set the course up; what goes wrong is told in a sentence."""
    try:
        set_up("test" if sys.argv[1:] == ["test"] else "lab")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next run goes on here.")
    except (OSError, configparser.Error) as error:
        give_up("The course could not be set up.", str(error))


def set_up(purpose: str) -> None:
    """Install what is missing; nothing if nothing changed since the last time."""
    if is_ready(purpose):
        print(f"The course is installed in {VENV}.", flush=True)
        return
    print(f"Setting up the course in {VENV}: minutes now, seconds from then on.")
    prepare_environment()
    write_pip_settings()
    install_torch()
    install_course(["test"] if purpose == "test" else [])
    if not runs("-I", "-c", COMPLETE):
        sys.exit(
            f"pip succeeded, but {VENV} lacks packages. A setting of pip's must lead "
            f"them elsewhere: {VENV_PYTHON} -m pip config list"
        )
    runs("-I", "-m", "lessons.order")  # kernels will name a cell that was forgotten
    READY.write_text(fingerprint(purpose))
    say("data")  # may be interrupted: a notebook that finds none asks again
    if ended := subprocess.run([VENV_PYTHON, "-c", CHOOSE_DATA], env=ours()).returncode:
        sys.exit(ended)
    say("ready")


def install_course(extras: list[str]) -> None:
    """With these extras and `compress`; without it where its wheels do not exist."""
    say("the course and its dependencies, by pip")
    ready_made = "--only-binary", "onnx,onnxruntime"  # to build them takes a compiler
    failure = pip(*ready_made, "--editable", with_extras(["compress", *extras]))
    if failure and not advice(failure):
        say("once more without the extra `compress`: notebooks show its stored times")
        failure = pip("--editable", with_extras(extras))
    if failure:
        give_up("pip could not install them.", failure)


def with_extras(extras: list[str]) -> str:
    """The course as pip is told it: "/folder[compress,test]"."""
    return f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)


def is_ready(purpose: str) -> bool:
    """Whether what was installed serves the purpose; "test" includes "lab"."""
    enough = [fingerprint(purpose), fingerprint("test")]
    return READY.exists() and READY.read_text() in enough and runs("-I", "-c", COMPLETE)


def fingerprint(purpose: str) -> str:
    """Changes with the lists of dependencies and with the place of the course."""
    lists = [
        (ROOT / name).read_bytes() for name in ("requirements.txt", "pyproject.toml")
    ]
    return f"{purpose} {hashlib.sha256(b''.join([bytes(ROOT), *lists])).hexdigest()}"


def prepare_environment() -> None:
    """Make `.venv`, or make it again; one of somebody else's keeps all that it has."""
    new_enough = runs("-c", NEW_ENOUGH)
    if new_enough and runs("-m", "pip", "--version"):
        return
    empty = not os.path.lexists(VENV) or (VENV.is_dir() and not any(VENV.iterdir()))
    if not empty and not MADE.exists():
        if new_enough and runs("-m", "ensurepip"):  # uv makes environments without pip
            return
        lack = "no pip" if new_enough else "no Python 3.11 or newer that runs"
        sys.exit(
            f"{VENV} was not made by this install.py and has {lack}. It stays as it "
            "is: rename it or remove it, and start again."
        )
    if os.pathsep in str(ROOT):
        sys.exit(
            f"Python makes no environment in {ROOT}: that path has a {os.pathsep!r}. "
            "Move or rename the folder, and start again."
        )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"{sys.executable} cannot bring pip into an environment. On Debian and "
            f"Ubuntu: sudo apt install python3.{sys.version_info[1]}-venv\n"
            "Or name another Python, such as: make lab PYTHON=python3.12"
        )
    say(f"a virtual environment with Python {platform.python_version()}")
    make_environment()


def make_environment() -> None:
    """Make `.venv` anew; interrupted anywhere, it is still known as ours."""
    VENV.mkdir(exist_ok=True)
    MADE.touch()
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != MADE:
            entry.unlink()
    for command in (  # two, because venv keeps to itself what ensurepip says
        [sys.executable, "-m", "venv", "--without-pip", VENV],
        [VENV_PYTHON, "-I", "-m", "ensurepip", "--upgrade", "--default-pip"],
    ):
        made = subprocess.run(command, env=ours(), capture_output=True, text=True)
        if made.returncode:
            said = made.stdout + made.stderr
            give_up(f"{sys.executable} could not make {VENV}.", said)


def ours() -> dict[str, str]:
    """The environment variables without those that lead Python or pip elsewhere."""
    diverting = {"__PYVENV_LAUNCHER__", *(f"PYTHON{name}" for name in OF_PYTHON)}
    diverting |= {f"PIP_{name.replace('-', '_').upper()}" for name in OF_PIP}
    kept = {name: value for name, value in os.environ.items() if name not in diverting}
    if PIP_SETTINGS.exists() and kept.get("PIP_CONFIG_FILE") != os.devnull:
        kept["PIP_CONFIG_FILE"] = str(PIP_SETTINGS)
    return kept


def write_pip_settings() -> None:
    """A file that pip, and any pip that it calls, reads after all others of the user's.

    It takes up the user's PIP_CONFIG_FILE; an empty value makes pip forget a setting.
    """
    settings = configparser.RawConfigParser()
    settings.read(os.environ.get("PIP_CONFIG_FILE") or [])
    for section in "global", "install":
        if not settings.has_section(section):
            settings.add_section(section)
        for name in OF_PIP:
            settings.set(section, name, "")
    PIP_SETTINGS.touch(mode=0o600)  # an address may hold a password
    with PIP_SETTINGS.open("w") as file:
        settings.write(file)


def install_torch() -> None:
    """On Linux without an NVIDIA GPU: the CPU wheels, if pip reaches their index."""
    if not wants_cpu_wheels(platform.system(), has_nvidia_gpu()) or has_torch():
        return
    index = re.search(r"^--index-url (\S+)", CPU_TORCH.read_text(), re.MULTILINE)[1]
    say(f"PyTorch for CPUs, 0.2 GB, from {index}")
    if offers_cpu_wheels(index):
        failure = pip("-r", CPU_TORCH)
        if not failure:
            return
        if advice(failure):  # 25 times as much would fare no better
            give_up("pip could not install PyTorch.", failure)
    say("not to be had there: PyPI's PyTorch for GPUs, 5 GB, comes with the rest")


def wants_cpu_wheels(system: str, nvidia_gpu: bool) -> bool:
    """Only on Linux is PyPI's PyTorch built for CUDA; elsewhere it is small already."""
    return system == "Linux" and not nvidia_gpu


def has_nvidia_gpu() -> bool:
    """Whether NVIDIA's driver is installed."""
    driver = Path("/proc/driver/nvidia")
    return shutil.which("nvidia-smi") is not None or driver.exists()


def has_torch() -> bool:
    """Whether a torch and a torchvision that are new enough are installed already."""
    asking = "install --dry-run --no-index --no-deps -r".split()
    said = answer("-m", "pip", *asking, CPU_TORCH)  # it may know of wheels in a folder
    return said is not None and "Would install" not in said


def offers_cpu_wheels(index: str) -> bool:
    """Whether pip, which knows the user's proxy and certificates, finds them there."""
    asking = f"--index-url {index} --retries 0 --timeout 5".split()
    return all(
        "+cpu" in (answer("-m", "pip", "index", "versions", half, *asking) or "")
        for half in ("torchvision", "torch")
    )


def runs(*arguments: str | Path) -> bool:
    """Whether the environment's Python exists and runs this without an error."""
    return answer(*arguments) is not None


def answer(*arguments: str | Path, seconds: float = 120.0) -> str | None:
    """What the environment's Python prints; None if it fails, hangs or is not there."""
    options = {"capture_output": True, "text": True, "errors": "replace"}
    try:
        command = [VENV_PYTHON, *arguments]
        ran = subprocess.run(command, env=ours(), timeout=seconds, **options)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if ran.returncode else ran.stdout


def pip(*wanted: str | Path) -> str:
    """Install, while a terminal shows pip's latest line; what it said if it failed."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--progress-bar", "off", *wanted]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    options["errors"] = "replace"
    said = []
    with subprocess.Popen(command, env=ours(), **options) as process:
        for line in process.stdout:
            said.append(line)
            if sys.stdout.isatty():
                print(f"\r\033[K         {line.strip()[:70]}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    return "".join(said) if process.returncode else ""


def give_up(what: str, said: str) -> NoReturn:
    """End with what failed and what to do; who has no advice shows what was said."""
    lines, to_do = said.splitlines(), advice(said)
    if to_do:  # then a traceback helps nobody
        lines = [line for line in lines if re.match(r"ERROR|\[(Err|Win)", line)]
    sys.exit("\n".join([*lines[-20:], what, *filter(None, [to_do])]))


def advice(said: str) -> str:
    """What to do about an error of the system's or of pip's; empty if unknown."""
    errors = set(re.findall(r"\[(?:Errno|WinError) (\d+)\]", said))
    if errors & {"28", "112", "122"}:  # by number: the words are the user's language
        return (
            f"The disk is full: {ROOT} needs 2 GB, with PyTorch for GPUs 7 GB, and "
            f"{tempfile.gettempdir()} half of it for a while (TMPDIR names another "
            "folder). Make room and start again: it goes on here."
        )
    if errors & {"1", "13", "30"}:
        return (
            f"{ROOT} cannot be written. Copy the course to a folder of your own, and "
            "start it there."
        )
    if re.search(r"Retrying \(|timed out|ConnectionError|IncompleteRead|SSL", said):
        return (
            "The network, or a proxy, is in the way. Go on-line, or tell pip of yours "
            "(pip config set global.proxy, global.cert, global.index-url); then start "
            "again: it goes on here."
        )
    if "No matching distribution found for torch" in said:
        return (
            f"There is no PyTorch for {platform.system()} on {platform.machine()} with "
            f"Python {platform.python_version()}: README.md says what to do there."
        )
    return ""


def say(what: str) -> None:
    """One line: seconds since the start, and what is done now."""
    print(f"  {time.monotonic() - STARTED:4.0f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
