"""A linear teacher and its linear student, exactly: where labels may count negatively."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, check_columns, count, sample, with_label_noise
from kdlab.panels import Explorer, choice, explore

RIDGES = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
WEIGHTS = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0]
NOISES = [0.0, 0.2, 0.4, 0.6]


def errs(
    train_set: Columns, judges: Columns, seed: int, size: int = 1000, classes: int = 10
) -> Tensor:
    """Which images are answered wrongly, [noises, ridges, weights, images].

    Teacher and student are least squares on pixels with a ridge λ. With the eigenvalues
    s of XᵀX the student is (w s / (s + λ) + 1 - w) / (s + λ) times what labels say.
    """
    some, found = sample(train_set, min(size, count(train_set)), seed), []
    x, seen = (c["images"].flatten(1).double() / 255 for c in (some, judges))
    middle = x.mean(0)
    s, directions = torch.linalg.eigh((x - middle).T @ (x - middle))
    seen, there = (seen - middle) @ directions, directions.T @ (x - middle).T
    ridge, weight = torch.tensor(RIDGES)[:, None, None], torch.tensor(WEIGHTS)[:, None]
    scale = (weight * s / (s + ridge) + 1 - weight) / (s + ridge)
    for noise in NOISES:
        labels = with_label_noise(some, noise, seed, classes)["labels"]
        y = F.one_hot(labels, classes).double()
        answers = seen @ (scale[..., None] * (there @ (y - y.mean(0)))) + y.mean(0)
        found.append(answers.argmax(-1) != judges["labels"])
    return torch.stack(found)


def ridge_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 5, classes: int = 10
) -> Explorer:
    """Errors of linear students over the teacher's weight, by ridge and wrong labels.

    Each seed draws 1,000 images. The best ridge and the best weight are chosen on every
    other test image; errors are those of the rest.
    """
    for columns in (train_set, test_set):
        check_columns(columns, classes)
    runs = [errs(train_set, test_set, seed, classes=classes) for seed in range(seeds)]
    found = torch.stack(runs, 1)
    judged, counted = (found[..., k::2].sum(-1).double() for k in (0, 1))
    chosen, rest = judged.mean(1), found[..., 1::2].shape[-1]
    x, none = fig.axis("weight of the teacher", [-1.1, 4.1]), WEIGHTS.index(0.0)
    axes = x, fig.axis(f"errors of {rest:,}", [0, 0.8 * rest])

    def view(ridge: float, noise: float) -> fig.Drawn:
        n, row = NOISES.index(noise), RIDGES.index(ridge)
        alone, here = chosen[n, :, none].argmin(), chosen[n, row].argmin()
        lines = {f"λ = {ridge:g}": counted[n, :, row].T.tolist()}
        lines["the λ that is best without a teacher"] = counted[n, :, alone].T.tolist()
        weight, best = WEIGHTS[here], fig.mean_words(counted[n, :, row, here])
        plain = fig.mean_words(counted[n, :, alone, none])
        return fig.picture(
            f"λ = {ridge:g}: the best weight is {weight:g}, labels count {1 - weight:g}",
            fig.lines_with_spread(WEIGHTS, lines, axes, [fig.STUDENT, fig.LABELS]),
            says=f"{100 * noise:g} % of the labels are wrong. At λ = {ridge:g} with its "
            f"best weight, w = {weight:g}: {best} errors of {rest:,}. Without a teacher, "
            f"with the best λ = {RIDGES[alone]:g}: {plain}. {seeds} seeds.",
            height=400,
            legend=True,
        )

    noise = choice("wrong labels", [(f"{share:.0%}", share) for share in NOISES], 0.4)
    return explore(view, tabulate=2, ridge=choice("ridge λ", RIDGES, 10.0), noise=noise)
