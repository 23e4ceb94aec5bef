"""What the tests of all lessons share: small sets of images, and a teacher's answers."""

import pytest
import torch
import torch.nn.functional as F

from kdlab.data import load_images, sample
from kdlab.training import predict
from kdlab.weights import load_teacher


@pytest.fixture(scope="session")
def columns():
    """Sixty images of ten classes and a teacher that hesitates on every fifth."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat(6)
    logits = torch.randn(60, 10, generator=generator) + 8 * F.one_hot(labels, 10)
    logits[::5] += 7 * F.one_hot(labels[::5].flip(0), 10)
    images = torch.randint(256, (60, 1, 28, 28), generator=generator).byte()
    return {"images": images, "labels": labels, "teacher_logits": logits}


@pytest.fixture(scope="session")
def student_logits(columns):
    """A student's answers to the sixty images."""
    noise = torch.Generator().manual_seed(1)
    return columns["teacher_logits"] / 3 + torch.randn(60, 10, generator=noise)


@pytest.fixture(scope="session")
def digits():
    """Training (300) and test images of the digits, with the course teacher's answers."""
    teacher, _ = load_teacher("digits")
    sets = sample(load_images("digits", "train"), 300), load_images("digits", "test")
    for part in sets:
        part["teacher_logits"] = predict(teacher, part["images"])
    return sets
