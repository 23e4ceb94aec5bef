"""A pair of colour, live: few labels beside many pictures that the teacher names."""

from collections.abc import Generator, Sequence
from functools import lru_cache, partial

from ipywidgets import Widget
from torch import nn

from kdlab import experiments as lab
from kdlab.data import Columns, count, sample
from kdlab.explorers.answers import names_of, picked_images
from kdlab.explorers.pair import LABELS, POINTS, TAUGHT, Watch, in_pairs, pair_picture
from kdlab.metrics import accuracy
from kdlab.panels import LivePanel, choice, dropdown, explore_live, temperature_slider
from kdlab.speed import Way
from kdlab.training import best_device

from .students import new_student, student_steps

BATCH_SIZE, TESTS, JUDGES = 100, 10, 2000  # a step; how often tested; on images drawn
# All divide the steps' pictures, so that both twins take whole epochs, and equal steps.
PICTURES, STEPS = (100, 300, 1000, 3000, 5000, 7500, 10_000, 30_000), (300, 600, 1500)
RATES = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2, 0.1]
STUDENTS = [("small convnet", "convnet"), ("MLP-mixer", "mixer")]
ON_GPU = [("ResNet-20", "resnet")]


def colour_pair_explorer(
    train_set: Columns,
    test_set: Columns,
    class_names: Sequence[str] | None = None,
    twins: dict[str, nn.Module] | None = None,
    *,
    teacher: nn.Module | None = None,
    way: Way | None = None,
    **start: object,
) -> LivePanel:
    """Twins from the same weights: one on few labels, one on what the teacher says.

    Both take equally many steps. The one with the teacher sees more pictures, those
    with labels among them, and no label. Columns are those of `told_set`; a teacher,
    if one is given, answers what the student sees instead. `way`: measured, if None.
    `start` sets controls, such as labels=300. `await panel.finished()` gives the errors
    of both on the whole test set, {"on labels": ...}, or, if it was stopped, what
    JUDGES of its images tell; the nets are put into `twins` as they begin.
    """
    class_names = names_of(test_set, class_names)
    torn = picked_images(test_set, torn=1)[-1]  # the image whose answers are shown
    right = accuracy(test_set["teacher_logits"], test_set["labels"]).item()
    twins = {} if twins is None else twins
    way_of = lru_cache(lambda _: way or lab.way_here(twins[LABELS], train_set))

    def trained(
        labels: int, pictures: int, student: str, steps: int, **how: float
    ) -> Generator[object, None, dict[str, int]]:
        named = max(labels, pictures)
        sets = {LABELS: sample(train_set, labels), TAUGHT: sample(train_set, named)}
        told = {LABELS: {"method": "labels"}, TAUGHT: {"teacher": teacher}}
        twins.update({name: new_student(student, sets[LABELS], 0) for name in sets})
        seen = Watch(test_set, torn, twins, steps // POINTS, "step", JUDGES)

        def begun(name: str) -> Generator:  # after the first picture
            seen.way = way_of(student)
            epochs = steps // -(-count(sets[name]) // BATCH_SIZE)
            given = {"epochs": epochs, "batch_size": BATCH_SIZE, **how, **told[name]}
            given |= {"model": twins[name], "way": seen.way}
            yield from student_steps(sets[name], **given)

        more = f" One saw {labels:,} labels, one {named:,} answers of the teacher."
        said = {"lowest": 0.6 * max(0.02, 1 - right), "shows": True, "more": more}
        picture = partial(pair_picture, seen, class_names, steps, **said)
        return in_pairs(seen, map(begun, sets), picture, steps // TESTS)

    controls, presets = controls_of(count(train_set))
    said = {"presets": presets, "button": "Start", "values": start, **controls}
    return explore_live(trained, **said)


def controls_of(examples: int) -> tuple[dict[str, Widget], dict[str, dict]]:
    """Controls and presets, as far as there are so many images."""
    counts = [n for n in PICTURES if n <= examples] or [examples]
    few, same, many = (
        max([n for n in counts if n <= most] or counts[:1])
        for most in (1000, 5000, 10_000)
    )
    students = STUDENTS + (ON_GPU if best_device() == "cuda" else [])
    controls = {
        "labels": choice("labelled pictures", counts, few),
        "pictures": choice("pictures that the teacher names", counts, many),
        "temperature": temperature_slider(4.0),
        "student": dropdown("student", students),
        "steps": choice(f"steps of {BATCH_SIZE} pictures", STEPS, 600),
        "learning_rate": choice("learning rate", RATES, 1e-2),
    }
    equal = {"student": "convnet", "learning_rate": 1e-2, "steps": 600}
    presets = {"few labels, many pictures": {"labels": few, "pictures": many, **equal}}
    for_both = f"the same {same:,} pictures for both"
    presets[for_both] = {"labels": same, "pictures": same, **equal}
    presets["another architecture"] = {"student": "mixer", "learning_rate": 2e-3}
    return controls, presets
