"""The house rules of the package, read from its source: who may import whom, and sizes.

Nothing here imports the package, but for the last tests, which do so in a new process.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kdlab"
MODULES = sorted(PACKAGE.glob("*.py"))
FILES = [*MODULES, *sorted(PACKAGE.glob("*.js")), *sorted(PACKAGE.glob("*.css"))]

# Which modules of kdlab a module may import, also inside a function. A new module is
# added here first: that is the moment to ask where it belongs.
# Imported by notebooks and tests alone; explorers may build on explorers.
EXPLORERS = {
    "explorers",
    "explorers_temperature",
    "explorers_similarity",
    "explorers_omitted",
    "explorers_blend",
    "explorers_variance",
    "explorers_cell",
    "explorers_fidelity",
    "explorers_playground",
    "explorers_retrain",
    "explorers_pair",
    "explorers_runs",
}
ENDS = {*EXPLORERS, "exercises", "sweeps"}
ENGINE = {
    "panels",
    "picture",
    "steps",
    "picker",
    "tables",
    "controls",
}  # a sweep needs no pixels
TABLE = {
    "__init__": "",
    "losses": "",
    "metrics": "",
    "seeds": "",
    "models": "seeds",
    "features": "",
    "data": "",
    "results": "",
    "controls": "",
    "figures": "",
    "tables": "",
    "picker": "",
    "weights": "models",
    "targets": "",
    "training": "data losses metrics seeds",
    "objectives": "data losses training",
    "teachers": "data models objectives training weights",
    "pruning": "training models",
    "quantization": "training models",
    "deployment": "training models",
    "picture": "tables",
    "steps": "tables picture",
    "panels": "tables picture steps picker",
    "experiments": "data losses metrics models objectives targets teachers",
    "omitted": "data experiments teachers training",
    "grids": "experiments omitted results teachers",
    "figures_runs": "figures",
    "tasks": "losses metrics",
    "tasks_of_students": "losses metrics targets tasks",
    "checks": "seeds tasks tasks_of_students",
    "exercises": "checks",
}
TABLE["experiments"] += " training weights"
BELOW = "controls data experiments figures figures_runs losses metrics models"
BELOW += " objectives omitted panels results targets teachers training"
TABLE |= {name: f"{BELOW} explorers" for name in EXPLORERS - {"explorers"}}
TABLE["explorers"] = BELOW
MAY_IMPORT = {name: set(others.split()) for name, others in TABLE.items()}
MAY_IMPORT["sweeps"] = set(TABLE) - ENGINE - {"figures", "figures_runs"} - ENDS
WIDGETS = {"panels", "picture", "steps", "picker", "controls", *ENDS} - {"sweeps"}

# The only homes of a package; where the home is lazy, the import is inside a function.
HOMES = {
    "ipywidgets": WIDGETS,
    "anywidget": WIDGETS,
    "plotly": {"figures", "panels", "picture"},
    "matplotlib": {"figures"},
    "torchvision": {"data"},
    "pickle": {"data"},  # CIFAR-10 is published as pickles: read behind a checksum
}
LAZY = {("plotly", "panels"), ("plotly", "picture"), ("torchvision", "data")}
TORCH_ALONE = {
    "losses",
    "metrics",
    "models",
    "features",
    "targets",
}  # pure, so easy to reuse

# Six notebooks and their engine; what a later one adds is a decision taken here.
LINES_OF_THE_PACKAGE, LINES_OF_A_MODULE = 6800, 350
LINES_OF_A_FUNCTION, LINES_WITH_DOCSTRING = 40, 60


@pytest.fixture(params=MODULES, ids=lambda path: path.stem)
def module(request):
    return request.param


@pytest.fixture
def tree(module):
    return ast.parse(module.read_text(encoding="utf-8"))


def names_imported(node):
    """Dotted names that an import statement may load, as absolute names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        origin = f"kdlab.{node.module or ''}".rstrip(".") if node.level else node.module
        return [f"{origin}.{alias.name}" for alias in node.names]
    return []


def imports(tree):
    """Each dotted name imported anywhere in the module, with its line."""
    return [
        (name, node.lineno) for node in ast.walk(tree) for name in names_imported(node)
    ]


def at_module_level(tree):
    """Every node that runs at import: all but the insides of functions."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_module_level(child)


def functions(tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


# --- who imports whom --------------------------------------------------------------


def test_the_package_is_flat_and_its_table_is_a_dag():
    assert len(MODULES) > 1
    assert sorted(PACKAGE.rglob("*.py")) == MODULES, "kdlab has flat modules only"
    list(TopologicalSorter(MAY_IMPORT).static_order())  # raises CycleError
    for name, others in MAY_IMPORT.items():
        own = {name.partition("_")[0]}
        assert not others & ENDS - own, f"{name}: {ENDS} are for notebooks and tests"


def test_the_module_is_in_the_table(module):
    assert module.stem in MAY_IMPORT, (
        f"{module.name} is not in TABLE of {Path(__file__).name}: add it to the "
        "table, with the modules that it may import."
    )
    vague = {"utils", "util", "helpers", "common", "misc", "tools"}
    assert not set(module.stem.split("_")) & vague, "name a module by its subject"


def test_imports_within_the_package_follow_the_table(module, tree):
    allowed = MAY_IMPORT.get(module.stem, set())
    for name, line in imports(tree):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top == "kdlab":
            assert other in allowed, (
                f"{module.name}:{line} imports {name}; it may import {sorted(allowed)}"
            )


def test_packages_are_imported_only_where_they_are_at_home(module, tree):
    for name, line in imports(tree):
        homes = HOMES.get(name.partition(".")[0], {module.stem})
        assert module.stem in homes, (
            f"{module.name}:{line} imports {name}, whose home is {sorted(homes)}"
        )


def test_slow_packages_are_imported_inside_a_function(module, tree):
    for node in at_module_level(tree):
        for name in names_imported(node):
            assert (name.partition(".")[0], module.stem) not in LAZY, (
                f"{module.name}:{node.lineno} imports {name} for everybody: move it "
                "into the function that needs it"
            )


def test_pure_modules_import_torch_alone(module, tree):
    if module.stem in TORCH_ALONE:
        tops = {name.partition(".")[0] for name, _ in imports(tree)}
        assert tops - set(sys.stdlib_module_names) <= {"torch", "kdlab"}


# --- sizes -------------------------------------------------------------------------


def count_lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_package_can_be_read_in_an_afternoon():
    sizes = {path.name: count_lines(path) for path in MODULES}
    assert sum(sizes.values()) < LINES_OF_THE_PACKAGE, sizes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_read_in_one_sitting(path):
    assert count_lines(path) < LINES_OF_A_MODULE, "split it by topic"


def test_a_function_fits_on_a_screen(module, tree):
    for function in functions(tree):
        whole = function.end_lineno - function.lineno + 1
        first = function.body[0]
        documented = ast.get_docstring(function) is not None
        prose = first.end_lineno - first.lineno + 1 if documented else 0
        where = f"{module.name}:{function.lineno} {function.name}"
        assert whole - prose <= LINES_OF_A_FUNCTION, f"{where}: {whole - prose} lines"
        assert whole <= LINES_WITH_DOCSTRING, f"{where}: {whole} lines with docstring"


# --- manners -----------------------------------------------------------------------


def test_what_is_public_has_a_docstring(module, tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    assert ast.get_docstring(tree), f"{module.name} does not say what it holds"
    scopes = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for node in (node for scope in scopes for node in scope.body):
        if isinstance(node, kinds) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module.name}:{node.lineno} {node.name}"


def faults(tree):
    """(line, fault) of each construct that the package does without."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno, "a bare except hides every mistake"
        if isinstance(node, ast.Assert):
            yield (
                node.lineno,
                "assert is for tests: raise an error that says what to do",
            )
        if isinstance(node, ast.Global):
            yield node.lineno, "no global state"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "torch.load":
                yield node.lineno, "weights are safetensors: torch.load may run code"
            if called.endswith(("filterwarnings", "simplefilter")):
                yield node.lineno, "no blanket filter of warnings"
        name = getattr(node, "id", None) or getattr(node, "arg", None)
        if name == "alpha" and not isinstance(node, ast.keyword):
            yield node.lineno, "alpha means opposite things in public code: soft_weight"


def test_what_the_package_does_without(module, tree):
    found = [f"{module.name}:{line}: {fault}" for line, fault in faults(tree)]
    assert not found, "\n".join(found)


# --- at import, and in ruff's eyes -------------------------------------------------

IMPORT_ALL = """
import importlib, sys

def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        raise RuntimeError(f"the network is asked for at import: {event} {args}")

sys.addaudithook(refuse)
for name in sys.argv[1:]:
    importlib.import_module(name)
print("torchvision" in sys.modules)
"""


def run(*command):
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_importing_everything_is_quiet_and_asks_no_network():
    names = [f"kdlab.{path.stem}".removesuffix(".__init__") for path in MODULES]
    done = run(sys.executable, "-W", "error", "-c", IMPORT_ALL, *names)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == "False\n", "torchvision is loaded, or something is printed"


def test_ruff_finds_nothing():
    done = run(sys.executable, "-m", "ruff", "check", "--output-format=concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_is_formatted_as_ruff_does():
    files = [*ROOT.glob("*.py"), *MODULES, *(ROOT / "tests").rglob("*.py")]
    done = run(sys.executable, "-m", "ruff", "format", "--check", *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr
