"""What each of several teachers says of one image, and all of them together."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.explorers.answers import openness, top_words
from kdlab.metrics import entropy, soften
from kdlab.panels import Explorer, choice, dropdown, explore, image_picker, tick

from .crowds import corrupted, together

RULES = {"mean of probabilities": "probabilities", "mean of logits": "logits"}
RULES |= {"majority": "majority"}
MOST = 6  # images of each kind


def crowd_explorer(
    sets: Mapping[str, Columns],
    said: Mapping[str, Mapping[str, Tensor]],
    names: Sequence[str],
) -> Explorer:
    """Teachers' probabilities of an image, one a row, and what they say together.

    `sets` are images such as {"their own": ..., "never seen": ...}; said[kind][set] are
    the logits [teachers, N, classes]. Shown are those that tear the first kind most.
    """
    first = next(iter(said.values()))
    torn = {
        k: entropy(soften(v, 4.0).mean(0)).argsort().flip(0) for k, v in first.items()
    }
    picked = [(k, int(row)) for k in sets for row in torn[k][:MOST]]
    images = [sets[k]["images"][row] for k, row in picked]
    labels = [names[sets[k]["labels"][row]] for k, row in picked]
    most = min(len(logits) for logits in first.values())

    def view(
        teachers: int, rule: str, temperature: float, kind: str, liar: bool, image: int
    ) -> fig.Drawn:
        whose, row = picked[image]
        logits = corrupted(said[kind][whose][:teachers, [row]], int(liar))
        each = torch.full((most, len(names)), torch.nan)
        each[:teachers] = soften(logits[:, 0], temperature)
        all_say = together(logits, RULES[rule], temperature)[0]
        mean = soften(all_say, temperature)
        if rule == "majority":
            mean = all_say / teachers
        right = sum(names[i] == labels[image] for i in logits[:, 0].argmax(1).tolist())
        rows, axes = [str(n + 1) for n in range(most)], ("class", "teacher")
        style = {"scale": (0, 100), "title": "%", "digits": 0}
        return fig.picture(
            f"{teachers} {kind}, {rule}: {top_words(mean, names)}",
            fig.image(images[image]),
            fig.heat_map(100 * each, names, rows, axes, **style),
            fig.class_bars(mean, names, title="together"),
            widths=[0.8, 1.6, 1],
            says=f"An image that they have {whose}, {fig.a(labels[image])}: {right} of "
            f"{teachers} name it rightly. Together they are {openness(mean)}.",
            height=400,
        )

    words = [f"{k}: image {n}, {fig.a(labels[i])}" for i, (k, n) in enumerate(picked)]
    return explore(
        view,
        tabulate=3,
        teachers=choice("teachers", range(1, most + 1), most),
        rule=dropdown("together", [*RULES]),
        temperature=choice("temperature T", [1.0, 2.0, 8.0], 1.0),
        kind=dropdown("who", [*said]),
        liar=tick("the last one names the digit before it"),
        image=image_picker([fig.image_address(image) for image in images], words),
    )
