"""A linear teacher and its linear student, exactly: where a label's weight may be < 0."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, count, sample, with_label_noise
from kdlab.panels import Explorer, choice, explore

RIDGES = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
WEIGHTS = [0.0, 0.5, 0.8, 1.0, 1.25, 1.5, 2.0]
NOISES = [0.0, 0.2, 0.4, 0.6]


def pixels_of(columns: Columns) -> Tensor:
    """[N, pixels] in [0, 1], in double precision."""
    return columns["images"].flatten(1).double() / 255


def ridge_errors(train_set: Columns, labels: list[Tensor], test_set: Columns) -> Tensor:
    """Wrong or right [labels, ridges, weights, images], of students of such teachers.

    Both are least squares on pixels with a ridge λ; with the eigenvalues s of XᵀX the
    student is (w s / (s + λ) + 1 - w) / (s + λ) times what the labels say.
    """
    x = pixels_of(train_set)
    middle, classes = x.mean(0), 1 + int(test_set["labels"].max())
    s, directions = torch.linalg.eigh((x - middle).T @ (x - middle))
    seen, found = (pixels_of(test_set) - middle) @ directions, []
    ridge, weight = (
        torch.tensor(RIDGES).view(-1, 1, 1),
        torch.tensor(WEIGHTS).view(-1, 1),
    )
    scale = (weight * s / (s + ridge) + 1 - weight) / (
        s + ridge
    )  # [ridges, weights, pixels]
    for some in labels:
        y = F.one_hot(some, classes).double()
        told = directions.T @ ((x - middle).T @ (y - y.mean(0)))
        answers = seen @ (scale[..., None] * told) + y.mean(0)
        found.append(answers.argmax(-1) != test_set["labels"])
    return torch.stack(found)


def ridge_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> Explorer:
    """Errors of linear students over the teacher's weight, by ridge and wrong labels.

    Each seed draws 1,000 images. The best ridge, and the best weight with it, are
    chosen on every other test image; errors are those of the rest.
    """
    classes, every = 1 + int(test_set["labels"].max()), []
    for seed in range(seeds):
        some = sample(train_set, min(1000, count(train_set)), seed)
        wrong = [
            with_label_noise(some, noise, seed, classes)["labels"] for noise in NOISES
        ]
        every.append(ridge_errors(some, wrong, test_set))
    errors = dict(
        zip(NOISES, torch.stack(every, dim=1), strict=True)
    )  # [seeds, λ, w, N]
    rest = count(test_set) - len(test_set["labels"][::2])
    x = fig.axis("weight of the teacher", [-0.05, 2.05])
    y = fig.axis(f"errors of {rest:,}", [0, 0.8 * rest])

    def view(ridge: float, noise: float) -> fig.Drawn:
        judged, counted = (errors[noise][..., k::2].sum(-1).double() for k in (0, 1))
        row, alone = RIDGES.index(ridge), judged[:, :, 0].mean(0).argmin().item()
        here = WEIGHTS[judged[:, row].mean(0).argmin()]
        lines = {f"λ = {ridge:g}": counted[:, row].T.tolist()}
        lines |= {"the best λ without a teacher": counted[:, alone].T.tolist()}
        best = counted[:, row, WEIGHTS.index(here)].tolist()
        without = counted[:, alone, 0].tolist()
        return fig.picture(
            f"λ = {ridge:g}: the best weight is {here:g}, so labels count {1 - here:g}",
            fig.lines_with_spread(WEIGHTS, lines, (x, y), [fig.STUDENT, fig.LABELS]),
            says=f"{100 * noise:g} % of the labels are wrong. At λ = {ridge:g} and its best weight {here:g} "
            f"{fig.mean_words(best)} errors of {rest:,}; without a teacher at the best λ, {RIDGES[alone]:g}: {fig.mean_words(without)}. {seeds} seeds.",
            height=400,
            legend=True,
        )

    shares = [(fig.percent(share, 0), share) for share in NOISES]
    return explore(
        view,
        tabulate=2,
        ridge=choice("ridge λ", RIDGES, 10.0),
        noise=choice("wrong labels", shares, 0.4),
    )
