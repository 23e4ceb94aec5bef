"""Set the course up in `.venv`: dependencies and data; `make` calls this first.

Only the standard library, because it runs before anything is installed.
"""

import hashlib
import http.client
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections import deque
from pathlib import Path

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
READY = VENV / "kdlab-ready"  # written last: what was installed, and from what
CPU_TORCH = ROOT / "binder" / "requirements.txt"  # names the index of the CPU wheels
STARTED = time.monotonic()


def main() -> None:
    """Install what is missing; nothing if nothing changed since the last time."""
    purpose = "test" if sys.argv[1:] == ["test"] else "lab"
    if is_ready(purpose):
        print(f"The course is installed in {VENV}.", flush=True)
        return
    print(f"Setting up the course in {VENV}: minutes now, seconds from then on.")
    if not runs("-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"):
        say(f"a virtual environment with Python {platform.python_version()}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    install_torch()
    say("the course and its dependencies, by pip")
    if not pip("--editable", f"{ROOT}[test]" if purpose == "test" else ROOT):
        sys.exit("pip could not install them: see above. The next run goes on here.")
    READY.write_text(fingerprint(purpose))
    say("data")  # may be interrupted: a notebook that finds none asks again
    choose = "from kdlab.data import course_dataset; course_dataset()"
    subprocess.run([VENV_PYTHON, "-c", choose], check=True)
    say("ready")


def is_ready(purpose: str) -> bool:
    """Whether what was installed serves the purpose; "test" includes "lab"."""
    enough = [fingerprint(purpose), fingerprint("test")]
    return READY.exists() and READY.read_text() in enough and runs("-V")


def fingerprint(purpose: str) -> str:
    """Changes with the lists of dependencies and with the place of the course."""
    lists = [
        (ROOT / name).read_bytes() for name in ("requirements.txt", "pyproject.toml")
    ]
    return f"{purpose} {hashlib.sha256(b''.join([bytes(ROOT), *lists])).hexdigest()}"


def install_torch() -> None:
    """On Linux without an NVIDIA GPU: the CPU wheels, if their index can be reached."""
    if not wants_cpu_wheels(platform.system(), has_nvidia_gpu()) or has_torch():
        return
    index = re.search(r"^--index-url (\S+)", CPU_TORCH.read_text(), re.MULTILINE)[1]
    say(f"PyTorch for CPUs, 0.2 GB, from {index}")
    if not answers(f"{index}/torch/") or not pip("-r", CPU_TORCH):
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
    asking = "install --quiet --dry-run --no-index --no-deps -r".split()
    return runs("-m", "pip", *asking, CPU_TORCH)


def answers(address: str, seconds: float = 3.0) -> bool:
    """Whether the address answers in time; a thread, as looking up a name may hang."""
    replies = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(address, timeout=seconds) as reply:
                replies.append(reply.status)
        except (OSError, http.client.HTTPException):
            pass  # no reply is the answer

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return replies == [200]


def runs(*arguments: str | Path) -> bool:
    """Whether the environment's Python exists and runs this without an error."""
    try:
        return not subprocess.run(
            [VENV_PYTHON, *arguments], capture_output=True
        ).returncode
    except OSError:  # no environment yet, or its Python was removed
        return False


def pip(*wanted: str | Path) -> bool:
    """Install; a terminal shows pip's latest line, an error its last twenty."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--progress-bar", "off", *wanted]
    latest: deque[str] = deque(maxlen=20)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **options) as process:
        for line in process.stdout:
            latest.append(line)
            if sys.stdout.isatty():
                print(f"\r\033[K         {line.strip()[:70]}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    if process.returncode:
        print("".join(latest), end="")
    return process.returncode == 0


def say(what: str) -> None:
    """One line: seconds since the start, and what is done now."""
    print(f"  {time.monotonic() - STARTED:4.0f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
