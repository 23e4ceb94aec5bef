"""What `exercises.check` knows: each exercise's answer, and the mistakes of real code.

A `Task` probes a function and compares what comes out with the reference; a known
mistake is recognised because it does exactly the same. A new exercise is a new entry
in TASKS, with a solution in notebooks/solutions.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import losses, metrics, targets

Function = Callable[..., object]


class Task(NamedTuple):
    """One exercise."""

    probe: Callable[[Function], object]  # calls an answer, gives what is compared
    reference: Function
    right: str  # what to say of a right answer
    mistakes: dict[str, Function]  # {hint: a function that makes the mistake}


class Verdict(NamedTuple):
    """What came out: "not attempted", "right", "known mistake" or "wrong"."""

    kind: str
    text: str


def verdict(name: str, answer: Function) -> Verdict:
    """Judge the answer to a task. Raises ValueError for a task that is not there."""
    if name not in TASKS:
        raise ValueError(f"No exercise {name!r}; there are {list(TASKS)}.")
    task = TASKS[name]
    if not callable(answer):
        hint = "Hand over the function itself, without calling it."
        return Verdict("wrong", hint)
    try:
        found = run(task, answer)
    except Exception as error:  # the student's code may do anything
        return Verdict("wrong", f"It stopped with {type(error).__name__}: {error}")
    if found is None or isinstance(found, tuple) and found[0] is None:
        return Verdict("not attempted", f"{answer.__name__} still returns None.")
    wanted = run(task, task.reference)
    if same(found, wanted):
        return Verdict("right", task.right)
    for hint, mistake in task.mistakes.items():
        if same(found, run(task, mistake)):
            return Verdict("known mistake", hint)
    return Verdict("wrong", difference(found, wanted))


def run(task: Task, answer: Function) -> object:
    """Probe an answer with the same random numbers each time; none outside moves."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return task.probe(answer)


def same(found: object, wanted: object) -> bool:
    """Equal up to rounding; tuples and lists part by part."""
    if isinstance(wanted, tuple | list):
        pairs = isinstance(found, tuple | list) and len(found) == len(wanted)
        return pairs and all(map(same, found, wanted))
    try:
        one, two = (torch.as_tensor(x).detach().double() for x in (found, wanted))
    except (TypeError, ValueError, RuntimeError):
        return False
    close = {"rtol": 1e-4, "atol": 1e-6, "equal_nan": True}
    return one.shape == two.shape and torch.allclose(one, two, **close)


def difference(found: object, wanted: object) -> str:
    """In words, what was found instead of what."""
    if isinstance(wanted, tuple | list) and isinstance(found, tuple | list):
        pairs = zip(found, wanted, strict=False)
        unlike = next((pair for pair in pairs if not same(*pair)), None)
        if unlike:
            return difference(*unlike)
        return f"{len(wanted)} parts are expected, got {len(found)}."
    try:
        one, two = (torch.as_tensor(x).detach() for x in (found, wanted))
    except (TypeError, ValueError, RuntimeError):
        return f"A {type(wanted).__name__} is expected, got a {type(found).__name__}."
    if one.shape != two.shape:
        return f"The shape should be {list(two.shape)}, got {list(one.shape)}."
    if one.isnan().any():
        return "There is a NaN in it. Where does a 0 meet a logarithm or a division?"
    values = (x.flatten()[0].item() for x in (two, one))
    return "On an example {:.4g} is expected, got {:.4g}.".format(*values)


def example() -> tuple[Tensor, Tensor, Tensor]:
    """Ten students' and teachers' logits, [10, 10] each, and labels [10]."""
    draw = torch.Generator().manual_seed(7)
    student, teacher = (torch.randn(10, 10, generator=draw).double() for _ in "ab")
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    return student, 3 * teacher + 2 * F.one_hot(labels, 10), labels


def of_teacher(answer: Function) -> object:
    """The answer to the teacher's logits and the labels."""
    _, teacher, labels = example()
    return answer(teacher, labels)


def of_pair(answer: Function, *rest: float) -> object:
    """Loss of student and teacher logits, and who receives a gradient."""
    student, teacher, labels = (x.clone() for x in example())
    student.requires_grad_()
    teacher.requires_grad_()
    loss = answer(student, teacher, *([labels] if len(rest) == 2 else []), *rest)
    if not isinstance(loss, Tensor) or loss.dim() or not loss.requires_grad:
        return loss
    loss.backward()
    return loss, student.grad, float(teacher.grad is not None)


def kl(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(teacher ‖ student) of each row, for logits; gradients reach both."""
    told = F.softmax(teacher, dim=1)
    logs = F.log_softmax(teacher, dim=1) - F.log_softmax(student, dim=1)
    return (told * logs).sum(dim=1)


def errors_by_class(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images of each class are answered wrongly, [classes]."""
    wrong = logits.argmax(dim=1) != labels
    return labels[wrong].bincount(minlength=logits.shape[1])


def bits(probs: Tensor) -> Tensor:
    """Entropy of each row in bits; 0 · log 0 counts as 0."""
    return metrics.entropy(probs) / math.log(2)


def sure_and_torn(answer: Function) -> object:
    """The answer to a certain distribution and an open one."""
    probs = F.softmax(example()[1], dim=1)
    probs[0] = F.one_hot(torch.tensor(3), 10)
    return answer(probs)


def nearest_class(probs: Tensor, labels: Tensor, label: int) -> int:
    """The wrong class with most mean probability on images of this label."""
    mean = probs[labels == label].mean(dim=0)
    mean[label] = 0
    return int(mean.argmax())


def of_fives(answer: Function) -> object:
    """Four images of a 5, and two of others that say something else."""
    probs = torch.full((6, 10), 0.02).double()
    labels = torch.tensor([5, 5, 5, 5, 0, 1])
    probs[range(4), 5] = torch.tensor([0.7, 0.6, 0.5, 0.3]).double()
    probs[:3, 3] = 0.2
    probs[3, 8] = 0.5
    probs[4:, 9] = 0.8
    return answer(probs / probs.sum(dim=1, keepdim=True), labels, 5)


def mean_answers(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The mean softened answer to each image's class, [N, classes]."""
    return targets.class_means(metrics.soften(logits, temperature), labels)


def unseen_recall(logits: Tensor, labels: Tensor, unseen: int, bias: float) -> Tensor:
    """Share of the unseen class's images found, once its logit is raised by a bias."""
    raised = logits + bias * F.one_hot(torch.tensor(unseen), logits.shape[1])
    return (raised.argmax(dim=1)[labels == unseen] == unseen).double().mean()


def of_unseen(answer: Function) -> object:
    """A student who is shy of the 3."""
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(200) % 10
    logits = torch.randn(200, 10, generator=draw) + 2 * F.one_hot(labels, 10)
    logits[:, 3] -= 2.5
    return answer(logits, labels, 3, 2.0)


def smoothed(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Targets of label smoothing, [N, classes]."""
    return (1 - smoothing) * F.one_hot(labels, classes) + smoothing / classes


def taught_by_module(answer: Function) -> object:
    """Loss of a student beside a teacher with dropout, who was left in train mode."""
    student = nn.Linear(10, 10)
    teacher = nn.Sequential(nn.Linear(10, 10), nn.Dropout(0.5), nn.Linear(10, 10))
    images = torch.randn(8, 10)
    teacher.train()
    torch.manual_seed(1)
    loss = answer(student, teacher, images, 4.0)
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return loss
    loss.backward()
    moved = any(x.grad is not None and x.grad.any() for x in teacher.parameters())
    return loss, float(moved), student.weight.grad


def teach(
    student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
) -> Tensor:
    """T² · KL with the teacher in evaluation mode and without a gradient."""
    teacher.eval()
    with torch.no_grad():
        told = teacher(images)
    return losses.soft_target_loss(student(images), told, temperature)


def in_batches(answer: Function) -> object:
    """Ten images whose labels and teacher's answers tell their number."""
    numbers = torch.arange(10)
    order = torch.tensor([7, 2, 9, 0, 4, 1, 8, 3, 6, 5])
    return answer(10 * numbers, numbers, numbers + 0.5, order, 4)


def batches(
    images: Tensor, labels: Tensor, logits: Tensor, order: Tensor, size: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """All three in the same new order, in batches; the last one may be smaller."""
    return [(images[rows], labels[rows], logits[rows]) for rows in order.split(size)]


def paired(labels: Tensor, taught: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread over seeds of the errors spared."""
    spared = (labels - taught).double()
    return spared.mean(), spared.std()


def of_twins(answer: Function) -> object:
    """Test errors of five pairs."""
    labels = torch.tensor([742.0, 731.0, 760.0, 725.0, 748.0])
    return answer(labels, torch.tensor([512.0, 490.0, 533.0, 489.0, 521.0]))
