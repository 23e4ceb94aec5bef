"""What explorers of several lessons show of a teacher's answers.

Columns here are a test set with a column teacher_logits [N, classes], as `predict`
gives them. Pickers offer one image of each class that has any, then those that tear it
most.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from ipywidgets import Widget
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, check_columns
from kdlab.losses import soft_target_gradient
from kdlab.metrics import effective_classes, entropy, soften
from kdlab.panels import Explorer, explore, image_picker, temperature_slider

DIGITS = [str(digit) for digit in range(10)]
TEMPERATURES = [2 ** (step / 6) for step in range(-12, 31)]  # those of the slider
TORN_TEMPERATURE = 4.0  # at which 'most torn' is measured: at 1 nearly all are sure
PULL = fig.axis("length of the gradient", [-4.3, 1.3], log=True)


def answer_explorer(
    columns: Columns,
    class_names: Sequence[str] | None = None,
    beside: Mapping[str, float] | None = None,
) -> Explorer:
    """A teacher's answer to real images, and how it softens with the temperature.

    `beside` is another answer, {class: probability}, to compare it with.
    """
    class_names, picked = names_of(columns, class_names), picked_images(columns)
    logits, labels = columns["teacher_logits"][picked], columns["labels"][picked]
    values, told = torch.tensor([*(beside or {}).values()]), [*(beside or {})]
    other = fig.class_bars(values, told, title="as told", color=fig.LABELS)

    def view(temperature: float, image_number: int) -> fig.Drawn:
        probs = soften(logits[image_number], temperature)
        return fig.picture(
            f"T = {temperature:.4g}: the teacher gives {top_words(probs, class_names)}",
            *([other] if beside else []),
            fig.image(columns["images"][picked[image_number]]),
            fig.class_bars(probs, class_names, title="teacher's probability"),
            widths=[1.5, 1, 1.7] if beside else [1, 2.4],
            says=f"Label {class_names[labels[image_number]]}. "
            f"{ranking(probs, class_names)} It is {openness(probs)}.",
        )

    return explore(
        view,
        presets={
            "as trained": 1.0,
            "soft": 8.0,
            "most torn image": {"temperature": 1.0, "image_number": most_torn(columns)},
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def names_of(
    columns: Columns, class_names: Sequence[str] | None, compared: bool = False
) -> list[str]:
    """A name for each class of the teacher: its number, where no names are given.

    Raises ValueError if these columns cannot be shown: no answers of a teacher, labels
    that it does not know, or not one name for each class; or images of one class only,
    where classes are compared.
    """
    if "teacher_logits" not in columns:
        raise ValueError(
            f"There are columns {[*columns]}, and no teacher_logits: add "
            "predict(teacher, images)."
        )
    classes = columns["teacher_logits"].shape[1]
    check_columns(columns, classes)
    if class_names is None:
        class_names = [str(number) for number in range(classes)]
    if classes < 2 or len({*class_names}) != classes or len(class_names) != classes:
        raise ValueError(
            f"The teacher answers for {classes} classes: two at least are needed, and "
            f"one name for each, no two alike, got {len(class_names)}: {class_names}."
        )
    if compared and len(shown := columns["labels"].unique()) < 2:
        raise ValueError(
            "Images of 2 classes are needed to compare them, and all that are here "
            f"show {fig.a(class_names[shown[0]])}: take others, or more."
        )
    return [*class_names]


def soft_pulls(student_logits: Tensor, teacher_logits: Tensor) -> dict[str, list]:
    """Mean length of the soft gradient at each of TEMPERATURES, with T² and without.

    Logits [N, classes] -> {"T² · KL": [...], "KL alone": [...]}.
    """
    pulls = [
        soft_target_gradient(student_logits, teacher_logits, t).norm(dim=1).mean()
        for t in TEMPERATURES
    ]
    squared = torch.stack(pulls).tolist()
    alone = [y / t**2 for y, t in zip(squared, TEMPERATURES, strict=True)]
    return {"T² · KL": squared, "KL alone": alone}


def over_temperatures(
    lines: Mapping[str, Sequence[float]],
    here: float,
    y: dict,
    colors: Sequence[str],
    *marks: dict,
) -> fig.Part:
    """Named curves over TEMPERATURES, with a dot on each where the slider is."""
    axes = fig.temperature_axis(), y
    return fig.curves(TEMPERATURES, lines, here, axes, colors, *marks)


def picked_images(columns: Columns, torn: int = 6) -> list[int]:
    """Rows of the first image of each class, then of those that tear it most."""
    labels, logits = columns["labels"], columns["teacher_logits"]
    first = [int((labels == name).nonzero()[0]) for name in labels.unique()]
    order = entropy(soften(logits, TORN_TEMPERATURE)).argsort(descending=True)
    return first + order[:torn].tolist()


def most_torn(columns: Columns) -> int:
    """Where the most torn image is among `picked_images`: behind one of each class."""
    return len(columns["labels"].unique())


def picker(columns: Columns, rows: Sequence[int], class_names: Sequence[str]) -> Widget:
    """Thumbnails of these rows; the value is the position among them."""
    labels = columns["labels"]
    names = [f"image {row}, {fig.a(class_names[labels[row]])}" for row in rows]
    addresses = [fig.image_address(columns["images"][row]) for row in rows]
    return image_picker(addresses, names)


def top_words(probs: Tensor, class_names: Sequence[str]) -> str:
    """'98.2 % to 4': the first answer of [classes]."""
    most, first = probs.max().item(), class_names[int(probs.argmax())]
    return f"{fig.percent(most)} to {first}"


def ranking(probs: Tensor, class_names: Sequence[str]) -> str:
    """The first three answers of [classes] in words, or both where there are two."""
    values, names = probs.topk(min(3, len(probs)))
    said = [
        f"{class_names[name]} with {frequency(value)}"
        for value, name in zip(values.tolist(), names.tolist(), strict=True)
    ]
    return f"The teacher says {', then '.join(said)}."


def bits_open(probs: Tensor) -> Tensor:
    """Entropy in bits: probabilities [..., classes] -> [...]."""
    return entropy(probs) / math.log(2)


def open_words(cold: Tensor, warm: Tensor, temperature: float) -> str:
    """How many bits two answers [classes] leave open, as trained and softened."""
    return (
        f"That leaves {bits_open(cold):.2f} bits open; softened with "
        f"T = {temperature:.4g}, {bits_open(warm):.2f} of at most "
        f"{math.log2(len(cold)):.2f}."
    )


def openness(probs: Tensor) -> str:
    """How many equally likely classes an answer [classes] is like, if not just one."""
    classes = f"{effective_classes(probs):.2f}"
    if classes == "1.00":
        return "as good as certain"
    return f"as open as a choice among {classes} equally likely classes"


def frequency(prob: float) -> str:
    """A probability in words: in percent, or '1 in 24,000' where that says nothing."""
    if prob > 0.001:
        return fig.percent(prob, 2)
    if prob < 1e-9:
        return "less than 1 in a billion"
    return f"1 in {float(f'{1 / prob:.2g}'):,.0f}"
