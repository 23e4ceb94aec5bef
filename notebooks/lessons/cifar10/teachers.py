"""Two teachers side by side: what they answer to one picture."""

from collections.abc import Sequence

from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.explorers.answers import names_of, picked_images, picker
from kdlab.metrics import effective_classes, soften
from kdlab.panels import Explorer, explore, temperature_slider

PLAIN, SMOOTHED = "teacher of labels", "teacher of smoothed labels"
COLORS = {PLAIN: fig.TEACHER, SMOOTHED: fig.SOFTENED}


def two_teachers_explorer(
    columns: Columns,
    smoothed_logits: Tensor,
    class_names: Sequence[str] | None = None,
) -> Explorer:
    """Two teachers' answers to one picture, and how both soften with the temperature.

    Args:
        columns: images, labels, and teacher_logits [N, C] of the one trained on labels.
        smoothed_logits: [N, C] of the one trained on smoothed labels.
    """
    class_names, picked = (
        names_of(columns, class_names),
        picked_images(columns, torn=12),
    )
    both = {PLAIN: columns["teacher_logits"], SMOOTHED: smoothed_logits}
    labels, images = columns["labels"][picked], columns["images"][picked]

    def view(temperature: float, image_number: int) -> fig.Drawn:
        logits = {name: all_of[picked[image_number]] for name, all_of in both.items()}
        probs = {name: soften(z, temperature) for name, z in logits.items()}
        like = {name: effective_classes(p).item() for name, p in probs.items()}
        said = [f"{n}: {ranked(p, class_names)}" for n, p in probs.items()]
        bars = {name: (p, COLORS[name]) for name, p in probs.items()}
        return fig.picture(
            f"T = {temperature:.3g}: as open as {like[PLAIN]:.1f} and "
            f"{like[SMOOTHED]:.1f} of {len(class_names)} classes",
            fig.grouped_bars(bars, class_names),
            fig.image(images[image_number]),
            widths=[2.4, 1],
            says=f"Label {class_names[labels[image_number]]}. The {'; the '.join(said)}.",
            height=430,
            legend=True,
        )

    return explore(
        view,
        tabulate=2,
        presets={"as trained": 1.0, "as they teach": 4.0, "hot": 16.0},
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def ranked(probs: Tensor, class_names: Sequence[str]) -> str:
    """'cat 52 %, dog 31 %, frog 5 %': the first three of [classes]."""
    some = zip(*probs.topk(min(3, len(probs))), strict=True)
    return ", ".join(f"{class_names[k]} {fig.percent(p.item(), 0)}" for p, k in some)
