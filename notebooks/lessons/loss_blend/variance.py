"""Labels are one roll of the dice, probabilities the dice: what few points teach."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab import panels
from kdlab.data import BLOB_CENTRES, toy_points

from .plane import class_dots, trace

SIZES = 20, 50, 100, 200, 500  # points of a sample


def variance_explorer(samples: int = 30, noise: float = 1.0) -> panels.Explorer:
    """Boundaries learnt from few points with labels, and with the true probabilities.

    Three blobs are known exactly, so a linear classifier could be perfect; each of the
    samples gives it other points.

    Source: Menon et al. (2021), section 3,
    https://proceedings.mlr.press/v139/menon21a.html
    """
    truth, (fresh, answers) = true_weights(noise), blobs(4000, [samples], noise)
    best = boundaries(truth[None])
    parts, right = {}, {}
    for points in SIZES:
        inputs, labels = blobs(points, range(samples), noise)
        dots = class_dots(inputs[0, :, :2], labels[0], size=6, opacity=0.85)
        told = {"labels": F.one_hot(labels, 3).float()}
        told["true probabilities"] = F.softmax(inputs @ truth, dim=2)
        learnt = {way: fitted(inputs, targets) for way, targets in told.items()}
        parts[points] = [
            scattered(dots, boundaries(w), best, n) for n, w in learnt.items()
        ]
        right[points] = [100 * right_on(w, fresh, answers) for w in learnt.values()]

    def view(points: int) -> fig.Drawn:
        labels, probs = (f"{fig.mean_words(r.tolist(), 1)} %" for r in right[points])
        return fig.picture(
            f"{samples} students of {points} points: {labels} right on labels, "
            f"{probs} on probabilities",
            *parts[points],
            says=f"{samples} times {points} points. Learnt from labels {labels} of new "
            f"points are right, from the true probabilities {probs}. Thin lines are the "
            "students' boundaries, thick ones the best there are; the dots are the first "
            "student's points.",
            height=470,
        )

    return panels.explore(view, points=panels.choice("points", SIZES, 50))


def blobs(points: int, seeds: Iterable[int], noise: float) -> tuple[Tensor, Tensor]:
    """Samples of three blobs: inputs x, y and 1 [seeds, points, 3], and labels."""
    sets = [toy_points("blobs", points, noise=noise, seed=seed) for seed in seeds]
    places, labels = (torch.stack([s[k] for s in sets]) for k in ("points", "labels"))
    return F.pad(places, (0, 1), value=1.0), labels


def true_weights(noise: float) -> Tensor:
    """The linear classifier [3 inputs, 3 classes] that gives the true probabilities.

    Equal round blobs have linear log odds.
    """
    centres = torch.tensor(BLOB_CENTRES)
    rows = [*(centres / noise**2).T, -centres.square().sum(1) / (2 * noise**2)]
    return torch.stack(rows)


def fitted(inputs: Tensor, targets: Tensor) -> Tensor:
    """Linear classifiers of least cross-entropy, for all samples at once.

    Inputs and targets [samples, points, 3]; a little weight decay keeps them finite.
    """
    weights = torch.zeros(len(inputs), 3, 3, requires_grad=True)
    search = {"max_iter": 100, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS([weights], **search)

    def loss() -> Tensor:
        optimizer.zero_grad()
        terms = -(targets * F.log_softmax(inputs @ weights, dim=2)).sum(dim=2)
        total = terms.mean(dim=1).sum() + 1e-3 * weights.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach()


def right_on(weights: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
    """Share of the points that each classifier [samples, 3, 3] has right: [samples]."""
    return ((inputs @ weights).argmax(dim=2) == labels).double().mean(dim=1)


def boundaries(weights: Tensor) -> Tensor:
    """Where two classes are level and the third is less likely: lines [9 · samples, 2].

    All three are level at one point; from there three rays go outwards, NaN after each.
    """
    places = []
    for one in weights:
        gaps = one[:, :1] - one[:, 1:]  # [3 inputs, 2]
        middle = torch.linalg.solve(gaps[:2].T, -gaps[2])
        for a, b, third in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
            x, y = one[:2, a] - one[:2, b]
            along = F.normalize(torch.stack([-y, x]), dim=0)
            towards_third = (along @ (one[:2, third] - one[:2, a])).sign()
            end = middle - 12 * towards_third * along
            places += [middle, end, torch.full_like(end, torch.nan)]
    return torch.stack(places)


def scattered(dots: dict, lines: Tensor, best: Tensor, way: str) -> fig.Part:
    """Thin boundaries over one sample's dots, and the best possible ones."""
    thin, bold = {"color": fig.LABELS, "width": 1}, {"color": fig.SOFTENED, "width": 4}
    traces = [
        trace(places, "lines", line=line, hoverinfo="skip")
        for places, line in ((lines, thin), (best, bold))
    ]
    x, y = fig.axis(f"learnt from {way}", [-4.5, 4.5]), fig.axis("", [-4, 4.5])
    return {"traces": [dots, *traces], "x": {**x, "showticklabels": False}, "y": y}
