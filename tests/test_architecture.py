"""The house rules, read from the source: who may import whom, and sizes.

The package is the method, at its top, and six wings; a lesson's home uses them all.
Nothing here imports the package, but for the last tests, which do so in a new process.
A new lesson adds no entry here.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE, LESSONS = ROOT / "kdlab", ROOT / "notebooks" / "lessons"
OF_PACKAGE = sorted(PACKAGE.rglob("*.py"))
HOMES = sorted(path.parent for path in LESSONS.glob("*/__init__.py"))
OF_LESSONS = [
    path
    for home in HOMES
    for path in sorted(home.glob("*.py"))
    if path.stem != "solutions" and not path.stem.startswith("test_")
]
MODULES = [*OF_PACKAGE, *OF_LESSONS]
FILES = [*MODULES, *PACKAGE.rglob("*.js"), *PACKAGE.rglob("*.css")]

# Which parts of kdlab a part may import: the modules of the method, one by one, and the
# wings. A new module of the method is added here: the moment to ask where it belongs.
METHOD = {
    "seeds": "",
    "losses": "",
    "metrics": "losses",
    "hints": "data losses",
    "relations": "",
    "augmentations": "",
    "fetching": "",
    "datasets": "fetching",
    "results": "",
    "data": "datasets",
    "models": "data seeds",
    "weights": "models",
    "demands": "",
    "speed": "data losses seeds",
    "checkpoints": "demands speed",
    "training": "checkpoints data demands losses metrics seeds speed",
    "objectives": "augmentations data losses training",
}
ALL_METHOD = " ".join(METHOD)
WINGS = {
    "figures": "",
    "panels": "",
    "exercises": "seeds",
    "experiments": f"{ALL_METHOD} compression",
    "compression": ALL_METHOD,
    "explorers": f"{ALL_METHOD} figures panels experiments compression",
}
MAY_IMPORT = {name: set(to.split()) for name, to in {**METHOD, **WINGS}.items()}

# The only homes of a package; where the home is lazy, the import is inside a function.
AT_HOME = {
    "ipywidgets": {"panels", "exercises", "explorers", "lessons"},
    "anywidget": {"panels", "exercises", "lessons"},
    "plotly": {"panels"},
    "matplotlib": set(),
    "torchvision": set(),
    "onnx": {"compression"},
    "onnxscript": set(),  # torch's exporter imports it
    "onnxruntime": {"compression"},
    "pickle": {"datasets"},  # CIFAR-10 is published as pickles: read behind a checksum
}
LAZY = {"plotly", "torchvision", "onnx", "onnxscript", "onnxruntime"}
# Easy to reuse:
TORCH_ALONE = {"losses", "metrics", "models", "hints", "relations", "augmentations"}

# What exists today: who adds to it looks first for what can go. A lesson with two or
# three explorers has 300 lines; those with six that train have up to 750.
LINES_OF_THE_PACKAGE, LINES_OF_A_LESSON, LINES_OF_A_MODULE = 7800, 750, 350
LONGER = {"arena": 1260, "quantization": 900}  # experiments of two kinds, a pocket
LONGER |= {"what_to_imitate": 784}  # seven losses, their controls, three explorers
LONGER |= {"strangers": 1170}  # four experiments, two of them live, six explorers
LONGER |= {"how_it_goes_wrong": 757}  # eight bugs, a kit, four tables
LINES_OF_A_FUNCTION, LINES_WITH_DOCSTRING = 40, 60


def part_of(path):
    """'losses' of the method, the name of a wing, or 'lessons'."""
    if LESSONS in path.parents:
        return "lessons"
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def dotted(path):
    """The name by which a module is imported."""
    base = LESSONS.parent if LESSONS in path.parents else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts)


@pytest.fixture(params=MODULES, ids=dotted)
def module(request):
    return request.param


@pytest.fixture
def tree(module):
    return ast.parse(module.read_text(encoding="utf-8"))


def names_imported(node, module):
    """Dotted names that an import statement may load, as absolute names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        origin = node.module or ""
        if node.level:
            package = dotted(module).split(".")[: -node.level]
            origin = ".".join([*package, *filter(None, [node.module])])
        return [f"{origin}.{alias.name}" for alias in node.names]
    return []


def imports(tree, module):
    """Each dotted name imported anywhere in the module, with its line."""
    return [
        (name, node.lineno)
        for node in ast.walk(tree)
        for name in names_imported(node, module)
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


def test_the_parts_of_the_package_are_those_of_the_table_and_no_arrow_goes_round():
    assert len(OF_LESSONS) > len(HOMES) > 5
    there = {part_of(path) for path in OF_PACKAGE} - {"__init__"}
    assert there == set(MAY_IMPORT), "add it to METHOD or WINGS, with what it imports"
    list(TopologicalSorter(MAY_IMPORT).static_order())  # raises CycleError
    for path in OF_PACKAGE:
        assert len(path.relative_to(PACKAGE).parts) <= 2, "a wing has no wings"
    vague = {"utils", "util", "helpers", "common", "misc", "tools"}
    assert not {path.stem for path in MODULES} & vague, "name a module by its subject"


def test_imports_follow_the_arrows(module, tree):
    part = part_of(module)
    for name, line in imports(tree, module):
        top, *rest = name.split(".")
        where = f"{module.relative_to(ROOT)}:{line} imports {name}"
        if top == "kdlab" and part != "lessons":
            assert rest[0] in MAY_IMPORT[part] | {part}, where
        if top == "lessons":
            assert part == "lessons", f"{where}: the package knows no lesson"
            assert rest[0] == module.parent.name, f"{where}: no lesson knows another"


def test_the_modules_of_a_wing_import_each_other_one_way():
    for wing in WINGS:
        arrows = {}
        for path in sorted((PACKAGE / wing).glob("*.py")):
            found = imports(ast.parse(path.read_text(encoding="utf-8")), path)
            own = [name.split(".") for name, _ in found]
            inside = {name[2] for name in own if name[:2] == ["kdlab", wing]}
            arrows[path.stem] = inside - {path.stem}
        list(TopologicalSorter(arrows).static_order())  # raises CycleError


def test_packages_are_imported_only_where_they_are_at_home(module, tree):
    part = part_of(module)
    for name, line in imports(tree, module):
        homes = AT_HOME.get(name.partition(".")[0], {part})
        assert part in homes, (
            f"{module.name}:{line} imports {name}, whose home is {sorted(homes)}"
        )


def test_slow_packages_are_imported_inside_a_function(module, tree):
    for node in at_module_level(tree):
        for name in names_imported(node, module):
            assert name.partition(".")[0] not in LAZY, (
                f"{module.name}:{node.lineno} imports {name} for everybody: move it "
                "into the function that needs it"
            )


def test_pure_modules_import_torch_alone(module, tree):
    if part_of(module) in TORCH_ALONE:
        tops = {name.partition(".")[0] for name, _ in imports(tree, module)}
        assert tops - set(sys.stdlib_module_names) <= {"torch", "kdlab"}


# --- sizes -------------------------------------------------------------------------


def count_lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_package_can_be_read_in_an_afternoon():
    sizes = {dotted(path): count_lines(path) for path in OF_PACKAGE}
    assert sum(sizes.values()) < LINES_OF_THE_PACKAGE, sizes


@pytest.mark.parametrize("home", HOMES, ids=lambda path: path.name)
def test_a_lesson_fits_in_its_home(home):
    sizes = {path.name: count_lines(path) for path in OF_LESSONS if path.parent == home}
    assert sum(sizes.values()) <= LONGER.get(home.name, LINES_OF_A_LESSON), sizes


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
            if called == "torch.load" and "weights_only=True" not in ast.unparse(node):
                yield node.lineno, "torch.load may run code: weights_only=True"
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
    names = [dotted(path).removesuffix(".__init__") for path in MODULES]
    done = run(sys.executable, "-W", "error", "-c", IMPORT_ALL, *names)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == "False\n", "torchvision is loaded, or something is printed"


def test_ruff_finds_nothing():
    done = run(sys.executable, "-m", "ruff", "check", "--output-format=concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_is_formatted_as_ruff_does():
    places = [*ROOT.glob("*.py"), PACKAGE, LESSONS, ROOT / "tests"]
    done = run(sys.executable, "-m", "ruff", "format", "--check", *map(str, places))
    assert done.returncode == 0, done.stdout + done.stderr
