"""The first cell of a notebook in Colab, after a clone: %run kdlab/binder/colab.py.

Colab keeps its own PyTorch, and the kernel that it needs: only what draws is renewed.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DRAWS = ["anywidget>=0.9.1", "ipywidgets>=8", "plotly>=6"]  # as ../requirements.txt


def main() -> None:
    """Install the clone where it lies: it reads its data; open it to this kernel."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    subprocess.run([*pip, *DRAWS], check=True)
    # a kernel that runs already sees no new package of this kind
    sys.path += [str(ROOT), str(ROOT / "notebooks")]
    os.chdir(ROOT / "notebooks")
    os.environ.setdefault("KDLAB_PROGRESS", ".")  # Colab names no notebook's file
    from google.colab import output

    output.enable_custom_widget_manager()


main()
