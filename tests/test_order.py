"""Cells that run too early or are interrupted: one message, in a real kernel."""

import sys
import time

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from lessons import order

CELLS = [
    new_markdown_cell("# 99 · A page"),
    new_code_cell("import math\nfrom time import sleep"),
    new_markdown_cell("Words.\n\n## Train it\n\nMore words."),
    new_code_cell("%time 1\nlost = 1"),
    new_code_cell("panel = math.pi\nown: int = 2"),
    new_code_cell("def loss(x):\n    return factor * x"),
    new_code_cell("factor = loss(1)"),
    new_code_cell("print(await panel)"),
]
SLOW = "import time\ntime.sleep(30)\n"


class Kernel:
    """Runs a cell: its status, and what a student reads."""

    def __init__(self, folder):
        self.notebook = folder / "99_page.ipynb"
        nbformat.write(new_notebook(cells=CELLS), self.notebook)
        (folder / "slow_to_load.py").write_text(SLOW)
        self.manager, self.client = start_new_kernel(
            cwd=str(folder),
            env={"JPY_SESSION_NAME": str(self.notebook)},
            extra_arguments=["--ext=lessons.order"],
        )

    def run(self, code, interrupt=False):
        def shown(message):
            if message["msg_type"] == "error":
                said.extend(message["content"]["traceback"])
            if interrupt and message["msg_type"] == "execute_input":
                time.sleep(0.5)
                self.manager.interrupt_kernel()

        said = []
        reply = self.client.execute_interactive(code, output_hook=shown, timeout=60)
        return reply["content"]["status"], "\n".join(said)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    running = Kernel(tmp_path_factory.mktemp("order"))
    yield running
    running.client.stop_channels()
    running.manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("ran", "name", "heading", "first"),
    [
        ("print(panel)", "panel", "Train it", "panel = math.pi"),
        ("own + 1", "own", "Train it", "panel = math.pi"),
        ("print(await panel)", "panel", "Train it", "panel = math.pi"),
        ("sleep(1)", "sleep", "99 · A page", "import math"),
        ("loss(2)", "loss", "Train it", "def loss(x):"),
        ("(lambda: panel)()", "panel", "Train it", "panel = math.pi"),
    ],
)
def test_a_cell_that_runs_too_early_is_told_which_to_run(
    kernel, ran, name, heading, first
):
    status, said = kernel.run(ran)
    assert status == "error"  # Run all stops here
    assert said.startswith(f"`{name}` is not there yet.")
    assert f"below “{heading}”" in said and f"\n    {first}\n" in said
    assert len(said.splitlines()) == 5


@pytest.mark.parametrize(
    ("ran", "told"),
    [
        ("pannel", "NameError"),  # nobody makes it: a slip of the pen
        ("factor = loss(1)", "NameError"),  # by itself it would not help
        ("def f():\n    x += 1\nf()", "UnboundLocalError"),
        ("1 / 0", "ZeroDivisionError"),
        ("import json\njson.loads('x')", "JSONDecodeError"),
    ],
)
def test_other_errors_keep_their_traceback(kernel, ran, told):
    kernel.run("def loss(x):\n    return factor * x")
    status, said = kernel.run(ran)
    assert status == "error" and told in said and "there yet" not in said
    assert len(said.splitlines()) > 5


@pytest.mark.parametrize(
    "ran", ["import time; time.sleep(30)", "import asyncio; await asyncio.sleep(30)"]
)
def test_an_interrupted_cell_says_so_in_a_line_and_may_run_again(kernel, ran):
    assert kernel.run(ran, interrupt=True) == ("error", order.INTERRUPTED)
    assert kernel.run(ran.replace("30", "0")) == ("ok", "")


def test_a_package_that_is_half_loaded_asks_for_a_restart(kernel):
    status, said = kernel.run("import slow_to_load", interrupt=True)
    assert (status, said) == ("error", order.HALF_LOADED)


def test_without_a_file_the_traceback_stays(kernel):
    kernel.run("import os; os.environ['JPY_SESSION_NAME'] = 'nowhere.ipynb'")
    assert "Traceback" in kernel.run("print(panel)")[1]
    kernel.run(f"__vsc_ipynb_file__ = {str(kernel.notebook)!r}")
    assert "is not there yet" in kernel.run("print(panel)")[1]


def test_kernels_of_an_environment_load_it_unless_it_has_settings(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    order.install()
    written = tmp_path / "etc/ipython/ipython_kernel_config.py"
    config = Config()
    exec(written.read_text(), {"get_config": lambda: config})
    extensions = config.InteractiveShellApp.extensions
    assert extensions.get_value([]) == ["lessons.order"]
    written.write_text("# the user's own")
    order.install()
    assert written.read_text() == "# the user's own"
