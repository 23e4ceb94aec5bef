"""The exercises of 03 to 05, and the mistakes that real code makes in them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import losses, metrics, targets
from kdlab.tasks import Function, Task, example, of_pair, soft_loss


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
    if not isinstance(loss, Tensor) or loss.dim():
        return loss
    if loss.requires_grad:
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


def with_swapped_modes(
    student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
) -> Tensor:
    """The student is taken for the teacher: only the teacher would learn."""
    teacher.eval()
    with torch.no_grad():
        told = student(images)
    return losses.soft_target_loss(teacher(images), told, temperature)


def untracked(function: Function, train: bool) -> Function:
    """`teach` with a teacher in train mode, or one that receives gradients."""

    def loss(
        student: nn.Module, teacher: nn.Module, images: Tensor, temperature: float
    ) -> Tensor:
        teacher.train(train)
        told = teacher(images)
        return function(student(images), told, temperature)

    return loss


MORE_TASKS = {
    "03.class_mean_targets": Task(
        lambda answer: answer(example()[1], example()[2], 4.0),
        mean_answers,
        "The control of notebook 03: right on average, blind to the single image.",
        {
            "You softened the mean of the logits. Soften each answer first, then take "
            "the mean: of probabilities.": lambda v, y, t: metrics.soften(
                targets.class_means(v, y), t
            ),
            "The temperature is forgotten.": lambda v, y, t: mean_answers(v, y, 1.0),
            "One mean for all images? Take one for each class.": lambda v, y, t: (
                metrics.soften(v, t).mean(0).expand_as(v)
            ),
            "These are classes by the teacher's answers. Use the labels.": (
                lambda v, y, t: mean_answers(v, v.argmax(1), t)
            ),
        },
    ),
    "03.unseen_recall": Task(
        of_unseen,
        unseen_recall,
        "Now look at what the other digits pay for it.",
        {
            "That is the accuracy over all images. Recall looks only at images of the "
            "unseen class.": lambda z, y, k, b: metrics.accuracy(
                z + b * F.one_hot(torch.tensor(k), 10), y
            ),
            "That is the precision: of those answered so, the share that is right. "
            "Recall: of those that are so, the share that is answered.": (
                lambda z, y, k, b: (
                    (y[(z + b * F.one_hot(torch.tensor(k), 10)).argmax(1) == k] == k)
                    .double()
                    .mean()
                )
            ),
            "The bias has no effect. Was it added to all classes? It belongs to the "
            "unseen one.": lambda z, y, k, b: unseen_recall(z, y, k, 0.0),
            "The bias is subtracted: it makes the class less welcome.": (
                lambda z, y, k, b: unseen_recall(z, y, k, -b)
            ),
        },
    ),
    "04.blended": Task(
        lambda answer: of_pair(answer, 3.0, 0.8),
        lambda z, v, y, t, w: losses.distillation_loss(
            z, v, y, temperature=t, soft_weight=w
        ),
        "The weight is the teacher's share, and T belongs to the soft term alone.",
        {
            "The weights are swapped: soft_weight is the teacher's share.": (
                lambda z, v, y, t, w: losses.distillation_loss(
                    z, v, y, temperature=t, soft_weight=1 - w
                )
            ),
            "The label loss is softened too. Labels are compared at T = 1.": (
                lambda z, v, y, t, w: (
                    (1 - w) * F.cross_entropy(z / t, y)
                    + w * losses.soft_target_loss(z, v, t)
                )
            ),
            "T² stands before both terms. It belongs to the soft one.": (
                lambda z, v, y, t, w: (
                    (1 - w) * t**2 * F.cross_entropy(z, y)
                    + w * losses.soft_target_loss(z, v, t)
                )
            ),
            "T² is forgotten: at T = 3 the teacher is nine times too quiet.": (
                lambda z, v, y, t, w: (
                    (1 - w) * F.cross_entropy(z, y)
                    + w * losses.soft_target_loss(z, v, t) / t**2
                )
            ),
            "The label loss has its full weight: multiply it by 1 − soft_weight.": (
                lambda z, v, y, t, w: (
                    F.cross_entropy(z, y) + w * losses.soft_target_loss(z, v, t)
                )
            ),
        },
    ),
    "04.smoothed_targets": Task(
        lambda answer: answer(example()[2], 10, 0.3),
        smoothed,
        "As a teacher who knows nothing would blend at T = 1.",
        {
            "You shared the smoothing among the wrong classes only. Here all classes "
            "share it, the right one too: smoothing / classes.": lambda y, c, s: (
                (1 - s - s / (c - 1)) * F.one_hot(y, c) + s / (c - 1)
            ),
            "A row adds up to more than 1: the label keeps only 1 − smoothing.": (
                lambda y, c, s: F.one_hot(y, c) + s / c
            ),
            "The shares are swapped: the label gets 1 − smoothing.": (
                lambda y, c, s: smoothed(y, c, 1 - s)
            ),
        },
    ),
    "05.teach": Task(
        taught_by_module,
        teach,
        "A teacher in evaluation mode, and untouched.",
        {
            "The teacher is in train mode: its dropout gives other answers each time. "
            "Call teacher.eval().": untracked(losses.soft_target_loss, train=True),
            "The teacher is in train mode, and it receives gradients. Call "
            "teacher.eval() and torch.no_grad().": untracked(soft_loss, train=True),
            "The teacher receives gradients: compute its logits in torch.no_grad().": (
                untracked(soft_loss, train=False)
            ),
            "Teacher and student are swapped: the teacher would learn.": (
                with_swapped_modes
            ),
        },
    ),
    "05.batches": Task(
        in_batches,
        batches,
        "Every image meets its own label and its own teacher's answer.",
        {
            "The teacher's answers are not in the order of the images: index them with "
            "the same rows.": lambda x, y, v, o, n: [
                (x[r], y[r], part)
                for r, part in zip(o.split(n), v.split(n), strict=True)
            ],
            "The labels are not in the order of the images: index them with the same "
            "rows.": lambda x, y, v, o, n: [
                (x[r], part, v[r])
                for r, part in zip(o.split(n), y.split(n), strict=True)
            ],
            "The order is ignored: nothing is shuffled.": lambda x, y, v, o, n: list(
                zip(x.split(n), y.split(n), v.split(n), strict=True)
            ),
            "The last batch is lost, as it is smaller than the others.": (
                lambda x, y, v, o, n: batches(x, y, v, o, n)[:-1]
            ),
        },
    ),
    "05.paired": Task(
        of_twins,
        paired,
        "Twins share the luck of their seed, so this is the honest spread.",
        {
            "The sign: errors spared are those on labels minus those when taught.": (
                lambda a, b: paired(b, a)
            ),
            "Those are the spreads of two unpaired groups. Take the differences first, "
            "then their spread.": lambda a, b: (
                (a - b).mean(),
                (a.var() + b.var()).sqrt(),
            ),
            "That spread divides by n; of a sample take n − 1 (correction=1).": (
                lambda a, b: ((a - b).mean(), (a - b).std(correction=0))
            ),
            "That is the standard error of the mean. Here the spread of single pairs "
            "is asked for.": lambda a, b: (
                (a - b).mean(),
                (a - b).std() / len(a) ** 0.5,
            ),
        },
    ),
}
