"""Seven inspections of distillation code: seconds, no data, no accuracy.

Put this file beside your `my_distillation.py`, and run `pytest test_my_distillation.py`,
or `python test_my_distillation.py` without pytest. It asks for two functions:

    soft_loss(student_logits, teacher_logits, temperature) -> a number [], a tensor
    distil(student, teacher, images, labels, *, temperature, soft_weight, epochs,
           learning_rate, batch_size, seed): trains the student; may be a generator

Yours have other names, or are methods? Write `my_distillation.py` as an adapter: these
two functions, that call yours. What a test cannot see it leaves out, and says so.
"""

import copy
import inspect

import torch
from torch import nn

try:
    from . import my_distillation as mine
except ImportError:
    import my_distillation as mine

CLASSES, PIXELS, ROWS = 10, 12, 96


def logits(seed, rows=ROWS):
    """Some logits [rows, classes], spread by about 3."""
    draw = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(rows, CLASSES, generator=draw, dtype=torch.float64)


def pull(mine, student, teacher, temperature):
    """The gradient of the soft loss at the student's logits [rows, classes]."""
    student = student.clone().requires_grad_()
    mine.soft_loss(student, teacher, temperature).backward()
    return student.grad


def at_agreement(mine):
    """How hard a student is pulled that says what its teacher says: 0 is right."""
    z = logits(0)
    apart = pull(mine, z, logits(1), 4.0).norm()
    return (pull(mine, z, z, 4.0).norm() / apart).item()


def when_hotter(mine):
    """The pull at T = 64 beside the pull at T = 16: about 1 where T² is in its place."""
    z, v = logits(0), logits(1)
    return (pull(mine, z, v, 64.0).norm() / pull(mine, z, v, 16.0).norm()).item()


def when_counted_otherwise(mine):
    """The loss with ten more classes that nobody believes in, beside it: 1 is right.

    Or with the batch twice, if that is further from 1.
    """
    z, v = logits(0), logits(1)
    nobody = torch.full((ROWS, 10), -1e4, dtype=z.dtype)
    more = [torch.cat([some, nobody], dim=1) for some in (z, v)]
    twice = [torch.cat([some, some]) for some in (z, v)]
    here = mine.soft_loss(z, v, 4.0)
    ratios = [(mine.soft_loss(*pair, 4.0) / here).item() for pair in (more, twice)]
    return max(ratios, key=lambda ratio: abs(ratio - 1))


def direction(mine):
    """How far a teacher between two pulls off the middle of their pulls: 0 is right.

    So it is for KL(teacher ‖ student), whose gradient T (q - p) is linear in p.
    """
    z, temperature = logits(0), 4.0
    some = [torch.softmax(logits(seed) / temperature, dim=1) for seed in (1, 2)]
    some.append((some[0] + some[1]) / 2)
    one, other, between = (
        pull(mine, z, temperature * p.log(), temperature) for p in some
    )
    return ((between - (one + other) / 2).norm() / between.norm()).item()


def trained(mine, soft_weight):
    """Train a small student, and watch: {what: what was seen}."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        images, student = torch.randn(ROWS, PIXELS), nn.Linear(PIXELS, CLASSES)
        parts = nn.Linear(PIXELS, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5)
        teacher = nn.Sequential(*parts, nn.Linear(64, CLASSES))
        with torch.no_grad():
            teacher(images)  # statistics for its BatchNorm
        true = copy.deepcopy(teacher).eval()  # teacher itself comes in train mode
        before, told, seen = copy.deepcopy(student), [], []

        def watch(net, inputs):
            seen.append(inputs[0].detach())

        def spy(student_logits, teacher_logits, *more, **named):
            right = true(seen[-1]).argmax(dim=1)
            if len(right) == len(teacher_logits):
                told.append((teacher_logits.argmax(dim=1) == right).float().mean())
            return plain(student_logits, teacher_logits, *more, **named)

        for net in (student, teacher):
            net.register_forward_pre_hook(watch)
        plain, mine.soft_loss = mine.soft_loss, spy
        try:
            labels = true(images).argmax(dim=1)
            length = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "seed": 0}
            length |= {"temperature": 4.0, "soft_weight": soft_weight}
            found = mine.distil(student, teacher, images, labels, **length)
            if inspect.isgenerator(found):
                list(found)
        finally:
            mine.soft_loss = plain
    fits = torch.stack(told).mean().item() if told else float("nan")
    moved = {"student": change(before, student), "teacher": change(true, teacher)}
    return {"targets that fit": fits, **moved}


def change(before, after):
    """The largest change of a weight, or of a statistic of BatchNorm."""
    pairs = zip(before.state_dict().values(), after.state_dict().values(), strict=True)
    return max(
        (one.double() - other.double()).abs().max().item() for one, other in pairs
    )


# --- the tests ---------------------------------------------------------------------


def test_who_agrees_is_not_pulled(mine=mine):
    found = at_agreement(mine)
    assert found < 1e-4, f"Pulled, {found:.2g}: is T on one side only?"


def test_the_pull_stays_when_the_teacher_gets_hotter(mine=mine):
    found = when_hotter(mine)
    assert 0.5 < found < 2, f"From T = 16 to 64 the pull changes {found:.3g} times: T²?"


def test_classes_and_rows_are_not_counted(mine=mine):
    found = when_counted_otherwise(mine)
    assert abs(found - 1) < 1e-3, f"{found:.3g} times the loss: sum, or mean of all?"


def test_it_is_kl_from_teacher_to_student(mine=mine):
    found = direction(mine)
    assert found < 1e-3, f"Off by {found:.2g}: KL(student ‖ teacher)? Or meant so?"


def test_each_image_gets_its_own_target(mine=mine):
    found = trained(mine, 0.5)["targets that fit"]
    if found != found:
        return print("not seen: distil does not call soft_loss of this module")
    assert found > 0.999, f"{found:.0%} fit: another order? A teacher in train mode?"


def test_the_teacher_stays_as_it_is(mine=mine):
    found = trained(mine, 0.5)["teacher"]
    assert found == 0, f"Its weights or statistics moved by {found:.2g}."


def test_the_student_hears_the_teacher(mine=mine):
    found = trained(mine, 1.0)["student"]
    assert found > 1e-3, f"The teacher alone speaks, and the student moved {found:.2g}."


TESTS = [test for name, test in [*globals().items()] if name.startswith("test_")]

if __name__ == "__main__":
    for test in TESTS:
        try:
            test()
            print("passed  ", test.__name__)
        except AssertionError as error:
            print("FAILED  ", test.__name__, "-", error)
