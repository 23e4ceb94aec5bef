"""What the tests of all lessons share: small sets of images, and a teacher's answers."""

import pytest

from kdlab.data import load_images, sample
from kdlab.training import predict
from kdlab.weights import load_teacher
from lessons.samples import sixty_images, student_answers


@pytest.fixture(scope="session")
def columns():
    """Sixty images and a teacher's answers."""
    return sixty_images()


@pytest.fixture(scope="session")
def student_logits(columns):
    """A student's answers to the sixty images."""
    return student_answers(columns)


@pytest.fixture(scope="session")
def digits():
    """Training (300) and test images of the digits, with the course teacher's answers."""
    teacher, _ = load_teacher("digits")
    sets = sample(load_images("digits", "train"), 300), load_images("digits", "test")
    for part in sets:
        part["teacher_logits"] = predict(teacher, part["images"])
    return sets
