"""Seven inspections of distillation code: seconds, no data, no accuracy.

Put this file beside your `my_distillation.py`, and run `pytest test_my_distillation.py`,
or `python test_my_distillation.py` without pytest. It asks for two functions:

    soft_loss(student_logits, teacher_logits, temperature) -> a number [], a tensor
    distil(student, teacher, images, labels, *, temperature, soft_weight, epochs,
           learning_rate, batch_size, seed): trains this student in place, not a copy;
           may be a generator

Yours have other names, or are methods? Write `my_distillation.py` as an adapter: these
two functions, that call yours. For a loss that mixes both terms, and a training that
wants a DataLoader:

    from theirs import loss_fn_kd, train_kd

    def soft_loss(z, v, T):  # alpha = 1: the teacher alone
        nobody = torch.zeros(len(z), dtype=torch.long)
        return loss_fn_kd(z, nobody, v, T, alpha=1.0)

    def distil(student, teacher, images, labels, *, temperature, soft_weight, epochs,
               learning_rate, batch_size, seed):
        torch.manual_seed(seed)
        loader = DataLoader(TensorDataset(images, labels), batch_size, shuffle=True)
        adam = torch.optim.Adam(student.parameters(), learning_rate)
        train_kd(student, teacher, adam, loader, temperature, soft_weight, epochs)
"""

import copy
import inspect
import math

import torch
from torch import nn

try:
    from . import my_distillation as mine
except ImportError:
    import my_distillation as mine

IMAGE, CLASSES, ROWS = (12,), 10, 96  # (1, 28, 28), if yours wants pictures


def student():
    """Who learns; yours, if your training needs another one."""
    parts = nn.Flatten(), nn.Linear(math.prod(IMAGE), 64), nn.ReLU()
    return nn.Sequential(*parts, nn.Linear(64, CLASSES))


def teacher():
    """Who teaches, untrained: with BatchNorm and dropout, so that modes matter."""
    parts = nn.Flatten(), nn.Linear(math.prod(IMAGE), 64), nn.BatchNorm1d(64)
    return nn.Sequential(*parts, nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, CLASSES))


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
    nobody = torch.full((ROWS, 10), -200.0, dtype=z.dtype)  # no zero in float32 either
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


def trained(mine, soft_weight, epochs=2):
    """Train a small student on labels that all lie, and watch: {what: what was seen}."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        images, pupil, master = torch.randn(ROWS, *IMAGE), student(), teacher()
        with torch.no_grad():
            master(images)  # statistics for its BatchNorm
        true = copy.deepcopy(master).eval()  # master itself comes in train mode
        before, told, seen = copy.deepcopy(pupil), [], []

        def watch(net, inputs):
            seen.append(inputs[0].detach())

        def spy(student_logits, teacher_logits, *more, **named):
            right = true(seen[-1]).argmax(dim=1)
            if len(right) == len(teacher_logits):
                told.append((teacher_logits.argmax(dim=1) == right).float().mean())
            return plain(student_logits, teacher_logits, *more, **named)

        for net in (pupil, master):
            net.register_forward_pre_hook(watch)
        plain, mine.soft_loss = mine.soft_loss, spy
        try:
            says = true(images).argmax(dim=1)
            length = {"epochs": epochs, "batch_size": 32, "learning_rate": 0.01}
            length |= {"temperature": 4.0, "soft_weight": soft_weight, "seed": 0}
            lies = (says + 1) % CLASSES
            found = mine.distil(pupil, master, images, lies, **length)
            if inspect.isgenerator(found):
                list(found)
        finally:
            mine.soft_loss = plain
        agreed = (pupil.eval()(images).argmax(dim=1) == says).float().mean().item()
    fits = torch.stack(told).mean().item() if told else float("nan")
    moved = {"student": change(before, pupil), "teacher": change(true, master)}
    return {"targets that fit": fits, "agreement": agreed, **moved}


def change(before, after):
    """The largest change of a weight, or of a statistic of BatchNorm."""
    pairs = zip(before.state_dict().values(), after.state_dict().values(), strict=True)
    return max(
        (one - other).abs().max().item()
        for one, other in pairs
        if one.is_floating_point()  # not BatchNorm's count of batches
    )


# --- the tests ---------------------------------------------------------------------


def test_who_agrees_is_not_pulled(mine=mine):
    found = at_agreement(mine)
    assert found < 1e-4, f"Who agrees is pulled, {found:.2g}: is T on one side only?"


def test_the_pull_stays_when_the_teacher_gets_hotter(mine=mine):
    found = when_hotter(mine)
    said = f"From T = 16 to 64 the pull changes {found:.3g} times: is T² in its place?"
    assert 0.5 < found < 2, said


def test_classes_and_rows_are_not_counted(mine=mine):
    found = when_counted_otherwise(mine)
    assert found == found, "The loss is nan: is there a log of a zero probability?"
    said = f"The loss is {found:.3g} times as large: is it a sum, or a mean of all?"
    assert abs(found - 1) < 1e-3, said


def test_it_is_kl_from_teacher_to_student(mine=mine):
    found = direction(mine)
    said = f"Off the middle by {found:.2g}: is it KL(student ‖ teacher)? Or meant so?"
    assert found < 1e-3, said


def test_each_image_gets_its_own_target(mine=mine):
    found = trained(mine, 0.5)["targets that fit"]
    said = f"{found:.0%} of the targets fit: another order? A teacher in train mode?"
    if found == found:
        assert found > 0.999, said
        return
    found = trained(mine, 1.0, epochs=100)["agreement"]  # it has a loss of its own
    said = f"Taught by the teacher alone, it agrees on {found:.0%} of its own images: "
    said += "do answers meet their images? Is the teacher in eval mode? The rate used?"
    assert found > 0.75, said


def test_the_teacher_stays_as_it_is(mine=mine):
    found = trained(mine, 0.5)["teacher"]
    said = f"The teacher moved by {found:.2g}: is it in eval mode, and not trained?"
    assert found == 0, said


def test_the_student_hears_the_teacher(mine=mine):
    found = trained(mine, 1.0)["student"]
    said = f"The teacher alone speaks, and the student moved by {found:.2g}: "
    said += "whose logits are in the loss? Is another net trained than the one given?"
    assert found > 1e-3, said


TESTS = [test for name, test in [*globals().items()] if name.startswith("test_")]

if __name__ == "__main__":
    for test in TESTS:
        try:
            test()
            print("passed  ", test.__name__)
        except AssertionError as error:
            print("FAILED  ", test.__name__, "-", error)
