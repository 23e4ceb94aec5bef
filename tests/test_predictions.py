"""A lecturer's count of what a class answered, from files that real widgets wrote."""

import csv
import json

import pytest

from kdlab.exercises import of_lesson
from lessons import temperature
from lessons.temperature.exercises import TASKS
from teaching.predictions import main


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "handed in"


@pytest.fixture
def hand_in(monkeypatch, folder):
    """What one student does in notebook 02; the file lies in the folder."""
    monkeypatch.delenv("KDLAB_EXPORT", raising=False)

    def student(name, made=(), answer=2, quiz=(), checks=(), looks=False):
        monkeypatch.setenv("KDLAB_PROGRESS", str(folder / name))
        monkeypatch.setenv("HOME", f"/abode/{name}")  # the options in another order
        check, predict, quizzes = of_lesson(temperature.__file__, TASKS)
        loudness = predict("loudness")
        result = loudness.reveal([0.1, 1.0, 9.0][answer], at_1=1.0, at_8=9.0)
        result.opened = looks
        for place in made:
            loudness.committed = [*loudness.committed, place]
        widget = quizzes()
        for text in quiz:  # options of the first question, then Start again
            texts = [option["text"] for option in widget.questions[0]["options"]]
            tried = [*widget.tried[0], texts.index(text)]
            widget.tried = [tried, *widget.tried[1:]]
        if quiz:
            widget.tried = [[] for _ in widget.questions]
        for one in checks:
            check(one)

    return student


def named(function):
    function.__name__ = "soft_loss"
    return function


def options():
    """The texts of the first question, the right one first."""
    question = temperature.quiz().questions[0]["options"]
    return [o["text"] for o in sorted(question, key=lambda o: not o["right"])]


def printed(capsys, *given):
    capsys.readouterr()
    main(*map(str, given))
    return capsys.readouterr()


def test_a_class_is_counted_question_by_question(hand_in, folder, tmp_path, capsys):
    right, wrong, other = options()[:3]
    wrong_loss = named(lambda student, teacher, temperature: student.sum() * 0)
    hand_in("ada", [0, 2], quiz=[wrong, other, right])
    hand_in("bob", [2], quiz=[right], checks=[wrong_loss])
    hand_in("cleo", [1], quiz=[wrong], looks=True)
    hand_in("dan", [1, 0], answer=1)  # on his machine something else was found
    hand_in("eve", looks=True)  # looked, and never predicted
    said = printed(capsys, folder, "--csv", tmp_path / "counts.csv").out
    lines = [line.strip() for line in said.splitlines()]
    assert lines[0] == "5 students with answers, 5 files."
    for line in (
        "=== temperature ===",
        "1 1 it shrinks",
        "2 1 it stays within a factor of 2",
        "1 2 ✓ it grows more than twofold",
        "2 2 right of 4; 1 had looked at the result",
        "33% of 3 right at the first try",
        f"most often wrong, 2 times: {wrong}",
        "solved by 0 of 1",
    ):
        assert line.split() in [found.split() for found in lines], said
    assert not any(name in said for name in ("ada", "bob", "cleo", "dan", "eve"))
    with (tmp_path / "counts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    grows = next(row for row in rows if row["option"] == "it grows more than twofold")
    columns = "lesson", "first", "last", "right", "students"
    assert [grows[key] for key in columns] == ["temperature", "1", "2", "3", "4"]
    tried = next(row for row in rows if row["option"] == wrong)
    assert (tried["kind"], tried["first"], tried["ever"]) == ("quiz", "2", "2")


def test_what_cannot_be_counted_is_named(hand_in, folder, capsys):
    hand_in("ada", [2])
    hand_in("bob", [2])
    (folder / "broken.json").write_text("{")
    (folder / "newer.json").write_text('{"version": 7}')
    (folder / "binary.json").write_bytes(b"\xff\xfe\x00")
    edited = {"predict": {"loudness": {"committed": [9]}, "gone": {"committed": [0]}}}
    own = {"version": 1, "lessons": {"temperature": edited, "of_mine": edited}}
    (folder / "edited.json").write_text(json.dumps(own))
    (folder / "ada" / "progress-before.json").write_text(json.dumps(own))
    (folder / "again.json").symlink_to(folder / "ada" / "progress.json")
    said = printed(capsys, folder)
    assert said.out.startswith("3 students with answers, 6 files.\n1 of them says the")
    assert "No lesson 'of_mine' is here: answers of 1 left out." in said.out
    assert "temperature: 2 predictions are of no choice that is there now" in said.out
    assert "2 2 right of 2" in " ".join(said.out.split())
    for name in ("broken.json", "newer.json", "binary.json"):
        assert f"{name}: " in said.err
    assert said.err.count("Left out: ") == 3 and ".json" not in said.out


def test_an_empty_folder_is_said(folder):
    with pytest.raises(SystemExit, match="There is no .json file in "):
        main(str(folder))
