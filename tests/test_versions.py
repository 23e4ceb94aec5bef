"""Versions, systems and licences: what one place promises, all others do."""

import ast
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OLDEST = Version(PROJECT["requires-python"].removeprefix(">="))
WORKFLOW = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
JOBS = yaml.safe_load(WORKFLOW)["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")

# Dependencies


def dependencies() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    listed = [line.partition("#")[0] for line in lines]
    listed += [
        line for extra in PROJECT["optional-dependencies"].values() for line in extra
    ]
    return [Requirement(line) for line in listed if line.strip()]


@pytest.mark.parametrize("one", dependencies(), ids=lambda one: one.name)
def test_every_dependency_says_the_oldest_version_that_was_tried(one):
    """Without a bound, `make oldest` would take its first version ever."""
    bounds = {spec.operator for spec in one.specifier}
    assert bounds & {">=", "=="}, f"{one.name}: which is the oldest that works?"
    assert one.specifier.contains(importlib.metadata.version(one.name)) or (
        one.name in ("onnx", "onnxruntime", "onnxscript")  # not for every machine
    )


# The workflow


def pythons(job: str) -> list[Version]:
    """Those of the matrix or of a step, from old to new."""
    matrix = JOBS[job]["strategy"]["matrix"]
    named = [
        *matrix.get("python", []),
        *(one["python"] for one in matrix.get("include", [])),
    ]
    steps = [step.get("with", {}) for step in JOBS[job]["steps"]]
    named += [step["python-version"] for step in steps if "python-version" in step]
    return sorted(Version(name) for name in named if "$" not in name)


def test_each_python_from_the_oldest_to_the_newest_is_tested_once_at_least():
    tested = pythons("newest")
    assert tested[0] == OLDEST and len(tested) == len(set(tested))
    minors = [version.minor for version in tested]
    assert minors == list(range(minors[0], minors[-1] + 1)) and minors[-1] >= 15
    assert pythons("oldest") == [OLDEST]
    assert f"python:{OLDEST}-" in JOBS["everything"]["container"]["image"]


def test_the_three_systems_have_the_oldest_and_the_newest_python():
    matrix = JOBS["newest"]["strategy"]["matrix"]
    systems = {name.partition("-")[0] for name in matrix["os"]}
    assert systems == {"ubuntu", "macos", "windows"}
    ends = [Version(name) for name in matrix["python"]]
    assert ends == [pythons("newest")[0], pythons("newest")[-1]]


def test_what_the_workflow_runs_exists():
    ran = {job: [s["run"] for s in JOBS[job]["steps"] if "run" in s] for job in JOBS}
    assert ran["everything"] == [".ci/run"] and (ROOT / ".ci" / "run").exists()
    assert ran["oldest"] == ["make oldest"] and "\noldest: #" in MAKEFILE
    install, tests = ran["newest"]
    assert install == "python install.py test"
    python, windows = ".venv/bin/python", r".venv\Scripts\python"
    assert python in tests and windows in tests and "make" not in tests
    assert all(
        (ROOT / path).exists() for path in ("tests/browser", "notebooks/lessons")
    )


def test_libraries_are_run_in_the_version_that_a_page_names():
    recipe = MAKEFILE.partition("\npractice: ")[2].partition("\n\n")[0]
    ran = dict(re.findall(r"(\w+)==([\d.]+)", recipe))
    homes = re.findall(r"notebooks/lessons/(\w+) -k", recipe)
    for home, (name, version) in zip(homes, ran.items(), strict=True):
        [page] = (ROOT / "notebooks").glob(f"[0-9]*_{home}.ipynb")
        assert re.search(rf"`{name}`[^`]* {version}\b", page.read_text("utf-8"))


def test_all_three_run_the_same_tests():
    """Only the browser is left out where there is none."""

    def words(text: str) -> set[str]:
        joined = re.sub(r"\\\n", " ", text)
        found = re.search(r"-m pytest ((?:.|\n)*?)(\$\(TEST_FLAGS\)|\Z)", joined)[1]
        return set(found.split())

    recipes = dict(re.findall(r"^(\w+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))
    of_newest = words(JOBS["newest"]["steps"][-1]["run"])
    assert words(recipes["test"]) == words(recipes["oldest"])
    assert of_newest - words(recipes["test"]) == {"--ignore=tests/browser"}
    assert words(recipes["test"]) <= of_newest


# Texts, on every system


def shipped() -> list[Path]:
    """All Python but tests, and install.py, which reads what pip has written."""
    folders = "kdlab", "notebooks/lessons", "settings", "teaching"
    paths = [path for name in folders for path in (ROOT / name).rglob("*.py")]
    return [path for path in paths if not re.match("test_|conftest", path.name)]


def forgets_encoding(call: ast.Call) -> bool:
    """Path.read_text(), write_text() or a text's open() in the system's encoding."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    owner = getattr(getattr(call.func, "value", None), "id", "")
    if name not in ("open", "read_text", "write_text") or owner in ("gzip", "tarfile"):
        return False
    if any(word.arg == "encoding" for word in call.keywords):
        return False
    values = [one.value for one in call.args if isinstance(one, ast.Constant)]
    if name == "open":
        return not any("b" in value for value in values if isinstance(value, str))
    return "utf-8" not in values


@pytest.mark.parametrize(
    ("code", "forgotten"),
    [
        ("path.read_text()", True),
        ('path.read_text("utf-8")', False),
        ('path.write_text("a")', True),
        ('path.write_text("a", encoding="utf-8")', False),
        ('path.open("w")', True),
        ('path.open("wb")', False),
        ('open(path, "w", encoding="utf-8")', False),
    ],
)
def test_what_counts_as_forgotten(code, forgotten):
    assert forgets_encoding(ast.parse(code).body[0].value) is forgotten


def test_no_text_is_read_or_written_in_an_encoding_of_the_system():
    """Windows' is not UTF-8 before Python 3.15: a panel would show â for ⚠."""
    forgotten = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in shipped()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and forgets_encoding(node)
    ]
    assert len(shipped()) > 50 and not forgotten


# Licences, and how to name the course


def test_code_is_under_mit_and_text_under_cc_by_everywhere():
    mit, cc = (ROOT / name for name in PROJECT["license-files"])
    said = mit.read_text("utf-8")
    assert said.startswith("MIT License\n\nCopyright (c) 2026 the kdlab authors\n")
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    assert CITATION["license"] == "MIT"  # a list would mean: either of them
    assert "CC BY 4.0" in CITATION["abstract"]
    assert (
        importlib.metadata.metadata("kdlab")["License-Expression"] == PROJECT["license"]
    )
    readme = (ROOT / "README.md").read_text("utf-8")
    assert (
        f"[MIT licence]({mit.name})" in readme and f"[CC BY 4.0]({cc.name})" in readme
    )
    assert "the kdlab authors" in readme.partition("## Licence")[2]


def test_the_text_of_cc_by_is_whole():
    text = (ROOT / "LICENSE-CC-BY-4.0").read_text("utf-8")
    assert text.startswith("Attribution 4.0 International\n")
    sections = re.findall(r"^Section (\d) -- (.+)\.$", text, re.MULTILINE)
    assert [int(number) for number, _ in sections] == [*range(1, 9)]
    assert text.rstrip().endswith(
        "Creative Commons may be contacted at creativecommons.org."
    )
    assert 18_000 < len(text) < 19_000


def test_who_made_the_course_and_its_version_are_the_same_everywhere():
    [author], [named] = PROJECT["authors"], CITATION["authors"]
    assert author == named == {"name": "the kdlab authors"}
    assert str(CITATION["version"]) == PROJECT["version"]
    assert {"cff-version", "message", "title"} <= CITATION.keys()  # which it must have


def test_the_changelog_begins_with_what_comes_or_with_this_version():
    headings = re.findall(r"^## \[(.+?)\](.*)$", CHANGELOG, re.MULTILINE)
    released = [name for name, _ in headings if name != "Unreleased"]
    assert headings[0][0] in ("Unreleased", PROJECT["version"])
    assert released[:1] == [PROJECT["version"]] or (
        not released and f"this will be {PROJECT['version']}." in CHANGELOG
    )
    for name, rest in headings:
        assert name == "Unreleased" or re.fullmatch(r" - \d{4}-\d\d-\d\d", rest)
    kinds = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
