"""Objectives: the terms are those of the loss."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from kdlab.losses import distillation_loss
from kdlab.models import build_model
from kdlab.objectives import (
    blended_loss,
    label_loss,
    on_augmented,
    smoothed_label_loss,
)


@pytest.fixture
def batch():
    images = torch.rand(6, 1, 4, 4)
    labels, logits = torch.arange(6) % 3, 4 * torch.randn(6, 3)
    return {"images": images, "labels": labels, "teacher_logits": logits}


@pytest.fixture
def student():
    return build_model("mlp", widths=[5], inputs=16, classes=3)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_blend_is_the_loss_of_the_package_in_named_terms(student, batch, weight):
    terms = blended_loss(4.0, weight)(student, batch)
    logits = student(batch["images"])
    whole = distillation_loss(
        logits,
        batch["teacher_logits"],
        batch["labels"],
        temperature=4.0,
        soft_weight=weight,
    )
    assert_close(sum(terms.values()), whole)
    assert set(terms) == {"hard"} - ({"hard"} if weight == 1 else set()) | (
        {"soft"} if weight else set()
    )


def test_at_weight_0_no_teacher_is_needed(student, batch):
    del batch["teacher_logits"]
    assert blended_loss(4.0, 0.0)(student, batch)["hard"] > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bits_are_summed_as_float32(student, batch, dtype):
    logits = student(batch["images"]).detach().to(dtype)
    for told in label_loss, smoothed_label_loss(0.3), blended_loss(100.0, 0.5):
        terms = told(lambda images: logits, batch)
        exact = told(lambda images: logits.double(), batch)
        for name, term in terms.items():
            assert term.dtype == torch.float32
            assert term.item() == pytest.approx(exact[name].item(), rel=1e-3)


@pytest.mark.parametrize("temperature", [0.0, -4.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused_at_once(temperature):
    with pytest.raises(ValueError, match="temperature must be positive"):
        blended_loss(temperature, 0.5)
    blended_loss(temperature, 0.0)  # nobody listens


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_that_is_no_share_is_refused(weight):
    with pytest.raises(ValueError, match="soft_weight"):
        blended_loss(4.0, weight)


def test_smoothing_is_cross_entropy_to_labels_of_which_all_share_a_part(student, batch):
    soft = 0.7 * F.one_hot(batch["labels"], 3) + 0.1
    by_hand = F.cross_entropy(student(batch["images"]), soft)
    assert_close(smoothed_label_loss(0.3)(student, batch)["hard"], by_hand)


def test_without_a_teacher_it_is_cross_entropy_to_the_labels(student, batch):
    by_hand = F.cross_entropy(student(batch["images"]), batch["labels"])
    assert_close(label_loss(student, batch), {"hard": by_hand})


def test_the_teacher_is_asked_about_what_the_student_sees():
    batch = {"images": torch.rand(8, 3, 6, 6), "labels": torch.arange(8) % 3}
    seen = {}

    def model(name):
        net = build_model("mlp", inputs=108, classes=3, widths=[4], seed=len(name))
        net.register_forward_hook(lambda _, given, __: seen.update({name: given[0]}))
        return net

    student, teacher = model("student"), model("teacher")
    objective = on_augmented(blended_loss(2.0, 1.0), 2, teacher)
    objective(student, batch)["soft"].backward()
    assert torch.equal(seen["student"], seen["teacher"])
    assert not torch.equal(seen["student"], batch["images"])
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None for p in student.parameters())
    assert "teacher_logits" not in batch
