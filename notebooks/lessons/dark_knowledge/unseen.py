"""The omitted digit: a student that never saw a class learns it from a teacher's hints.

The class may then be made more welcome: one *bias* is added to its logit, at test time.

Source: Hinton, Vinyals & Dean (2015), section 3, https://arxiv.org/abs/1503.02531
"""

import time
from collections.abc import Collection

import torch
from torch import Tensor

from kdlab.data import Columns
from kdlab.experiments import measured, student_steps
from kdlab.teachers import answers_of, images_of, some_of
from kdlab.training import last_of, predict

BIASES = torch.linspace(-5, 15, 201)  # 0 and steps of a tenth


def only_classes(columns: Columns, classes: Collection[int]) -> Columns:
    """The rows whose label is one of these.

    Raises ValueError naming the classes that no row has.
    """
    there = set(columns["labels"].tolist())
    if missing := set(classes) - there:
        raise ValueError(
            f"No image shows a {sorted(missing)}; the classes here are {sorted(there)}."
        )
    rows = torch.isin(columns["labels"], torch.tensor(sorted(classes)))
    return {name: column[rows] for name, column in columns.items()}


def unseen_with_bias(
    logits: Tensor, labels: Tensor, unseen: Collection[int], biases: Tensor = BIASES
) -> dict[str, Tensor]:
    """Recall on the unseen classes and all errors, each [biases], by the bias added.

    Args:
        logits: [N, classes] of a student that never saw the unseen classes.
        labels: [N]
        unseen: the classes whose logits the bias is added to.
        biases: [biases]
    """
    hidden = torch.tensor(sorted(unseen))
    added = torch.zeros(logits.shape[1]).index_fill(0, hidden, torch.inf)
    best_seen, seen_answer = (logits - added).max(dim=1)
    best_unseen, which = logits[:, hidden].max(dim=1)
    gap = best_seen - best_unseen  # the bias that turns the answer
    turned, is_unseen = gap < biases[:, None], torch.isin(labels, hidden)
    right = torch.where(turned, hidden[which] == labels, seen_answer == labels)
    return {
        "recall": right[:, is_unseen].sum(dim=1).double() / is_unseen.sum(),
        "errors": (~right).sum(dim=1),
    }


def fewest_errors(table: dict[str, Tensor]) -> int:
    """Where in BIASES a table of `unseen_with_bias` has the fewest errors.

    The middle one, where several are level.
    """
    level = (table["errors"] == table["errors"].min()).nonzero()[:, 0]
    return int(level[len(level) // 2])


def omitted_run(setting: dict[str, object]) -> dict[str, object]:
    """A student taught without some classes; its row, with recall before and after.

    `seen` are the digits that it saw, such as "012456789", of `labels` images of the
    split `fit`; the bias is chosen once on the held-out images, and once, as Hinton
    did, on the test images themselves.
    """
    dataset, labels, draw = (setting[name] for name in ("dataset", "labels", "draw"))
    seen = [int(digit) for digit in setting["seen"]]
    unseen = sorted(set(range(10)) - set(seen))
    whole = dict(images_of(dataset, "fit"))
    whole["teacher_logits"] = answers_of(dataset, "course", 0, 0, "fit")
    train_set = only_classes(some_of(whole, labels, draw), seen)
    of_student = {"student", "method", "temperature", "soft_weight", "epochs", "seed"}
    options = {k: setting[k] for k in (*of_student, "learning_rate", "batch_size")}
    start = time.perf_counter()
    student = last_of(student_steps(train_set, **options))
    seconds = round(time.perf_counter() - start, 2)
    test_set = dict(images_of(dataset, "test"))
    test_set["teacher_logits"] = answers_of(dataset, "course", 0, 0, "test")
    row = {**setting, **measured(student, test_set), "train_seconds": seconds}
    tables = {}
    for split in ("held_out", "test"):
        images = images_of(dataset, split)
        logits = predict(student, images["images"])
        tables[split] = unseen_with_bias(logits, images["labels"], unseen)
    at = {"0": int(BIASES.abs().argmin())}
    at |= {split: fewest_errors(table) for split, table in tables.items()}
    for chosen, place in at.items():
        row[f"bias_{chosen}"] = round(BIASES[place].item(), 1)
        row[f"recall_{chosen}"] = round(tables["test"]["recall"][place].item(), 6)
        row[f"errors_{chosen}"] = int(tables["test"]["errors"][place])
    return row
