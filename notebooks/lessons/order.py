"""What a kernel says of a cell that ran too early, or was interrupted.

Cells are run out of order: after a restart, from the middle, an explorer before the
training that it shows. A traceback tells a student little of that. This extension of
IPython names the cell to run instead; all other errors stay as they are. Called once,
`python -m lessons.order` lets every kernel of its environment load it.
"""

import ast
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb

INTERRUPTED = "Interrupted. Run this cell again when you like, then those below it."
HALF_LOADED = (
    "Interrupted while a package was being loaded: what is half there may fail from now "
    "on. Restart: Kernel → Restart Kernel and Run up to Selected Cell."
)
TOP_LEVEL_AWAIT = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

CONFIG = """\
# of the kdlab course: says which cell to run first
get_config().InteractiveShellApp.extensions.append("lessons.order")
"""


def load_ipython_extension(shell) -> None:
    """Called by IPython, once for each kernel."""
    handled = NameError, KeyboardInterrupt, asyncio.CancelledError  # an awaiting cell
    shell.set_custom_exc(handled, explain)


def explain(shell, kind: type, error: BaseException, trace, tb_offset=None) -> None:
    """Show one line where one can be said, else the traceback."""
    if isinstance(error, NameError):
        said = too_early(error, trace, shell)
    else:
        said = HALF_LOADED if was_loading(trace, shell) else INTERRUPTED
    if said:
        shell._showtraceback(kind, error, [said])
    else:
        shell.showtraceback((kind, error, trace))


def was_loading(trace, shell) -> bool:
    """Whether a module was being imported; Python leaves out most of its own frames."""
    return any(
        frame.f_code.co_filename.startswith("<frozen importlib")
        or (frame.f_code.co_name == "<module>" and frame.f_globals is not shell.user_ns)
        for frame, _ in walk_tb(trace)
    )


def too_early(error: NameError, trace, shell) -> str | None:
    """Which cell to run first; None if it is no matter of order."""
    *_, (frame, _) = walk_tb(trace)
    if isinstance(error, UnboundLocalError) or frame.f_globals is not shell.user_ns:
        return None  # a mistake in a function's own lines
    for heading, source in cells(notebook_of(shell)):
        if error.name in names_made(source) and source != shell.user_ns["In"][-1]:
            return (
                f"`{error.name}` is not there yet. Run first, below “{heading}”, the "
                f"cell that begins with\n\n    {source.splitlines()[0]}\n\n"
                "or all above this one: Run → Run All Above Selected Cell."
            )
    return None


def notebook_of(shell) -> Path | None:
    """The file as the server, or VS Code, tells it to a kernel."""
    told = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return Path(told) if told and Path(told).is_file() else None


def cells(notebook: Path | None) -> Iterator[tuple[str, str]]:
    """The code cells as last saved, each with the heading above it."""
    if notebook is None:
        return
    heading = notebook.stem
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            yield heading, source
        else:
            titles = [line for line in source.splitlines() if line.startswith("#")]
            heading = titles[-1].lstrip("# ") if titles else heading


def names_made(source: str) -> set[str]:
    """What a cell assigns, defines or imports, by name."""
    try:
        tree = compile(source, "cell", "exec", flags=TOP_LEVEL_AWAIT)
    except SyntaxError:  # %magic
        return set()
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
    return made


def install() -> None:
    """Write the kernels' settings of this environment; another's file stays."""
    file = Path(sys.prefix, "etc", "ipython", "ipython_kernel_config.py")
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CONFIG, encoding="utf-8")


if __name__ == "__main__":
    install()
