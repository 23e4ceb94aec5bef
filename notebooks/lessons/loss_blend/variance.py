"""The explorer of variance in 04: labels are one roll, probabilities the dice."""

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.data import BLOB_CENTRES, Columns, toy_points
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    SOFTENED_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    axis,
    side_by_side,
)
from kdlab.figures_runs import mean_words
from kdlab.panels import Explorer, explore

SIZES = 20, 50, 100, 200, 500  # points of a sample


def variance_explorer(samples: int = 30, noise: float = 1.0) -> Explorer:
    """Boundaries learnt from few points with labels, and with the true probabilities.

    Three blobs are known exactly, so a linear classifier could be perfect; each of the
    samples gives it other points.

    Source: Menon et al. (2021), section 3, https://arxiv.org/abs/2005.10419
    """
    fresh = toy_points("blobs", 4000, noise=noise, seed=samples)
    best = boundaries(true_probs_weights(noise)[None])
    learnt = {n: two_ways(n, samples, noise) for n in SIZES}
    right = {n: [100 * right_on(w, fresh) for w in learnt[n]] for n in SIZES}
    lines = {n: [boundaries(weights) for weights in learnt[n]] for n in SIZES}
    first = {n: toy_points("blobs", n, noise=noise, seed=0) for n in SIZES}

    def view(points: int) -> Drawn:
        said = [f"{mean_words(shares.tolist(), 1)} %" for shares in right[points]]
        figure = side_by_side(
            f"{samples} students of {points} points: {said[0]} right on labels, "
            f"{said[1]} on probabilities",
            scattered(lines[points][0], best, first[points], "labels"),
            scattered(lines[points][1], best, first[points], "true probabilities"),
            height=470,
        )
        return figure, (
            f"{samples} times {points} points. Learnt from labels {said[0]} of "
            f"new points are right, from the true probabilities {said[1]}. Thin lines "
            "are the students' boundaries, thick ones the best there are; the dots are "
            "the first student's points."
        )

    slider = widgets.SelectionSlider(
        options=[(f"{size}", size) for size in SIZES], value=50, description="points"
    )
    return explore(view, points=slider)


def true_probs_weights(noise: float) -> Tensor:
    """The linear classifier [3 inputs, 3 classes] that gives the true probabilities.

    Its inputs are x, y and 1: equal round blobs have linear log odds.
    """
    centres = torch.tensor(BLOB_CENTRES)
    rows = [*(centres / noise**2).T, -centres.square().sum(1) / (2 * noise**2)]
    return torch.stack(rows)


def two_ways(points: int, samples: int, noise: float) -> tuple[Tensor, Tensor]:
    """Weights [samples, 3, 3], learnt from labels and from the true probabilities."""
    sets = [toy_points("blobs", points, noise=noise, seed=s) for s in range(samples)]
    inputs = with_ones(torch.stack([columns["points"] for columns in sets]))
    labels = torch.stack([columns["labels"] for columns in sets])
    truth = F.softmax(inputs @ true_probs_weights(noise), dim=2)
    return fitted(inputs, F.one_hot(labels, 3).float()), fitted(inputs, truth)


def fitted(inputs: Tensor, targets: Tensor) -> Tensor:
    """Linear classifiers of least cross-entropy, for all samples at once.

    Inputs and targets [samples, points, 3]; a little weight decay keeps them finite.
    """
    weights = torch.zeros(len(inputs), 3, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights], max_iter=100, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        terms = -(targets * F.log_softmax(inputs @ weights, dim=2)).sum(dim=2)
        total = terms.mean(dim=1).sum() + 1e-3 * weights.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach()


def with_ones(points: Tensor) -> Tensor:
    """[..., 2] -> [..., 3]: a third input that is always 1."""
    return torch.cat([points, torch.ones(*points.shape[:-1], 1)], dim=-1)


def right_on(weights: Tensor, columns: Columns) -> Tensor:
    """Share of points that each classifier [samples, 3, 3] has right: [samples]."""
    answers = (with_ones(columns["points"]) @ weights).argmax(dim=2)
    return (answers == columns["labels"]).double().mean(dim=1)


def boundaries(weights: Tensor) -> tuple[list, list]:
    """Where two classes are level and the third is less likely, as lines x and y.

    All three are level at one point; from there three rays go outwards.
    """
    x, y = [], []
    for one in weights:
        gaps = one[:, [0, 0]] - one[:, [1, 2]]  # [3 inputs, 2]
        middle = torch.linalg.solve(gaps[:2].T, -gaps[2])
        for a, b, third in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
            gap = one[:2, a] - one[:2, b]
            along = F.normalize(torch.stack([-gap[1], gap[0]]), dim=0)
            if along @ (one[:2, third] - one[:2, a]) > 0:
                along = -along
            end = middle + 12 * along
            x += [middle[0].item(), end[0].item(), None]
            y += [middle[1].item(), end[1].item(), None]
    return x, y


def scattered(lines: tuple, best: tuple, points: Columns, title: str) -> Part:
    """Thin boundaries over one sample's points, and the best possible ones."""
    places = points["points"].T.tolist()
    colors = [TEACHER_COLOR, STUDENT_COLOR, OTHER_COLOR]
    symbols = ["circle", "square", "diamond"]
    marker = {"size": 6, "opacity": 0.6}
    marker["color"] = [colors[label] for label in points["labels"].tolist()]
    marker["symbol"] = [symbols[label] for label in points["labels"].tolist()]
    thin = {"color": LABEL_COLOR, "width": 1}
    bold = {"color": SOFTENED_COLOR, "width": 4}
    style = {"type": "scatter", "hoverinfo": "skip"}
    traces = [
        {**style, "mode": "markers", "x": places[0], "y": places[1], "marker": marker},
        {**style, "mode": "lines", "x": lines[0], "y": lines[1], "line": thin},
        {**style, "mode": "lines", "x": best[0], "y": best[1], "line": bold},
    ]
    x, y = axis(f"learnt from {title}", [-4.5, 4.5]), axis("", [-4, 4.5])
    return {"traces": traces, "x": {**x, "showticklabels": False}, "y": y}
