"""What Binder does, without Docker: the build, then every notebook on one core and two.

The committed tree in a new folder and a new environment, binder/requirements.txt,
postBuild, and all that follows through binder/start. What was measured is kept in
build/binder: stopped, it goes on there; another commit begins anew. The environment may
name BINDER_NOTEBOOKS ("00 02": these alone), and BINDER_TORCH, a build for CPUs that
pip finds ("torch==2.13.0+cpu"), for where the index of PyTorch is not reached.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.table import Measurement, failure
from kdlab.datasets import data_folder

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "binder"
TOKEN = "rehearsal"
Known = dict[str, str | float | list[float]]


def measure() -> Iterator[Measurement]:
    """The build, the server, and for each notebook its times and its memory."""
    commit = said("git", "rev-parse", "HEAD", cwd=ROOT)
    known = load(commit)
    if "python" not in known:
        build(known)
    if "server" not in known:
        save(known, "server", server_memory())
    how = {name: known[name] for name in ("commit", "python", "index")}
    yield Measurement("binder", "the build", known["built"], "s", besides=how)
    yield Measurement("binder", "the server (RSS)", known["server"], "GB")
    wanted = os.environ.get("BINDER_NOTEBOOKS", "").split()
    for path in sorted(PLACE.glob("kdlab/notebooks/[0-9]*.ipynb")):
        if not wanted or path.name[:2] in wanted:
            yield from measure_notebook(path, known)


def measure_notebook(path: Path, known: Known) -> Iterator[Measurement]:
    """Two rows: how much longer one core takes, and the most memory of all runs."""
    for cores in (2, 1):
        name = f"{path.stem} on {cores}"
        if name not in known:
            print(f"  {name}", flush=True)
            try:
                save(known, name, run(path, cores))
            except (OSError, subprocess.SubprocessError) as error:
                yield failure("binder", error, name)
                return
    (two, most), (one, peak) = known[f"{path.stem} on 2"], known[f"{path.stem} on 1"]
    besides = {"one core, s": one, "two cores, s": two}
    what = f"{path.stem}: one core against two"
    yield Measurement("binder", what, one / two, "times", 3, besides=besides)
    kernel = max(most, peak)
    besides = {"kernel alone, MB": 1000 * kernel}
    what = f"{path.stem}: server and kernel at their peak (RSS)"
    everything = known["server"] + kernel
    yield Measurement("binder", what, everything, "GB", 2, besides=besides)


def build(known: Known) -> None:
    """What repo2docker does: the tree, the environment, the list, postBuild."""
    shutil.rmtree(PLACE, ignore_errors=True)
    tree = PLACE / "kdlab"
    tree.mkdir(parents=True)
    archive = PLACE / "tree.tar"
    said("git", "archive", "--output", archive, known["commit"], cwd=ROOT)
    shutil.unpack_archive(archive, tree, filter="data")
    copy_data(tree / "data")
    started = time.monotonic()
    listed = tree / "binder" / "requirements.txt"
    index, python = re.search(r"--index-url (\S+)", listed.read_text())[1], None
    arguments, found = ["-r", "binder/requirements.txt"], "PyTorch's"
    if reached(index):
        named = (tree / "binder" / "runtime.txt").read_text().strip().replace("-", "")
        python = shutil.which(named)
    else:
        at_hand = listed.with_name("at-hand.txt")
        at_hand.write_text(listed.read_text().replace(f"--index-url {index}", ""))
        build_for_cpus = os.environ.get("BINDER_TORCH", "").split()
        arguments, found = ["-r", "binder/at-hand.txt", *build_for_cpus], "pip's own"
    said(python or sys.executable, "-m", "venv", PLACE / "venv")
    pip = "python", "-m", "pip", "install", "--quiet", *arguments
    said(*pip, cwd=tree, env=environment())
    print(said("binder/postBuild", cwd=tree, env=environment()).splitlines()[-2:])
    known["index"], known["built"] = found, time.monotonic() - started
    save(known, "python", said("python", "--version", env=environment()))


def copy_data(folder: Path) -> None:
    """Datasets that this machine has, to where postBuild would download them."""
    for name in ("MNIST", "cifar-10-batches-py"):
        if (there := data_folder() / name).is_dir():
            shutil.copytree(there, folder / name)


def reached(index: str) -> bool:
    """Whether pip would find PyTorch there."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=20):
            return True
    except OSError:
        return False


def environment() -> dict[str, str]:
    """Ours, without the settings of the course and of the Python that runs this."""
    ours = re.compile("KDLAB_|PYTHON|OMP_|JUPYTER|VIRTUAL_ENV")
    kept = {name: text for name, text in os.environ.items() if not ours.match(name)}
    return kept | {"PATH": f"{PLACE / 'venv' / 'bin'}:{os.environ['PATH']}"}


def run(path: Path, cores: int) -> tuple[float, float]:
    """Seconds of a notebook from top to bottom, and the peak of its kernel in GB."""
    command = (
        "jupyter nbconvert --to notebook --execute --ExecutePreprocessor.timeout=-1"
    )
    output = ["--output-dir", PLACE / "executed", path]
    peak, started = 0.0, time.monotonic()
    with (
        open(PLACE / "log.txt", "w+") as log,  # noqa: PTH123 - one file, both streams
        start(command.split() + output, cores, log) as process,
    ):
        while process.poll() is None:
            peak = max(peak, memory(*psutil.Process(process.pid).children(True)))
            time.sleep(0.25)
        log.seek(0)
        if process.returncode:
            raise subprocess.SubprocessError(log.read()[-200:])
    return time.monotonic() - started, peak


def server_memory() -> float:
    """GB of a server, kernels not counted, that has started one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = f"jupyter lab --no-browser --ServerApp.port={port} --allow-root"
    options = [f"--IdentityProvider.token={TOKEN}"]
    with start(command.split() + options, 2, subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}/api/kernels?token={TOKEN}"
            ask = urllib.request.Request(address, b"{}", method="POST")
            for _ in range(60):
                try:
                    urllib.request.urlopen(ask, timeout=30).close()
                    break
                except OSError:
                    time.sleep(1)
            else:
                raise TimeoutError("JupyterLab did not start a kernel in a minute.")
            time.sleep(5)  # it loads its extensions
            return memory(psutil.Process(process.pid))
        finally:
            process.terminate()


def start(command: list, cores: int, log: object) -> subprocess.Popen:
    """A process on so many cores, by binder/start, which gives way to it."""
    process = subprocess.Popen(
        ["binder/start", *command],
        cwd=PLACE / "kdlab",
        env=environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    os.sched_setaffinity(process.pid, allowed)  # all that it starts inherits them
    return process


def memory(*processes: psutil.Process) -> float:
    """Their resident memory together, in GB; what has ended counts nothing."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e9


def load(commit: str) -> Known:
    """What is known of this commit."""
    path = PLACE / "results.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return known if known.get("commit") == commit else {"commit": commit}


def save(known: Known, name: str, found: object) -> None:
    """Keep it, also when this is stopped."""
    known[name] = found
    (PLACE / "results.json").write_text(json.dumps(known, indent=1))


def said(*command: object, **how: object) -> str:
    """What a command prints; what it complained of if it fails."""
    path = how.get("env", os.environ)["PATH"]
    program = shutil.which(command[0], path=path) or command[0]
    ran = subprocess.run([program, *command[1:]], capture_output=True, text=True, **how)
    if ran.returncode:
        raise subprocess.SubprocessError((ran.stderr or ran.stdout)[-200:])
    return ran.stdout.strip()
