"""The exercises of 02; mistakes.toml holds what real code does wrong in them."""

from pathlib import Path

from kdlab.exercises.checks import Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import of_pair, soft_mistakes
from kdlab.losses import logit_matching_loss, soft_target_loss

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")

TASKS = {
    "soft_loss": Task(
        lambda answer: of_pair(answer, 3.0),
        soft_target_loss,
        "Equal to the package's, and the teacher receives no gradient.",
        soft_mistakes(),
        "T² · Σ p (ln p − ln q), with p and q the softmax over the classes of the "
        "teacher's and the student's logits / T; the sum over the classes, the mean over "
        "the images.",
    ),
    "logit_matching": Task(
        of_pair,
        logit_matching_loss,
        "Half the population variance of the gap: the limit of the soft loss.",
        MISTAKES["logit_matching"],
        "of each image the gaps z − v, their variance over the ten classes (dim=1, "
        "divided by C), half of it; then the mean over the images.",
    ),
}
