"""The eight bugs, and the tests to take home that find them."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from kdlab.data import sample
from kdlab.losses import soft_target_loss
from kdlab.models import build_model

from . import (
    RIGHT,
    TESTS,
    code_of,
    take_home,
)
from . import test_my_distillation as kit
from .line_up import NAMES, SUSPECTS
from .mutants import MUTANTS, training
from .test_lesson import net

FOUND = {  # which tests find which bug
    "roles swapped": {"own_target", "stays_as_it_is", "hears_the_teacher"},
    "teacher against itself": {"hears_the_teacher"},
    "cache not aligned": {"own_target"},
    "T on one side": {"not_pulled", "gets_hotter"},
    "no T²": {"gets_hotter"},
    "mean over all elements": {"not_counted"},
    "KL arguments swapped": {"teacher_to_student"},
    "teacher in train mode": {"own_target", "stays_as_it_is"},
}


def text_of(name):
    """The file with a bug, or as it is right."""
    return code_of(name).source


def failures(code):
    """The tests of the kit that this code does not pass."""
    found = set()
    for test in TESTS:
        try:
            test(code)
        except AssertionError:
            found.add(test.__name__)
    return found


# --- the eight ---------------------------------------------------------------------


def test_the_right_code_is_the_package_s():
    code, z, v = code_of(RIGHT), torch.randn(9, 5), torch.randn(9, 5)
    assert_close(code.soft_loss(z, v, 3.0), soft_target_loss(z, v, 3.0))
    assert not failures(code)


def test_each_bug_changes_a_line_and_keeps_the_code_running(digits):
    assert len(MUTANTS) == 8 and sorted(SUSPECTS.values()) == sorted(NAMES)
    some = sample(digits[0], 64)
    for name in NAMES:
        changed = text_of(name).splitlines()
        lines = zip(text_of(RIGHT).splitlines(), changed, strict=True)
        assert sum(one != other for one, other in lines) in (1, 2), name
        student = build_model("mlp", widths=[8])
        for weight in (0.5, 1.0):
            how = {"epochs": 1, "seed": 0, "soft_weight": weight}
            (made,) = training(name, student, net(some), some, **how)
            assert all(p.isfinite().all() for p in made.parameters()), name


@pytest.mark.parametrize("name", MUTANTS)
def test_each_bug_is_found_by_those_tests_and_no_others(name):
    found = failures(code_of(name))
    assert len(found) == len(FOUND[name])
    assert all(any(words in test for test in found) for words in FOUND[name]), found


def another(loss=None, keeps_training=False):
    """Right code of another form: cross-entropy, no generator, the teacher asked anew."""

    class Code:
        @staticmethod
        def soft_loss(z, v, T):
            return T**2 * F.cross_entropy(z / T, (v.detach() / T).softmax(1))

        @classmethod
        def distil(cls, student, teacher, images, labels, *, temperature, soft_weight, epochs, learning_rate, batch_size, seed):  # fmt: skip
            sgd = torch.optim.SGD(student.parameters(), learning_rate)
            teacher.train(keeps_training)
            for _ in range(epochs):
                for rows in torch.randperm(len(images)).split(batch_size):
                    told, z = teacher(images[rows]), student(images[rows])
                    soft = Code.soft_loss(z, told, temperature)
                    hard = F.cross_entropy(z, labels[rows])
                    sgd.zero_grad()
                    ((1 - soft_weight) * hard + soft_weight * soft).backward()
                    sgd.step()
            return student

    return Code


def test_right_code_of_another_form_passes_and_with_a_bug_does_not():
    assert not failures(another())
    assert "test_the_teacher_stays_as_it_is" in failures(another(keeps_training=True))


def adapter(aligned, optimizer=torch.optim.Adam):
    """An adapter of two functions to public code that has a loss and a cache of its own."""

    def loss_fn_kd(z, labels, v, T, alpha):
        q, p = F.log_softmax(z / T, dim=1), F.softmax(v / T, dim=1)
        soft = F.kl_div(q, p, reduction="batchmean") * alpha * T * T
        return soft + F.cross_entropy(z, labels) * (1.0 - alpha)

    class Code:
        @staticmethod
        def soft_loss(z, v, T):
            return loss_fn_kd(z, torch.zeros(len(z), dtype=torch.long), v, T, 1.0)

        @staticmethod
        def distil(student, teacher, images, labels, *, temperature, soft_weight, epochs, learning_rate, batch_size, seed):  # fmt: skip
            adam = optimizer(student.parameters(), learning_rate)
            draw = torch.Generator().manual_seed(seed)
            with torch.no_grad():
                told = teacher.eval()(images)
            told = told if aligned else told[torch.randperm(len(told), generator=draw)]
            for _ in range(epochs):
                for rows in torch.randperm(len(images), generator=draw).split(
                    batch_size
                ):
                    z = student(images[rows])
                    loss = loss_fn_kd(z, labels[rows], told[rows], temperature, soft_weight)  # fmt: skip
                    adam.zero_grad()
                    loss.backward()
                    adam.step()

    return Code


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_a_loss_of_their_own_is_judged_by_what_the_student_says(optimizer):
    assert not failures(adapter(True, optimizer))
    found = failures(adapter(False, optimizer))
    assert found == {"test_each_image_gets_its_own_target"}


def test_a_student_with_batchnorm_passes(monkeypatch):
    def student():
        first = nn.Flatten(), nn.Linear(12, 64), nn.BatchNorm1d(64), nn.ReLU()
        return nn.Sequential(*first, nn.Linear(64, 10))

    monkeypatch.setattr(kit, "student", student)
    assert not failures(code_of(RIGHT)) and not failures(adapter(True))


def test_a_loss_of_the_other_order_is_told_to_look_at_it():
    code = SimpleNamespace(soft_loss=lambda z, v, T: code_of(RIGHT).soft_loss(v, z, T))
    plain = SimpleNamespace(soft_loss=lambda z, v, T: F.cross_entropy(v, z.softmax(1)))
    detached = SimpleNamespace(soft_loss=lambda z, v, T: another().soft_loss(v, z, T))
    with pytest.raises(AssertionError, match="Or meant so"):
        kit.test_it_is_kl_from_teacher_to_student(code)
    with pytest.raises(AssertionError, match="logits the first argument"):
        kit.test_who_agrees_is_not_pulled(plain)
    with pytest.raises(AssertionError, match="No gradient"):
        kit.test_who_agrees_is_not_pulled(detached)


def test_the_page_shows_the_file():
    cells = nbformat.read(
        Path(__file__).parents[2] / "12_how_it_goes_wrong.ipynb", 4
    ).cells
    heads = "def soft_loss", "def distil"
    shown = "\n".join(c.source for c in cells if c.source.startswith(heads))
    functions = [f for f in ast.parse(text_of(RIGHT)).body if hasattr(f, "args")]
    for function in functions:
        del function.body[0]  # its docstring
    assert [*map(ast.dump, functions)] == [*map(ast.dump, ast.parse(shown).body)]


def test_images_may_be_pictures(monkeypatch):
    monkeypatch.setattr(kit, "IMAGE", (1, 28, 28))
    theirs = adapter(aligned=True)
    plain = theirs.distil

    def flat(student, teacher, images, labels, **how):
        images.view(-1, 784)  # as theirs does
        return plain(student, teacher, images, labels, **how)

    theirs.distil = staticmethod(flat)
    assert not failures(theirs)


def test_a_zero_probability_is_named_and_a_log_of_softmax_passes():
    def by_log(scale):
        def soft_loss(z, v, T):
            q, p = torch.softmax(z / T, 1), torch.softmax(scale * v / T, 1)
            return T**2 * (p * (p.log() - q.log())).sum(1).mean()

        return SimpleNamespace(soft_loss=soft_loss)

    kit.test_classes_and_rows_are_not_counted(by_log(1.0))
    with pytest.raises(AssertionError, match="log of a zero"):
        kit.test_classes_and_rows_are_not_counted(by_log(1e4))


def test_the_tests_work_where_they_are_taken(tmp_path):
    def ran():
        run = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            file.name,
        ]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout

    file = take_home(tmp_path)
    assert ran()[0] == 0 and "7 passed" in ran()[1]
    mine = tmp_path / "my_distillation.py"
    mine.write_text(text_of("no T²"), encoding="utf-8")
    take_home(tmp_path)
    assert mine.read_text(encoding="utf-8") == text_of("no T²"), "what is theirs stays"
    code, said = ran()
    assert code == 1 and "1 failed, 6 passed" in said and "is T² in its place" in said
    alone = subprocess.run(
        [sys.executable, file.name], cwd=tmp_path, capture_output=True
    )
    assert alone.stdout.count(b"passed") == 6 and alone.stdout.count(b"FAILED") == 1
    with pytest.raises(FileNotFoundError):
        take_home(tmp_path / "nowhere")
