"""Every notebook keeps the house form, so a reader always knows where things are."""

import ast
import json
import re
import subprocess
import sys
from statistics import median

import nbformat
import pytest

import claims
from kdlab.exercises import load_words

FOLDER, NOTEBOOKS = claims.NOTEBOOKS, claims.ALL
WELCOME = "00_start_here"  # orientation: it teaches no idea yet

MAX_CODE_LINES, MEDIAN_CODE_LINES = 20, 8
PROSE_PER_CODE = (0.5, 1.6)

SECTIONS = {  # what a lesson has: a pattern in its markdown, and what it is for
    r"^## Idea\b": "the idea in words and one equation",
    r"^(##+ |\*\*)Predict first\b": "a question to commit to before the experiment",
    r"^##+ Where this breaks\b": "when the effect vanishes or reverses",
    r"^(##+ |\*\*)(In three sentences|Summary)\b": "the summary in three sentences",
    r"^(##+ |\*\*)Sources\b": "papers with section or equation, and year",
}
FOREIGN = {  # what has no place in a cell of code: a pattern, and where it belongs
    r"^\s*[%!]": "no magics: what is needed is installed before JupyterLab starts",
    r"\bget_ipython\b": "no magics by the back door",
    r"\bsys\.path\b": "kdlab is installed",
    r"\bdef plot_": "a picture belongs in the lesson's home",
    r"\b(ipywidgets|anywidget)\b": "widgets belong in the lesson's home",
    r"\b(plotly|matplotlib)\b": "pictures belong in the lesson's home",
    r"\bopen\(|\bPath\(|\.read_text\(|\.write_text\(": "no file handling in a notebook",
    r"\bmanual_seed\(|\brandom\.seed\(": "no global seeding: pass seed=",
    r"\balpha\b": "alpha means opposite things in public code: soft_weight",
}
ABSOLUTE = r"(?<![\w.])/(home|root|Users|tmp|work|mnt|opt|content)/|\b[A-Z]:\\|file://"


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(
    params=[p for p in NOTEBOOKS if p.stem != WELCOME], ids=lambda p: p.stem
)
def lesson(request):
    """A notebook that teaches: all but the welcome."""
    return request.param


@pytest.fixture
def cells(path):
    return read(path).cells


@pytest.fixture
def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def words_of(path):
    """The texts of its lesson: predictions and quiz."""
    return load_words(claims.home_of(path) / "words.toml")


def markdown(path):
    return "\n\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")


def calls(source):
    """Names of all that a cell calls: `f(...)` and `thing.f(...)` are both f."""
    found = [
        node.func for node in ast.walk(ast.parse(source)) if type(node) is ast.Call
    ]
    return [getattr(func, "id", None) or getattr(func, "attr", "") for func in found]


# --- the collection ----------------------------------------------------------------


def test_there_are_notebooks_and_their_names_are_in_order():
    assert NOTEBOOKS, f"there is no notebook in {FOLDER}"
    for path in FOLDER.glob("*.ipynb"):
        named = re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem)
        assert named, f"{path.name}: a name is NN_topic.ipynb, in lower case"
    numbers = [path.stem[:2] for path in NOTEBOOKS]
    assert len(set(numbers)) == len(numbers), f"two notebooks of one number: {numbers}"


def test_the_file_is_a_clean_notebook(path):
    raw = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell.get("id") for cell in raw["cells"]]
    assert all(ids), f"cell {ids.index(None) if None in ids else 0} has no id"
    assert len(set(ids)) == len(ids), "two cells of one id"
    nbformat.validate(raw)
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in raw["metadata"], "saved widget state: clear it"


# --- cell by cell ------------------------------------------------------------------


def test_opens_with_a_title_a_question_and_the_minutes(path, cells):
    first = cells[0].source
    assert re.match(rf"# {path.stem[:2]} · \S", first), (
        f"the first line is '# {path.stem[:2]} · Title', got {first[:40]!r}"
    )
    assert "**Question.**" in first, "say the one question after '**Question.**'"
    assert re.search(r"\d+ min", first), "say how many minutes it takes"
    assert "you will be able to" in first.lower(), (
        "say what the reader can do afterwards"
    )


def test_the_second_cell_imports_and_nothing_else(cells):
    second = cells[1]
    assert second.cell_type == "code", "the second cell is the imports"
    for statement in ast.parse(second.source).body:
        assert isinstance(statement, ast.Import | ast.ImportFrom), (
            f"only imports in the second cell, got: {ast.unparse(statement)}"
        )


def test_a_lesson_has_its_sections(lesson):
    text = markdown(lesson)
    for pattern, purpose in SECTIONS.items():
        assert re.search(pattern, text, re.MULTILINE), (
            f"{lesson.name} lacks a section that matches {pattern!r}: {purpose}"
        )


def test_code_cells_are_short(code):
    sizes = [len(cell.source.splitlines()) for cell in code]
    longest = code[sizes.index(max(sizes))].source
    assert max(sizes) <= MAX_CODE_LINES, f"{max(sizes)} lines:\n{longest}"
    assert median(sizes) <= MEDIAN_CODE_LINES, f"median of {sorted(sizes)}"
    assert min(sizes) > 0, "an empty code cell"


def test_prose_and_code_take_turns(cells, code):
    ratio = (len(cells) - len(code)) / len(code)
    low, high = PROSE_PER_CODE
    assert low <= ratio <= high, (
        f"{len(cells) - len(code)} markdown cells for {len(code)} code cells: "
        f"{ratio:.2f}, not between {low} and {high}"
    )


def test_nothing_in_the_code_belongs_elsewhere(code):
    for cell in code:
        for pattern, reason in FOREIGN.items():
            found = re.search(pattern, cell.source, re.MULTILINE)
            assert not found, f"{found[0]!r}: {reason}\n\n{cell.source}"


def test_no_output_is_stored_for_it_would_tell_an_answer(code):
    for cell in code:
        assert not cell.outputs and cell.execution_count is None, (
            f"clear all outputs before saving:\n{cell.source}"
        )


def test_the_claims_are_those_whose_text_stands_with_the_lesson(path, code):
    marked = [cell.id for cell in code if claims.is_claim(cell)]
    expected = claims.claims_of(path)
    assert marked, f"state at least one checked claim, tagged {claims.CLAIM}"
    assert list(expected) == marked, "run make notebooks"
    assert all(text.strip() for text in expected.values()), "a claim prints something"


@pytest.mark.parametrize(("text", "passes"), [("5\n", True), ("6\n", False)])
def test_nbval_compares_the_claims_of_a_copy(tmp_path, text, passes):
    cell = nbformat.v4.new_code_cell("print(2 + 3)", id="sum")
    cell.metadata.tags = [claims.CLAIM]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(claims.with_claims(notebook, {"sum": text}), tmp_path / "n.ipynb")
    nbval = ["-m", "pytest", "--nbval-lax", "--nbval-current-env", "n.ipynb"]
    done = subprocess.run([sys.executable, *nbval], cwd=tmp_path, capture_output=True)
    assert (done.returncode == 0) == passes, done.stdout.decode()


def test_an_explorer_is_exactly_one_call(code):
    def explores(source):
        return [n for n in calls(source) if n.endswith("_explorer")]

    found = [cell for cell in code if explores(cell.source)]
    assert found, "there is no explorer to play with"
    for cell in found:
        shown = re.fullmatch(r"(\w+) = (.*)\n\1", cell.source, re.DOTALL)
        body = ast.parse(shown[2] if shown else cell.source).body  # panel = f(); panel
        one = len(body) == 1 and isinstance(body[0], ast.Expr)
        assert one and isinstance(body[0].value, ast.Call), (
            f"the cell of an explorer is the one call that shows it:\n{cell.source}"
        )


def test_every_prediction_meets_its_result(lesson):
    cells = [c.source for c in read(lesson).cells if c.cell_type == "code"]
    asked = re.findall(r'lesson\.predict\("(\w+)"\)', "\n".join(cells))
    assert asked and asked == list(words_of(lesson)["predict"]), "as in words.toml"
    for name in asked:
        question = f'{name} = lesson.predict("{name}")\n{name}'
        assert question in cells, f"a cell is\n{question}"
        shown = [n for n, source in enumerate(cells) if f"{name}.reveal(" in source]
        assert shown and min(shown) > cells.index(question), f"{name}.reveal() later"


def test_no_cell_of_code_tells_an_answer(path, code):
    predictions = words_of(path)["predict"].values()
    choices = {choice for words in predictions for choice in words["choices"]}
    for cell in code:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Constant):
                assert node.value not in choices, f"{node.value!r}:\n{cell.source}"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("reveal"):
                given = [*node.args, *(word.value for word in node.keywords)]
                literal = [part for part in given if isinstance(part, ast.Constant)]
                assert not literal, f"reveal what was measured:\n{cell.source}"


def test_it_ends_with_its_own_quiz(path, code):
    sources = [cell.source for cell in code]
    assert "lesson.quiz()" in sources, "a cell is lesson.quiz()"
    home = f"from lessons import {path.stem[3:]} as lesson"
    assert home in sources[0].splitlines(), f"the imports hold {home}"


def test_it_has_two_to_four_exercises_that_are_checked(path, code):
    tasks = re.findall(r"lesson\.check\((\w+)\)", "\n".join(c.source for c in code))
    assert 2 <= len(tasks) <= 4, tasks
    assert re.search(r"^## Exercises\b", markdown(path), re.MULTILINE)
    solutions = f"](lessons/{path.stem[3:]}/solutions.py)"
    assert solutions in markdown(path), f"link the solutions: {solutions}"


def test_the_last_cell_leads_on(path, cells):
    last = cells[-1].source
    assert cells[-1].cell_type == "markdown" and "Next" in last, (
        "the last cell says what is Next"
    )
    links = re.findall(r"\]\((\d\d)_\w+\.ipynb\)", last)
    later = re.search(r"\b(later|to come)\b", last)
    assert later or any(number > path.stem[:2] for number in links), (
        "link the next notebook, [title](NN_topic.ipynb), or announce it: 'to come'"
    )


PLACE = r"section|equation|abstract|theorem|experiments|Quanta|Journal"


def test_every_source_is_used_and_every_paper_that_is_named_is_a_source(lesson):
    text, sources = markdown(lesson).split("**Sources.**")
    sources, _, _ = sources.partition("**Next")
    for entry in re.findall(r"[^\[\]]*\((?:19|20)\d\d\)[^\]]*\]\(", sources):
        author = re.search(r"[A-Z]\w+", entry)[0]
        assert re.search(rf"\b{author}\b", text), f"no sentence uses {author}"
        assert re.search(PLACE, entry), f"where? {entry}"
    for name, year in re.findall(
        r"\b([A-Z]\w+)(?: et al\.| & \w+)? \(?(\d{4})\b", text
    ):
        found = rf"\b{name}\b[^\[]*\({year}\)"
        assert re.search(found, sources), f"{name} {year} is not among the sources"


def test_links_to_files_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", markdown(path)):
        if "://" not in link and not link.startswith("attachment:"):
            assert (FOLDER / link).exists(), f"{path.name} links {link}: no such file"


def test_no_absolute_paths(path):
    for cell in read(path).cells:
        shown = cell.source + json.dumps(cell.get("outputs", []))
        found = re.search(ABSOLUTE, shown)
        assert not found, f"{found[0]!r} is a path of one machine:\n{shown}"
