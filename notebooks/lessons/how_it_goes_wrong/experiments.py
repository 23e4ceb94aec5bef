"""The stored experiments of this lesson, all of MNIST: bugs, teachers, wrong labels.

A seed draws its images, and its students' and its teachers' first weights. Teachers
learn from `fit`: held-out images, by which is chosen, are new to them, too. (Only the
course's own has seen them.)
"""

import copy
import math
import time
from collections.abc import Generator
from functools import lru_cache

import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, count, load_images, sample, with_label_noise
from kdlab.metrics import soften
from kdlab.objectives import smoothed_label_loss
from kdlab.training import Objective, cycle_of, evaluate, last_of, predict, training_steps
from kdlab.weights import load_teacher

from .blend import weighted_loss
from .mutants import MUTANTS, RIGHT, code_of

RATES = {"mlp-16": 1e-2, "mlp-64": 6e-3, "mlp-256": 4e-3, "mlp-1200": 2e-3}
WITH_DROPOUT, ASSISTED = "mlp-256, 4 epochs, dropout", "mlp-1200, 4 epochs, mlp-64"
TEACHERS = [f"{net}, {age} epochs" for age in (1, 4) for net in RATES] + ["course"]
SMOOTHED = [f"mlp-256, {age} epochs" for age in (1, 2, 4)]
SMOOTHED += [f"{SMOOTHED[-1]}, smoothing {share}" for share in (0.1, 0.3)]
TEMPERATURES = [1.0, 2.0, 4.0, 8.0, 16.0]
STUDENTS = "mlp-4", "mlp-8", "mlp-32"
WEIGHTS = [0.5, 0.8, 1.0, 1.25, 1.5, 2.0]  # of the teacher; above 1 labels count negatively
SHARES = [0.2, 0.4, 0.6]  # of the labels are wrong
STOP, END = "itself, stopped early", "itself, to the end"  # who teaches on wrong labels


@lru_cache(maxsize=4)
def part(split: str) -> Columns:
    """MNIST's images and labels."""
    return load_images("mnist", split)


@lru_cache(maxsize=64)
def teacher_of(name: str, seed: int) -> nn.Module:
    """The net of such a name, as it learnt from 50,000 images; or the course's."""
    if name == "course":
        return load_teacher("mnist")[0]
    net, age, *how = name.split(", ")
    told = {"student": net, "epochs": int(age.split()[0]), "batch_size": 128}
    told |= {"dropout": 0.5} if how == ["dropout"] else {"method": (how or ["labels"])[0]}
    told = {"method": "labels", **told, "learning_rate": RATES[net]}
    return last_of(lab.student_steps(part("fit"), **told, seed=100 + seed))


@lru_cache(maxsize=64)
def answered(teacher: str, labels: int, seed: int) -> dict[str, Columns]:
    """Images to learn from, held-out ones and test images, as the teacher answers them.

    An assistant has learnt from the same images, and from its own teacher.
    """
    sets = {"fit": sample(part("fit"), labels, seed)}
    sets |= {split: dict(part(split)) for split in ("held_out", "test")}
    *first, last = teacher.split(", ")
    assisted = last.startswith("mlp") and first
    models = [teacher_of(", ".join(first) if assisted else teacher, seed)]
    for columns in sets.values():
        columns["teacher_logits"] = predict(models[0], columns["images"])
    if assisted:
        how = {"student": last, "temperature": 4.0, "learning_rate": 2e-2}
        assistant = last_of(lab.student_steps(sets["fit"], **how, seed=200 + seed))
        for columns in sets.values():
            columns["teacher_logits"] = predict(assistant, columns["images"])
    return sets


def row_of(setting: lab.Setting, student: nn.Module, sets: dict, start: float) -> dict:
    """What was set, and what was measured, also on held-out images."""
    judged = lab.measured(student, sets[setting["split"]])
    judged["held_out_errors"] = evaluate(student, sets["held_out"])["errors"]
    return {**setting, **judged, "train_seconds": round(time.perf_counter() - start, 2)}


def bug_run(setting: lab.Setting) -> lab.Setting:
    """Train by `my_distillation.py` with one bug; what is then taken for the student."""
    seed = setting["seed"]
    sets, start = answered(setting["teacher"], setting["labels"], seed), time.perf_counter()
    student = lab.new_student(setting["student"], seed)
    teacher = copy.deepcopy(teacher_of(setting["teacher"], seed)).train()
    names = "temperature soft_weight epochs learning_rate batch_size seed".split()
    *_, made = code_of(setting["method"]).distil(
        student, teacher, sets["fit"]["images"], sets["fit"]["labels"],
        **{name: setting[name] for name in names},
    )  # fmt: skip
    return row_of(setting, made, sets, start)


def gap_run(setting: lab.Setting) -> lab.Setting:
    """A student of one of many teachers."""
    sets, start = answered(setting["teacher"], setting["labels"], setting["seed"]), time.perf_counter()
    apart = "dataset split teacher labels label_noise draw".split()
    told = {name: value for name, value in setting.items() if name not in apart}
    student = last_of(lab.student_steps(sets["fit"], **told))
    teacher_errors = evaluate_logits(sets["test"])
    return {**row_of(setting, student, sets, start), "teacher_errors": teacher_errors}


def evaluate_logits(columns: Columns) -> int:
    """On how many images the teacher errs."""
    return int((columns["teacher_logits"].argmax(1) != columns["labels"]).sum())


def noise_objective(setting: lab.Setting) -> Objective:
    """How a student is told on wrong labels; "hard" are the teacher's first answers."""
    method, *smoothing = setting["method"].split(" + ")
    share = float(smoothing[0].split()[1]) if smoothing else 0.0
    if method == "teacher":
        return weighted_loss(setting["temperature"], setting["soft_weight"])
    if method in ("labels", "hard"):
        return smoothed_label_loss(share)

    def softly(student: nn.Module, batch: Columns) -> dict[str, Tensor]:
        target = (1 - share) * soften(batch["teacher_logits"], 1.0) + share / 10
        return {"soft": F.cross_entropy(student(batch["images"]), target)}

    return softly


def noise_steps(columns: Columns, setting: lab.Setting, model: nn.Module) -> Generator:
    """Train the model as the setting says."""
    if setting["method"].startswith("hard"):
        columns = {**columns, "labels": columns["teacher_logits"].argmax(dim=1)}
    how = {name: setting[name] for name in ("epochs", "batch_size")}
    cycle = cycle_of(model, columns, setting["learning_rate"], **how)
    return training_steps(model, columns, noise_objective(setting), seed=setting["seed"], **cycle)


def best_of(steps: Generator, model: nn.Module, judges: Columns, every: int) -> nn.Module:
    """The model as it stood at the end of the epoch that was best on the judges."""
    kept, least = model, math.inf
    for number, _ in enumerate(steps, 1):
        if number % every == 0 and (errors := evaluate(model, judges)["errors"]) < least:
            kept, least = copy.deepcopy(model), errors
    return kept


@lru_cache(maxsize=2)
def told_wrongly(teacher: str, labels: int, noise: float, seed: int) -> dict[str, Columns]:
    """The same parts, a share of the labels wrong, as a net answers that learnt them."""
    sets = {"fit": with_label_noise(sample(part("fit"), labels, seed), noise, seed, 10)}
    sets |= {split: dict(part(split)) for split in ("held_out", "test")}
    sets["judges"] = sample(part("held_out"), 2000)
    alike = {"method": "labels", "epochs": 15, "batch_size": 64, "seed": 100 + seed}
    net = lab.new_student("mlp-128", alike["seed"])
    steps = noise_steps(sets["fit"], {**alike, "learning_rate": 1e-3 if teacher == STOP else 1e-2}, net)
    every = -(-labels // 64)
    net = best_of(steps, net, sets["judges"], every) if teacher == STOP else (last_of(steps), net)[1]
    for columns in sets.values():
        columns["teacher_logits"] = predict(net, columns["images"])
    return sets


def noise_run(setting: lab.Setting) -> lab.Setting:
    """A student on wrong labels, of a teacher that learnt the same wrong labels."""
    names = "teacher", "labels", "label_noise", "seed"
    sets, start = told_wrongly(*(setting[name] for name in names)), time.perf_counter()
    student = lab.new_student(setting["student"], setting["seed"])
    kind, *stopped = setting["method"].split(", ")
    steps = noise_steps(sets["fit"], {**setting, "method": kind}, student)
    if stopped:
        student = best_of(steps, student, sets["judges"], -(-count(sets["fit"]) // 64))
    else:
        last_of(steps)
    return {**row_of(setting, student, sets, start), "teacher_errors": evaluate_logits(sets["test"])}


def with_bugs() -> list[lab.Setting]:
    """Each bug at two rates, so that one may be chosen anew for each."""
    kinds = [{"method": name} for name in (RIGHT, *MUTANTS)]
    how = {"teacher": WITH_DROPOUT, "temperature": 8.0, "soft_weight": [0.5, 1.0]}
    return lab.grid(draw=lab.DRAWS, arm=kinds, **how, learning_rate=[1e-2, 2e-2])


def rates_tried() -> list[lab.Setting]:
    """Peaks of the students of the map, on held-out images."""
    arms = lab.taught(2.0, 8.0)
    some = {"teacher": ["mlp-64, 4 epochs", "mlp-1200, 4 epochs"], "draw": lab.DRAWS[:2]}
    rates = {"learning_rate": [1e-2, 2e-2, 4e-2, 8e-2], "split": "held_out"}
    return lab.grid(**some, student=[*STUDENTS], arm=arms, **rates)


def by_teacher() -> list[lab.Setting]:
    """The map: students, teachers, temperatures; beside them assistants and patience."""
    tried = rates_tried()
    best = lab.rates_of("gap_tuning", "lessons.how_it_goes_wrong", tried, lambda run: run["student"])
    nets = [{"student": net, "learning_rate": best[net]} for net in STUDENTS]
    arms, same = lab.taught(*TEMPERATURES), {"draw": lab.DRAWS}
    alone = [lab.LABELS, lab.SMOOTHING]
    every = lab.grid(net=nets, arm=alone, **same, learning_rate=[1e-2, 2e-2, 4e-2])
    every += lab.grid(teacher=TEACHERS, **same, net=nets, arm=arms)
    longer = [{**net, "epochs": 30} for net in nets[:2]]  # as many steps as with an assistant
    every += lab.grid(teacher="mlp-1200, 4 epochs", **same, net=longer, arm=arms)
    return every + lab.grid(teacher=ASSISTED, **same, net=nets[:2], arm=arms)


def by_smoothing() -> list[lab.Setting]:
    """Teachers of labels and of smoothed ones, by temperature; two peaks."""
    rates, same = {"learning_rate": [1e-2, 2e-2]}, {"draw": lab.DRAWS}
    every = lab.grid(arm=[lab.LABELS, lab.SMOOTHING], **same, learning_rate=[5e-3, 1e-2])
    return every + lab.grid(teacher=SMOOTHED, **same, arm=lab.taught(*TEMPERATURES), **rates)


def by_noise() -> list[lab.Setting]:
    """Weights of the teacher on wrong labels, and all that needs no weight."""
    alone = ["labels", "labels, stopped", "labels + smoothing 0.6"]
    alone += ["hard", "hard + smoothing 0.6", "soft + smoothing 0.6"]
    arms = [{"method": name} for name in alone]
    told = [{"method": "teacher", "temperature": 4.0, "soft_weight": w} for w in WEIGHTS]
    same = {"learning_rate": [1e-3, 3e-3, 1e-2]}
    every = lab.grid(label_noise=SHARES, draw=lab.DRAWS, teacher=STOP, arm=arms + told, **same)
    return every + lab.grid(label_noise=0.4, draw=lab.DRAWS, teacher=END, arm=told[1:], **same)


AFTER = ("teachers",)
bugs = lab.Experiment(bug_run, with_bugs)
gap_tuning = lab.Experiment(gap_run, rates_tried, after=AFTER)
gap = lab.Experiment(gap_run, by_teacher, after=(*AFTER, "gap_tuning"))
smoothed_teachers = lab.Experiment(gap_run, by_smoothing)
wrong_labels = lab.Experiment(noise_run, by_noise)
