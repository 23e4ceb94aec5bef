"""A student that fools a critic: is it a copy?"""

import torch
import torch.nn.functional as F

from kdlab.data import Columns, count
from kdlab.experiments import new_cnn
from kdlab.metrics import agreement
from kdlab.models import build_model
from kdlab.training import last_of, predict

from .students import STUDENT, adversary, imitation_steps


def crowd_of(train_set: Columns, test_set: Columns, seed: int = 0) -> dict[str, float]:
    """Train a student by a critic alone, no label and no pair; what became of it.

    Both sets have a column teacher_logits. Shares of what the critic said rightly while
    the student learnt, of what a new critic says rightly of test images, and of these
    with the teacher's first answer; how many classes the student still names.
    """
    net, critic = new_cnn(STUDENT, seed), adversary(train_set["teacher_logits"])
    nobody = torch.zeros(count(train_set))
    columns = {**train_set, "labelled": nobody, "told_logits": nobody[:, None]}
    columns["told_logits"] = train_set["teacher_logits"].roll(1, dims=0)
    how = {"method": "adversary", "layer": "logits", "weight": 1.0, "loss": critic}
    last_of(imitation_steps(columns, **how, learning_rate=2e-3, seed=seed))
    own, told = predict(net, test_set["images"]), test_set["teacher_logits"]
    return {
        "its own critic": sum(critic.right[-100:]) / 100,
        "a new critic": fresh(own, told),
        "agreement": agreement(own, told).item(),
        "classes named": len(own.argmax(dim=1).unique()),
    }


def fresh(own: torch.Tensor, told: torch.Tensor, steps: int = 200) -> float:
    """How often a new critic is right about answers that it has not seen."""
    answers = torch.cat([own, told]) / told.std()
    is_teacher = torch.arange(len(answers)).ge(len(own)).float()
    critic = build_model(
        "mlp", inputs=own.shape[1], widths=[32], classes=1, mean=0, spread=1
    )
    adam = torch.optim.Adam(critic.parameters(), lr=1e-2)
    for _ in range(steps):
        adam.zero_grad()
        said = critic(answers[::2])[:, 0]
        F.binary_cross_entropy_with_logits(said, is_teacher[::2]).backward()
        adam.step()
    said = critic(answers[1::2])[:, 0] > 0
    return (said == is_teacher[1::2].bool()).double().mean().item()
