"""Open JupyterLab at the first notebook: `make lab` calls this with LAB_FLAGS.

The user's own settings stay in force, the theme or a password, but none leads to
another folder, another kernel, another JupyterLab or a place that cannot be written.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from jupyter_core import paths

SETTINGS = Path(__file__).resolve().parent
NOTEBOOKS = SETTINGS.parent / "notebooks"
DIVERTING = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS"),
    *("JUPYTER_NO_CONFIG", "JUPYTERLAB_DIR", "JUPYTER_GATEWAY_URL"),
)
KEPT = {  # what Jupyter and IPython write, and where unless a variable says so
    "JUPYTER_CONFIG_DIR": paths.jupyter_config_dir,
    "JUPYTER_DATA_DIR": paths.jupyter_data_dir,
    "JUPYTER_RUNTIME_DIR": paths.jupyter_runtime_dir,
    "IPYTHONDIR": lambda: os.environ.get("IPYTHONDIR") or Path.home() / ".ipython",
}


def main() -> None:
    """Become JupyterLab; on Windows, wait for it."""
    lead_to_the_course()
    keep_out_of_unwritable_places()
    root = f"--ServerApp.root_dir={NOTEBOOKS}"
    first = str(NOTEBOOKS / "00_start_here.ipynb")
    command = [sys.executable, "-m", "jupyterlab", root, *sys.argv[1:], first]
    if os.name == "nt":  # where exec would hand the terminal back at once
        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


def lead_to_the_course() -> None:
    """The course's settings, and the kernels and widgets of its own environment."""
    for name in DIVERTING:
        os.environ.pop(name, None)
    share = str(Path(sys.prefix, "share", "jupyter"))  # wins over the user's python3
    scripts = str(Path(sys.executable).parent)  # for `!pip` and terminals
    for name, first in {"JUPYTER_PATH": share, "PATH": scripts}.items():
        others = os.environ.get(name)
        os.environ[name] = os.pathsep.join(filter(None, [first, others]))
    os.environ["JUPYTER_CONFIG_PATH"] = str(SETTINGS)
    os.environ["VIRTUAL_ENV"] = sys.prefix
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # both as `make` does
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")


def keep_out_of_unwritable_places() -> None:
    """What finds no home that can be written goes where the system clears up."""
    unwritable = [name for name, place in KEPT.items() if not writable(place)]
    if not unwritable:
        return
    folder = tempfile.mkdtemp(prefix="kdlab-")
    print(f"What Jupyter cannot write in your home, it keeps in {folder}.", flush=True)
    for name in unwritable:
        os.environ[name] = str(Path(folder, name.lower()))
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = folder


def writable(place) -> bool:
    """Whether the folder is there, or can be made, and takes a file."""
    try:
        folder = Path(place())
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):  # the second: the user has no home at all
        return False


if __name__ == "__main__":
    main()
