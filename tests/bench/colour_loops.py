"""The loop everybody writes, and the course's, for a colour student and a teacher."""

import copy
import random
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from kdlab.data import Columns, count
from kdlab.models import build_model, whiten
from kdlab.objectives import blended_loss, on_augmented
from kdlab.speed import Way, device_of
from kdlab.training import cycle_of, training_steps

BATCH_SIZE, LEARNING_RATE, TEMPERATURE, PIXELS = 128, 5e-3, 4.0, 4
MEAN, SPREAD = 0.4734, 0.2516  # of CIFAR-10's training pixels
WORKERS = 2  # processes that make the usual loop's batches
STUDENT = {"widths": [16, 64, 64]}
USUAL, CACHED, CROP = LOOPS = "the usual loop", "cached answers", "the same crop"


class Pictures(Dataset):
    """As torchvision's CIFAR10 has them: an array, of which each row becomes a PIL."""

    def __init__(self, columns: Columns, transform: transforms.Compose):
        """Images uint8 [N, C, H, W] and labels [N]."""
        self.data = columns["images"].permute(0, 2, 3, 1).contiguous().numpy()
        self.targets, self.transform = columns["labels"].tolist(), transform

    def __len__(self) -> int:
        """How many."""
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """A picture, transformed, and its class."""
        image = Image.fromarray(self.data[index])
        return self.transform(image), self.targets[index]


def usual_loop(
    student: nn.Module,
    teacher: nn.Module,
    columns: Columns,
    epochs: int,
    soft_weight: float,
) -> Iterator[int]:
    """Distillation as PyTorch's tutorial has it; after each step, how many images.

    Both nets take normalised images.

    Source: pytorch.org/tutorials/beginner/knowledge_distillation_tutorial.html
    """
    device, T = device_of(student), TEMPERATURE
    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=PIXELS, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((MEAN,) * 3, (SPREAD,) * 3),
        ]
    )
    dataset = Pictures(columns, transform)
    loader = DataLoader(
        dataset, batch_size=BATCH_SIZE, shuffle=True, num_workers=WORKERS
    )
    optimizer = torch.optim.Adam(student.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, epochs=epochs, steps_per_epoch=len(loader)
    )
    ce_loss = nn.CrossEntropyLoss()
    teacher.eval()
    student.train()
    for _ in range(epochs):
        running_loss = 0.0
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.no_grad():
                teacher_logits = teacher(images)
            student_logits = student(images)
            soft_targets = F.softmax(teacher_logits / T, dim=-1)
            soft_prob = F.log_softmax(student_logits / T, dim=-1)
            soft_loss = T**2 * F.kl_div(soft_prob, soft_targets, reduction="batchmean")
            label_loss = ce_loss(student_logits, labels)
            loss = soft_weight * soft_loss + (1 - soft_weight) * label_loss
            loss.backward()
            optimizer.step()
            schedule.step()
            running_loss += loss.item()
            yield len(images)


def course_loop(
    student: nn.Module,
    teacher: nn.Module | None,
    columns: Columns,
    epochs: int,
    soft_weight: float,
    way: Way,
    seed: int = 0,
) -> Iterator[int]:
    """The same by the course; without a teacher its answers are columns."""
    objective = on_augmented(blended_loss(TEMPERATURE, soft_weight), PIXELS, teacher)
    length = {"epochs": epochs, "batch_size": BATCH_SIZE}
    options = cycle_of(student, columns, LEARNING_RATE, **length)
    left = epochs * count(columns)
    for _ in training_steps(student, columns, objective, seed=seed, way=way, **options):
        yield min(left, BATCH_SIZE)
        left -= BATCH_SIZE


class Setup(NamedTuple):
    """What all loops have in common."""

    device: str
    teacher: nn.Module
    soft_weight: float  # 0, the labels alone, where no teacher is stored
    way: Way

    def student(self, columns: Columns, seed: int) -> nn.Module:
        """A new one, the same for each loop."""
        student = build_model("convnet", seed=seed, **STUDENT)
        whiten(student, columns["images"][:2_000])
        return student.to(self.device)

    def steps(
        self, loop: str, student: nn.Module, columns: Columns, epochs: int, seed: int
    ) -> Iterator[int]:
        """A training by one of `LOOPS`."""
        if loop == USUAL:  # whose pictures come normalised
            torch.manual_seed(seed)
            random.seed(seed)
            nets = student[1:], self.teacher[1:]
            return usual_loop(*nets, columns, epochs, self.soft_weight)
        teacher = copy.deepcopy(self.teacher) if loop == CROP else None
        if teacher is not None and self.way.channels_last:
            teacher.to(memory_format=torch.channels_last)
        rest = epochs, self.soft_weight, self.way, seed
        return course_loop(student, teacher, columns, *rest)
