"""The reader's own digits, and what a teacher says of them while they are drawn."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.explorers.answers import names_of, open_words, ranking, top_words
from kdlab.metrics import soften
from kdlab.panels import (
    Explorer,
    drawing_pad,
    drawn_image,
    drawn_value,
    explore,
    temperature_slider,
)
from kdlab.panels.pad import REFUSED
from kdlab.training import predict


def pad_explorer(
    teacher: nn.Module,
    class_names: Sequence[str] | None = None,
    temperature: float = 4.0,
    examples: Mapping[str, Tensor] | None = None,
) -> Explorer:
    """What a teacher of images [1, 28, 28] says of a drawing, as trained and softened.

    `examples` are images in bytes, by the words on their buttons.
    Raises ValueError unless there is a name for each of the teacher's classes.
    """
    paper = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    columns = {"images": paper, "labels": torch.tensor([0])}
    columns["teacher_logits"] = predict(teacher, paper)
    class_names = names_of(columns, class_names)

    @lru_cache(maxsize=8)  # the same drawing is asked for at every temperature
    def logits(drawing: str) -> Tensor:
        return predict(teacher, drawn_image(drawing)[None])[0].double()  # no exact 1

    def view(temperature: float, drawing: str) -> fig.Drawn:
        if not drawing:
            title, says = f"T = {temperature:.4g}: nothing is drawn yet", REFUSED[""]
            cold = warm = torch.zeros(len(class_names))
        else:
            cold, warm = (soften(logits(drawing), t) for t in (1.0, temperature))
            first, second = (top_words(probs, class_names) for probs in (cold, warm))
            title = f"T = 1: {first}; T = {temperature:.4g}: {second}"
            says = f"{ranking(cold, class_names)} {open_words(cold, warm, temperature)}"
        answers = {
            "T = 1, as trained": (cold, fig.TEACHER),
            "softened with T": (warm, fig.SOFTENED),
        }
        bars = fig.grouped_bars(answers, class_names, title="teacher's probability")
        return fig.picture(title, bars, says=says, height=400, legend=True)

    shown = {k: {"drawing": drawn_value(v)} for k, v in (examples or {}).items()}
    panel = explore(
        view,
        presets={"as trained": 1.0, "soft": 8.0, **shown},
        temperature=temperature_slider(temperature),
        drawing=drawing_pad(),
    )
    panel.add_class("kdlab-beside")
    return panel
