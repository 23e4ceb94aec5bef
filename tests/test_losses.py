"""Identities of the losses: each is a line of mathematics, checked in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from kdlab.losses import (
    distillation_loss,
    logit_matching_loss,
    soft_target_gradient,
    soft_target_loss,
)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    return student.requires_grad_(), teacher.requires_grad_()


@pytest.fixture
def labels():
    return torch.tensor([0, 6, 3, 3, 1])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_gradient_is_t_times_the_gap_of_the_softened_probs(logits, temperature):
    student, teacher = logits
    soft_target_loss(student, teacher, temperature).backward()
    gap = (student / temperature).softmax(1) - (teacher / temperature).softmax(1)
    assert_close(student.grad, (temperature * gap / len(student)).detach())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_the_gradient_of_each_example_alone_is_that_of_autograd(logits, temperature):
    student, teacher = logits
    loss = soft_target_loss(student, teacher, temperature) * len(student)
    (gradient,) = torch.autograd.grad(loss, student)
    ours = soft_target_gradient(student.detach(), teacher.detach(), temperature)
    assert_close(ours, gradient)
    one = soft_target_gradient(student[0].detach(), teacher[0].detach(), temperature)
    assert_close(one, gradient[0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_value_has_the_scale_of_the_docstring(logits, temperature):
    student, teacher = (z.detach() for z in logits)
    p, q = (teacher / temperature).softmax(1), (student / temperature).softmax(1)
    by_hand = temperature**2 * (p * (p / q).log()).sum(1).mean()
    assert_close(soft_target_loss(student, teacher, temperature), by_hand)


@pytest.mark.parametrize(
    "loss", [lambda s, t: soft_target_loss(s, t, 3.0), logit_matching_loss]
)
def test_zero_value_and_gradient_when_the_two_agree(logits, loss):
    student = logits[0]
    value = loss(student, student.detach().clone())
    value.backward()
    assert_close(value.detach(), torch.zeros((), dtype=torch.float64))
    assert_close(student.grad, torch.zeros_like(student))


def test_kl_is_not_symmetric_and_the_teacher_is_the_reference(logits):
    student, teacher = (z.detach() for z in logits)
    forward = soft_target_loss(student, teacher, 1.0)
    assert not torch.isclose(forward, soft_target_loss(teacher, student, 1.0))
    sure = torch.tensor([[50.0, 0.0]], dtype=torch.float64)
    unsure = torch.zeros(1, 2, dtype=torch.float64)
    assert_close(soft_target_loss(unsure, sure, 1.0).exp().item(), 2.0)  # ln 2 nats


def test_at_high_temperature_it_becomes_logit_matching(logits):
    student, teacher = (z.detach().requires_grad_() for z in logits)
    soft, matched = (
        soft_target_loss(student, teacher, 1e4),
        logit_matching_loss(student, teacher),
    )
    assert_close(soft, matched, rtol=1e-3, atol=0)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (soft, matched)]
    assert_close(*gradients, rtol=1e-2, atol=1e-5)


def test_logit_matching_is_half_the_population_variance_of_the_gap():
    student = torch.tensor([[3.0, 0.0, 0.0]], dtype=torch.float64)
    teacher = torch.zeros(1, 3, dtype=torch.float64)
    # gap 3, 0, 0: mean 1, squared deviations 4, 1, 1, so variance 2, half of it 1
    assert_close(logit_matching_loss(student, teacher).item(), 1.0)


@pytest.mark.parametrize(
    "loss", [lambda s, t: soft_target_loss(s, t, 2.0), logit_matching_loss]
)
def test_shifting_all_logits_of_an_example_changes_nothing(logits, loss):
    student, teacher = (z.detach() for z in logits)
    shift = torch.arange(5.0, dtype=torch.float64)[:, None]
    assert_close(loss(student + shift, teacher - 3), loss(student, teacher))


def test_the_size_of_the_batch_does_not_change_the_loss(logits, labels):
    student, teacher = (z.detach() for z in logits)
    once = distillation_loss(student, teacher, labels, temperature=4.0, soft_weight=0.7)
    thrice = distillation_loss(
        student.repeat(3, 1),
        teacher.repeat(3, 1),
        labels.repeat(3),
        temperature=4.0,
        soft_weight=0.7,
    )
    assert_close(once, thrice)
    assert_close(
        logit_matching_loss(student, teacher),
        logit_matching_loss(student.repeat(3, 1), teacher.repeat(3, 1)),
    )


@pytest.mark.parametrize("soft_weight", [0.0, 0.3, 1.0])
def test_at_t_1_the_blend_is_cross_entropy_to_the_mixed_target(
    logits, labels, soft_weight
):
    student, teacher = (z.detach().requires_grad_() for z in logits)
    blend = distillation_loss(
        student, teacher, labels, temperature=1.0, soft_weight=soft_weight
    )
    answer = teacher.detach().softmax(1)
    mixed = (1 - soft_weight) * F.one_hot(labels, 7) + soft_weight * answer
    entropy = torch.special.entr(answer).sum(1).mean()
    crossed = F.cross_entropy(student, mixed)
    assert_close(blend, crossed - soft_weight * entropy)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (blend, crossed)]
    assert_close(*gradients)


def test_a_uniform_teacher_makes_the_blend_label_smoothing(logits, labels):
    student = logits[0].detach().requires_grad_()
    blend = distillation_loss(
        student, torch.zeros_like(student), labels, temperature=1.0, soft_weight=0.1
    )
    smoothed = F.cross_entropy(student, labels, label_smoothing=0.1)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (blend, smoothed)]
    assert_close(*gradients)


def test_the_weight_is_the_share_of_the_teacher(logits, labels):
    student, teacher = (z.detach() for z in logits)
    hard = distillation_loss(student, teacher, labels, temperature=9.0, soft_weight=0.0)
    soft = distillation_loss(student, teacher, labels, temperature=9.0, soft_weight=1.0)
    assert_close(hard, F.cross_entropy(student, labels))
    assert_close(soft, soft_target_loss(student, teacher, 9.0))


def test_the_teacher_receives_no_gradient(logits, labels):
    student, teacher = logits
    total = (
        soft_target_loss(student, teacher, 2.0)
        + logit_matching_loss(student, teacher)
        + distillation_loss(student, teacher, labels, temperature=2.0, soft_weight=0.5)
    )
    total.backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_is_refused(logits, temperature):
    with pytest.raises(ValueError, match="positive"):
        soft_target_loss(*logits, temperature)


@pytest.mark.parametrize("soft_weight", [-0.1, 1.1, float("nan")])
def test_a_weight_outside_0_to_1_is_refused(logits, labels, soft_weight):
    with pytest.raises(ValueError, match="soft_weight"):
        distillation_loss(*logits, labels, temperature=1.0, soft_weight=soft_weight)


@pytest.mark.parametrize(
    "shapes", [((5, 7), (5, 8)), ((5, 7), (1, 7)), ((7,), (7,)), ((2, 5, 7),) * 2]
)
def test_shapes_that_do_not_fit_are_refused_not_broadcast(shapes):
    student, teacher = (torch.zeros(shape) for shape in shapes)
    for loss in (lambda s, t: soft_target_loss(s, t, 1.0), logit_matching_loss):
        with pytest.raises(ValueError, match="one shape"):
            loss(student, teacher)


def test_labels_that_do_not_fit_are_refused(logits):
    with pytest.raises(ValueError, match="labels"):
        distillation_loss(
            *logits, torch.zeros(5, 1).long(), temperature=1.0, soft_weight=0.5
        )


# --- few bits, and classes that are ruled out -----------------------------------------

HALVES = [torch.float16, torch.bfloat16]
LOSSES = {
    "soft": soft_target_loss,
    "matching": lambda s, v, t: logit_matching_loss(s, v),
    "blend": lambda s, v, t: distillation_loss(
        s, v, torch.arange(len(s)) % s.shape[1], temperature=t, soft_weight=0.7
    ),
}


def drawn(seed, dtype):
    """Logits of a student and a teacher: some examples, two classes or more."""
    draw = torch.Generator().manual_seed(seed)
    examples, classes = (int(torch.randint(n, 40, (), generator=draw)) for n in (1, 2))
    return (4 * torch.randn(2, examples, classes, generator=draw)).to(dtype)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("temperature", [0.5, 4.0, 100.0, 1000.0])
def test_few_bits_lose_nothing_inside_and_the_gradient_has_their_type(
    name, temperature, dtype
):
    """At T = 100 bfloat16 alone gives twice the loss, at 1000 float16 gives NaN."""
    for seed in range(4):
        values, gradients = [], []
        student, teacher = drawn(seed, dtype)
        for exact in False, True:
            z, v = (x.double() if exact else x for x in (student, teacher))
            z.requires_grad_()
            value = LOSSES[name](z, v, temperature)
            (gradient,) = torch.autograd.grad(value, z)
            assert gradient.dtype == z.dtype
            values.append(value.detach().double())
            gradients.append(gradient.double())
        assert value.dtype == torch.float64
        lost = max(torch.finfo(dtype).eps, 1e-2 if temperature > 99 else 1e-5)
        assert_close(*values, rtol=1e-2 if temperature > 99 else 1e-4, atol=1e-5)
        assert_close(*gradients, rtol=lost, atol=lost)


def test_at_t_100_bfloat16_gives_the_number_of_float64():
    student, teacher = drawn(0, torch.bfloat16)
    value = soft_target_loss(student, teacher, 100.0)
    exact = soft_target_loss(student.double(), teacher.double(), 100.0)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(exact.item(), rel=1e-3)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float64])
def test_the_gradient_of_each_example_alone_has_the_type_of_the_logits(dtype):
    student, teacher = drawn(1, dtype)
    found = soft_target_gradient(student, teacher, 50.0)
    exact = soft_target_gradient(student.double(), teacher.double(), 50.0)
    assert found.dtype == dtype
    assert_close(found.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-4)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32, torch.float64])
def test_a_class_that_the_teacher_rules_out_adds_nothing(dtype):
    """Whether the student rules it out, too, or not; then as if it were not there."""
    student, teacher = drawn(2, dtype)
    teacher[:, 0] = -torch.inf
    both = student.clone()
    both[:, 0] = -torch.inf
    z = both.requires_grad_()
    value = soft_target_loss(z, teacher, 2.0)
    assert_close(value, soft_target_loss(both[:, 1:], teacher[:, 1:], 2.0))
    (gradient,) = torch.autograd.grad(value, z)
    assert gradient.isfinite().all() and not gradient[:, 0].any()
    z = student.clone().requires_grad_()
    value = soft_target_loss(z, teacher, 2.0)
    p, log_q = (teacher.double() / 2).softmax(1), (z.double() / 2).log_softmax(1)
    by_hand = 4 * (torch.special.xlogy(p, p) - p * log_q).sum(1).mean()
    assert_close(value.double(), by_hand, rtol=1e-4, atol=1e-6)
    (gradient,) = torch.autograd.grad(value, z)
    assert gradient.isfinite().all() and (gradient[:, 0] > 0).all()


def test_a_student_that_rules_out_what_the_teacher_believes_is_infinitely_wrong():
    student, teacher = torch.tensor([[-torch.inf, 0.0]]), torch.zeros(1, 2)
    assert soft_target_loss(student, teacher, 1.0) == torch.inf
    diverged = torch.tensor([[torch.nan, 0.0]])
    assert soft_target_loss(diverged, teacher, 1.0).isnan()
