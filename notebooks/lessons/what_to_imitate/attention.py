"""Where two nets look, while one of them learns."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample, scaled
from kdlab.experiments import new_cnn
from kdlab.explorers.answers import picked_images, picker
from kdlab.panels import Explorer, choice, explore
from kdlab.relations import attention_map

from .students import STUDENT, features, imitation_steps, told

STEPS = 0, 5, 10, 20, 40, 80, 160, 320  # after which they are looked at
TAUGHT = {"on labels": 0.0, "and on attention": 10.0}  # weight of its loss
COLORS = {"teacher": fig.TEACHER, "on labels": fig.LABELS}
COLORS["and on attention"] = fig.STUDENT
JUDGES = 500  # images over which the mean is taken


@torch.no_grad()
def maps_of(net: nn.Module, images: Tensor) -> Tensor:
    """Attention [N, 49] of the second block."""
    return attention_map(features(net, scaled(images))["maps"])


def watched(
    teacher: nn.Module, train_set: Columns, test_set: Columns
) -> dict[str, list[Tensor]]:
    """Attention [N, 49] after each of STEPS, of the teacher and of two students.

    Of the test images that can be picked, then of JUDGES others.
    """
    judges = sample(test_set, min(JUDGES, count(test_set)))["images"]
    images = torch.cat([test_set["images"][picked_images(test_set)], judges])
    found = {"teacher": [maps_of(teacher, images)] * len(STEPS)}
    columns = told(train_set, teacher, ["maps"], "teacher")
    epochs = -(-max(STEPS) // -(-count(columns) // 64))
    for name, weight in TAUGHT.items():
        net = new_cnn(STUDENT)
        how = {"method": "attention", "layer": "maps", "weight": weight}
        seen = [maps_of(net, images)]
        steps = imitation_steps(columns, net=net, epochs=epochs, **how)
        for number, _ in enumerate(steps, start=1):
            if number in STEPS:
                seen.append(maps_of(net, images))
        found[name] = seen
    return found


def attention_explorer(
    maps: dict[str, list[Tensor]], test_set: Columns, class_names: Sequence[str]
) -> Explorer:
    """Where teacher and students look on one image, step by step; maps of `watched`."""
    picked = picked_images(test_set)
    images, students = test_set["images"][picked], list(TAUGHT)
    gaps = {
        name: [
            (own - other).square().sum(dim=1)
            for own, other in zip(maps[name], maps["teacher"], strict=True)
        ]
        for name in students
    }
    means = {n: [g[len(picked) :].mean().item() for g in gaps[n]] for n in students}

    def view(step: int, image_number: int) -> fig.Drawn:
        at, image = STEPS.index(step), scaled(images[image_number])
        painted = [image.expand(3, -1, -1)]
        painted += [
            over(image, maps[name][at][image_number], color)
            for name, color in COLORS.items()
        ]
        here = {name: gaps[name][at][image_number].item() for name in students}
        words = ["the image", "teacher"]
        words += [f"{name}: {gap:.2f}" for name, gap in here.items()]
        axes = fig.axis("step", [-12, 332]), fig.axis("unlike the teacher's", [0, 1.1])
        colors = [COLORS[name] for name in students]
        return fig.picture(
            f"After {step} steps: unlike the teacher's by "
            + " and ".join(f"{means[name][at]:.2f}" for name in students),
            fig.gallery(torch.stack(painted), words, 2),
            fig.curves(STEPS, means, step, axes, colors),
            widths=[1.2, 1],
            says=f"{'; '.join(words[2:])} on this image. The curves are means over "
            f"{len(gaps[students[0]][0]) - len(picked)} test images: "
            + "; ".join(f"{name} {means[name][at]:.2f}" for name in students)
            + ". 0 is equal, 2 is nothing in common.",
            height=440,
            legend=True,
        )

    return explore(
        view,
        step=choice("step", STEPS, 320),
        image_number=picker(test_set, picked, class_names),
    )


def over(image: Tensor, attention: Tensor, color: str) -> Tensor:
    """A digit [1, 28, 28] in grey, the more of a colour the more attention [49]."""
    side = round(len(attention) ** 0.5)
    share = (attention / attention.max().clamp_min(1e-9)).view(1, side, side)
    each = image.shape[-1] // side
    share = share.repeat_interleave(each, 1).repeat_interleave(each, 2)
    rgb = torch.tensor([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return (1 - 0.8 * share) * 0.6 * image + 0.8 * share * rgb.view(3, 1, 1)
