"""Where two nets look, while one of them learns."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
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
COLORS = {"ink": fig.OTHER, "teacher": fig.TEACHER}
COLORS |= dict(zip(TAUGHT, [fig.LABELS, fig.STUDENT], strict=True))
JUDGES = 500  # images over which the mean is taken


def watched(
    teacher: nn.Module, train_set: Columns, test_set: Columns
) -> dict[str, list[Tensor]]:
    """Attention [N, 49] after each of STEPS, of the teacher and of two students.

    Of the test images that can be picked, then of JUDGES others; ink; and a mean map.
    """
    judges = sample(test_set, min(JUDGES, count(test_set)))["images"]
    images = torch.cat([test_set["images"][picked_images(test_set)], judges])

    @torch.no_grad()
    def look(net: nn.Module) -> Tensor:
        parts = [features(net, part)["maps"] for part in scaled(images).split(100)]
        return attention_map(torch.cat(parts))

    found = {"teacher": [look(teacher)] * len(STEPS)}
    found["ink"] = [attention_map(F.avg_pool2d(scaled(images), 4))] * len(STEPS)
    found["mean map"] = [F.normalize(found["teacher"][0].mean(0)[None])] * len(STEPS)
    columns = told(train_set, teacher, ["maps"], "teacher")
    epochs = -(-max(STEPS) // -(-count(columns) // 64))
    for name, weight in TAUGHT.items():
        net = new_cnn(STUDENT)
        how = {"method": "attention", "layer": "maps", "weight": weight}
        steps = enumerate(imitation_steps(columns, net=net, epochs=epochs, **how), 1)
        found[name] = [look(net), *(look(net) for n, _ in steps if n in STEPS)]
    return found


def attention_explorer(
    maps: dict[str, list[Tensor]], test_set: Columns, names: Sequence[str]
) -> Explorer:
    """Where teacher and students look on one image, step by step; maps of `watched`."""
    picked = picked_images(test_set)
    images = scaled(test_set["images"][picked])
    gaps = {  # {student: [each step, each image]}
        name: (torch.stack(maps[name]) - maps["teacher"][0]).square().sum(dim=2)
        for name in ("ink", "mean map", *TAUGHT)
    }
    means = {n: gap[:, len(picked) :].mean(dim=1).tolist() for n, gap in gaps.items()}
    axes = fig.axis("step", [-12, 332]), fig.axis("unlike the teacher's", [0, 1.1])
    colors = [COLORS.get(name, fig.SOFTENED) for name in gaps]

    def view(step: int, image_number: int) -> fig.Drawn:
        at, image = STEPS.index(step), images[image_number]
        painted = [over(image, maps[n][at][image_number], c) for n, c in COLORS.items()]
        words = {n: f"{n}: {gap[at, image_number]:.2f}" for n, gap in gaps.items()}
        captions = [words.get(name, name) for name in COLORS]
        after = ", ".join(f"{name} {mean[at]:.2f}" for name, mean in means.items())
        return fig.picture(
            f"Step {step}, how unlike: {after}",
            fig.unnamed(fig.gallery(torch.stack(painted), captions, 2)),
            fig.curves(STEPS, means, step, axes, colors),
            widths=[1.2, 1],
            says=f"Mean of other images: {after}. This image, its ink squared: "
            f"{'; '.join(words.values())}. 0 is equal, 2 is nothing in common.",
            height=440,
            legend=True,
        )

    image = picker(test_set, picked, names)
    return explore(view, step=choice("step", STEPS, max(STEPS)), image_number=image)


def over(image: Tensor, attention: Tensor, color: str) -> Tensor:
    """A digit [1, 28, 28] in grey, the more of a colour the more attention [49]."""
    side = round(len(attention) ** 0.5)
    share = (attention / attention.max().clamp_min(1e-9)).view(1, 1, side, side)
    share = 0.8 * F.interpolate(share, image.shape[-2:])[0]
    return (1 - share) * 0.35 * image + share * rgb_of(color).view(3, 1, 1)


def rgb_of(color: str) -> Tensor:
    """Of "#0072B2" red, green and blue in [0, 1]."""
    return torch.tensor([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
