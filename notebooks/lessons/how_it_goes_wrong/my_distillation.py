"""Distillation as it is usually written, in torch alone: a loss, and a training."""

import torch
import torch.nn.functional as F


def soft_loss(student_logits, teacher_logits, temperature):
    """T² · KL(teacher ‖ student), softened by T; batch mean."""
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    log_p = F.log_softmax(teacher_logits / temperature, dim=1)
    kl = F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
    return temperature**2 * kl


def distil(student, teacher, images, labels, *, temperature=8.0, soft_weight=0.5,
           epochs=15, learning_rate=2e-2, batch_size=64, seed=0):  # fmt: skip
    """Train the student; after each epoch yield it, so that one can look."""
    teacher.eval()
    with torch.no_grad():
        told = teacher(images)
    draw, size = torch.Generator().manual_seed(seed), batch_size
    steps = -(-len(images) // size)
    adam = torch.optim.Adam(student.parameters(), lr=learning_rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, learning_rate, epochs * steps)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=draw)
        for rows in order.split(size):
            logits = student(images[rows])
            soft = soft_loss(logits, told[rows], temperature)
            hard = F.cross_entropy(logits, labels[rows])
            adam.zero_grad()
            ((1 - soft_weight) * hard + soft_weight * soft).backward()
            adam.step()
            cycle.step()
        yield student
