"""Which classes are alike: a teacher's wrong answers as a map, a table and images."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.explorers.answers import TEMPERATURES, names_of, picked_images, picker
from kdlab.metrics import soften
from kdlab.panels import Explorer, explore, temperature_slider

UPRIGHT = TEMPERATURES.index(8.0)  # the map that the others are turned to
RADIUS = 0.22  # of a class in the map


def class_similarity(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Mean wrong answers by true class: [N, classes] -> [classes, classes].

    Row y is the mean softened answer to images of class y without its own entry, and
    sums to 1; the diagonal is 0. ValueError: a class has no image.
    """
    probs, classes = soften(logits.double(), temperature), logits.shape[1]
    if missing := {*range(classes)} - {*labels.tolist()}:
        raise ValueError(f"No image shows a {sorted(missing)}: leave its logits out.")
    means = torch.stack([probs[labels == name].mean(dim=0) for name in range(classes)])
    wrong = means.fill_diagonal_(0)
    return wrong / wrong.sum(dim=1, keepdim=True)


def class_maps(similarity: Tensor, upright: int) -> Tensor:
    """Places in a plane where similar classes lie close together, [maps, classes, 2].

    A distance should be minus the logarithm of the pair's mean similarity. All maps of
    a similarity [maps, classes, classes] begin at the two directions of largest
    variance of the row `upright`, and lower their squared errors step by step (metric
    scaling by SMACOF). Then they are turned and mirrored to lie as that of `upright`
    does, for no direction means anything.

    Source: Borg & Groenen (2005), Modern Multidimensional Scaling, section 8.6
    """
    wanted = -((similarity + similarity.mT) / 2).clamp_min(1e-30).log()
    wanted = wanted.clamp_min(1e-3)  # two classes, or two that know only each other
    wanted.diagonal(dim1=1, dim2=2).zero_()
    centre = (torch.eye(similarity.shape[1]) - 1 / similarity.shape[1]).double()
    values, vectors = torch.linalg.eigh(-centre @ wanted[upright] ** 2 @ centre)
    places = vectors[:, -2:] * values[-2:].clamp_min(0).sqrt()
    places = places.expand(len(similarity), -1, -1)
    for _ in range(300):
        pulls = -wanted / torch.cdist(places, places).clamp_min(1e-9)
        places = (pulls - pulls.sum(dim=2).diag_embed()) @ places
        places = places / places.pow(2).mean(dim=(1, 2), keepdim=True).sqrt()
    left, _, right = torch.linalg.svd(places.mT @ places[upright])
    return places @ left @ right  # Procrustes: the turn that brings it closest


def similarity_explorer(
    columns: Columns, class_names: Sequence[str] | None = None
) -> Explorer:
    """Which wrong answers a teacher gives to which class, as a map and as a table.

    A class without images is left out. ValueError: all images are of one class.
    """
    class_names = names_of(columns, class_names, compared=True)
    shown = columns["labels"].unique().tolist()
    missing = " and ".join(n for n in class_names if class_names.index(n) not in shown)
    left_out = f" Left out, for no image shows it: {missing}." if missing else ""
    labels = torch.searchsorted(torch.tensor(shown), columns["labels"])
    class_names = [class_names[name] for name in shown]
    answers = columns["teacher_logits"][:, shown], labels
    tables = torch.stack([class_similarity(*answers, t) for t in TEMPERATURES])
    maps = class_maps(tables, UPRIGHT)
    maps = maps / max(1.0, maps.abs().max().item() / 2)  # all lie within the picture

    def view(temperature: float) -> fig.Drawn:
        at = fig.nearest(TEMPERATURES, temperature)
        temperature = TEMPERATURES[at]
        times = tables[at] * (len(class_names) - 1)
        pairs, both = most_alike(times), (times + times.T) / 2
        names = [f"{class_names[a]} and {class_names[b]}" for a, b in pairs]
        said = [f"{n} ({both[pair]:.1f})" for n, pair in zip(names, pairs, strict=True)]
        return fig.picture(
            f"T = {temperature:.4g}: most alike are {names[0]}",
            map_of(maps[at], pairs, class_names),
            wrong_answers(times, class_names),
            widths=[1, 1.25],
            height=470,
            says=f"At T = {temperature:.4g} most alike are {', '.join(said)}. In "
            "brackets, their wrong answers for each other as times an even share. On "
            f"the left, classes that are alike lie close together.{left_out}",
        )

    presets = {"as trained": 1.0, "a usual choice": 4.0, "Hinton 2015, T ≈ 20": 20.0}
    return explore(view, presets=presets, temperature=temperature_slider(4.0))


def most_alike(similarity: Tensor) -> list[tuple[int, int]]:
    """The three pairs of classes (of two: the one) with the largest mean entries."""
    both = (similarity + similarity.T).triu().fill_diagonal_(-1)
    order = both.flatten().topk(3 if len(both) > 2 else 1).indices.tolist()
    return [divmod(place, len(both)) for place in order]


def wrong_answers(times: Tensor, class_names: Sequence[str]) -> fig.Part:
    """Times the even share of each wrong class; the colours go by doublings."""
    return fig.heat_map(
        times.clone().fill_diagonal_(torch.nan).flip(0),
        class_names,
        class_names[::-1],
        ("wrong answer", "label"),
        scale=(-5, 5),
        title="times the even share",
        colors=fig.DIVERGING,
        log=True,
    )


def map_of(
    places: Tensor, pairs: Sequence[tuple[int, int]], class_names: Sequence[str]
) -> fig.Part:
    """Class names at their places [classes, 2]; lines join the most similar pairs."""
    x, y = places.T.tolist()
    ring = {"size": 36, "color": fig.TEACHER, "symbol": "circle-open"}
    names = {"x": x, "y": y, "text": [*map(fig.short, class_names)]}
    names["textfont"] = {"size": 20 if max(map(len, class_names)) < 3 else 14}
    names |= {"mode": "markers+text", "marker": {**ring, "line": {"width": 3}}}
    lines = {"x": [], "y": [], "mode": "lines"}
    lines |= {"line": {"color": fig.SOFTENED, "width": 5}}
    for a, b in pairs:
        edge = RADIUS * F.normalize(places[b] - places[a], dim=0)
        ends = torch.stack([places[a] + edge, places[b] - edge])
        lines["x"] += [*ends[:, 0].tolist(), None]
        lines["y"] += [*ends[:, 1].tolist(), None]
    hidden = {"range": [-2.3, 2.3], "visible": False, "fixedrange": True}
    both = {"type": "scatter", "hoverinfo": "skip"}
    return {"traces": [{**both, **lines}, {**both, **names}], "x": hidden, "y": hidden}


def neighbours_explorer(
    columns: Columns, class_names: Sequence[str] | None = None
) -> Explorer:
    """The three nearest wrong classes of an image, each with two real images of it.

    Nearest are the images of that class to which the teacher's answer is most alike. Of
    few classes and images there are fewer. ValueError: all images are of one class.
    """
    class_names = names_of(columns, class_names, compared=True)
    logits, labels = columns["teacher_logits"], columns["labels"]
    picked = picked_images(columns)
    near = [nearest_wrong(logits, labels, row) for row in picked]

    def view(temperature: float, image_number: int) -> fig.Drawn:
        row, (names, rows) = picked[image_number], near[image_number]
        probs, label = soften(logits[row], temperature), class_names[labels[row]]
        said = [f"{class_names[n]} ({fig.percent(probs[n].item())})" for n in names]
        captions = [fig.a(class_names[labels[other]]) for other in rows]
        return fig.picture(
            f"This {label} is most like {fig.a(class_names[names[0]])}",
            fig.image(columns["images"][row]),
            fig.class_bars(probs, class_names, title="teacher's probability"),
            fig.gallery(columns["images"][rows], captions, len(names)),
            widths=[1, 1.4, 1.6],
            height=380,
            says=f"Label {label}. At T = {temperature:.4g} the nearest wrong classes "
            f"are {', '.join(said)}. On the right, real images of these to which the "
            "teacher answers most alike.",
        )

    return explore(
        view,
        presets={"as trained": 1.0, "soft": 8.0},
        temperature=temperature_slider(4.0),
        image_number=picker(columns, picked, class_names),
    )


def nearest_wrong(
    logits: Tensor, labels: Tensor, row: int
) -> tuple[list[int], list[int]]:
    """The three most likely wrong classes of a row, and two rows of each, most alike.

    The rows are in the order of two lines: the first of each class, the second; there
    is one line if a class has a single image.
    """
    images = torch.bincount(labels, minlength=logits.shape[1])
    images[labels[row]] = 0
    wrong = torch.where(images > 0, logits[row], -torch.inf)
    names = wrong.topk(min(3, int((images > 0).sum()))).indices
    gaps = (logits - logits[row]).norm(dim=1)
    of_class = torch.where(labels == names[:, None], gaps, torch.inf)  # [3, N]
    rows = of_class.topk(min(2, int(images[names].min())), largest=False).indices
    return names.tolist(), rows.T.flatten().tolist()
