"""What each of several teachers says of one image, and all of them together."""

import math
from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.explorers.answers import openness, top_words
from kdlab.metrics import entropy, soften
from kdlab.panels import Explorer, choice, dropdown, explore, image_picker, tick

from .crowds import corrupted, together

MOST = 6  # images of each kind


def crowd_explorer(
    sets: Mapping[str, Columns],
    said: Mapping[str, Mapping[str, Tensor]],
    names: Sequence[str],
) -> Explorer:
    """Teachers' probabilities of an image, one a row, and what they say together.

    said[kind][name of a set] are logits [teachers, N, classes]; the most torn are shown.
    """
    kinds = said.values()
    torn = {k: sum(entropy(soften(v[k], 4.0).mean(0)) for v in kinds) for k in sets}
    torn = {k: v.argsort(descending=True).tolist()[:MOST] for k, v in torn.items()}
    picked = [(where, row) for where in sets for row in torn[where]]
    images = [sets[k]["images"][row] for k, row in picked]
    labels = [names[sets[k]["labels"][row]] for k, row in picked]
    rows = [str(n + 1) for n in range(min(len(v[k]) for v in kinds for k in sets))]

    def view(teachers, rule, temperature, kind, liar, image) -> fig.Drawn:
        whose, row = picked[image]
        logits = corrupted(said[kind][whose][:teachers, [row]], int(liar))
        each, room = soften(logits[:, 0], temperature), len(rows) - teachers
        each = F.pad(each, (0, 0, 0, room), value=math.nan)
        mean = together(logits, rule, temperature)[0]
        mean = mean / teachers if rule == "majority" else soften(mean, temperature)
        right = sum(names[i] == labels[image] for i in logits[:, 0].argmax(1).tolist())
        style = {"scale": (0, 100), "title": "%", "digits": 0}
        return fig.picture(
            f"{teachers} {kind} together, {rule}: {top_words(mean, names)}",
            fig.image(images[image]),
            fig.heat_map(100 * each, names, rows, ("class", "teacher"), **style),
            fig.class_bars(mean, names, title="together"),
            widths=[0.8, 1.6, 1],
            says=f"An image that they have {whose}, {fig.a(labels[image])}: {right} of "
            f"{teachers} name it rightly. Together they are {openness(mean)}.",
        )

    words = [f"{k}: image {n}, {fig.a(labels[i])}" for i, (k, n) in enumerate(picked)]
    controls = {"teachers": choice("teachers", range(1, len(rows) + 1), len(rows))}
    controls |= {"rule": dropdown("together", ("probabilities", "logits", "majority"))}
    controls |= {"temperature": choice("temperature T", [1.0, 2.0, 8.0], 1.0)}
    controls |= {"kind": dropdown("who", [*said]), "liar": tick("the last one lies")}
    controls |= {"image": image_picker([*map(fig.image_address, images)], words)}
    return explore(view, tabulate=3, **controls)
