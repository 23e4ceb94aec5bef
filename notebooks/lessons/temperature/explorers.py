"""What dividing logits by T does: to an answer, to its pull, to what it promises."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.explorers.answers import (
    PULL,
    TEMPERATURES,
    names_of,
    openness,
    over_temperatures,
    picked_images,
    picker,
    soft_pulls,
    top_words,
)
from kdlab.losses import logit_matching_loss, soft_target_gradient, soft_target_loss
from kdlab.metrics import (
    accuracy,
    calibration_gap,
    effective_classes,
    entropy,
    nll,
    reliability,
    soften,
)
from kdlab.panels import Explorer, dropdown, explore, temperature_slider

WIDE_TEMPERATURES = [2 ** (step / 3) for step in range(-6, 31)]  # up to the limit
WIDE_TICKS = [0.25, 1, 4, 16, 64, 256, 1024]
NLL_TICKS = {f"{n:g}": n for n in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20)}
LEAST_NLL = 1e-4  # nats: less is drawn as this on a logarithmic axis


def temperature_explorer(
    columns: Columns, class_names: Sequence[str] | None = None
) -> Explorer:
    """One teacher answer softened: bars, and the effective number of classes over T."""
    class_names, picked = names_of(columns, class_names), picked_images(columns)
    logits, labels = columns["teacher_logits"][picked], columns["labels"][picked]
    curve = torch.stack([effective_classes(soften(logits, t)) for t in TEMPERATURES])
    height = fig.axis("effective classes", [0, len(class_names) * 1.04])

    def view(temperature: float, image_number: int) -> fig.Drawn:
        probs = soften(logits[image_number], temperature)
        classes, line = effective_classes(probs), curve[:, image_number].tolist()
        return fig.picture(
            f"T = {temperature:.4g}: {openness(probs)}",
            fig.image(columns["images"][picked[image_number]]),
            fig.class_bars(probs, class_names, title="teacher's probability"),
            over_temperatures({"": line}, temperature, height, [fig.TEACHER]),
            widths=[1, 1.7, 1.7],
            says=f"Label {class_names[labels[image_number]]}. At T = {temperature:.4g} "
            f"the teacher gives {top_words(probs, class_names)}; entropy "
            f"{entropy(probs):.2f} nats, {classes:.2f} effective classes.",
        )

    return explore(
        view,
        presets={
            "too cold": 0.25,
            "as trained": 1.0,
            "a usual choice": 4.0,
            "Hinton 2015, T ≈ 20": 20.0,
        },
        temperature=temperature_slider(),
        image_number=picker(columns, picked, class_names),
    )


def gradient_explorer(
    students: Mapping[str, Tensor], teacher_logits: Tensor
) -> Explorer:
    """Length of the soft loss's gradient over T, with T² and without.

    Args:
        students: logits [N, classes] by name, such as those after some epochs.
        teacher_logits: [N, classes] for the same images.

    A view refuses a student that answers like the teacher: nothing pulls at it.
    """
    pulls = {
        name: soft_pulls(logits, teacher_logits) for name, logits in students.items()
    }
    one, colors = TEMPERATURES.index(1.0), [fig.STUDENT, fig.OTHER]
    spread = teacher_logits.std(dim=1).median().item()
    ends = [10**power for power in PULL["range"]]
    mark = fig.upright(spread, ends, f"T = {spread:.2g}, spread of logits")

    def view(temperature: float, student: str) -> fig.Drawn:
        lines, here = pulls[student], fig.nearest(TEMPERATURES, temperature)
        temperature = TEMPERATURES[here]
        if not lines["T² · KL"][one]:
            raise ValueError(f"{student}: nothing pulls, it answers like the teacher.")
        more = lines["T² · KL"][here] / lines["T² · KL"][one]
        alone = lines["KL alone"][here] / lines["KL alone"][one]
        return fig.picture(
            f"T = {temperature:.4g}, {student}: {more:.3g} times the gradient of T = 1",
            over_temperatures(lines, temperature, PULL, colors, mark),
            legend=True,
            height=400,
            says=f"At T = {temperature:.4g} the gradient of T² · KL is {more:.3g} "
            f"times as long as at T = 1. Without T² it is {alone:.3g} times as long; a "
            f"factor 1/T² would be {1 / temperature**2:.3g}.",
        )

    return explore(
        view,
        tabulate=2,
        presets={"T = 8": 8.0, "T = 32": 32.0},
        temperature=temperature_slider(4.0),
        student=dropdown("student", students),
    )


def limit_explorer(
    columns: Columns, student_logits: Tensor, class_names: Sequence[str] | None = None
) -> Explorer:
    """Towards logit matching: gradient by class and T² · KL, each with its limit.

    In float64: at large T the difference of two nearly equal numbers is all there is.
    """
    class_names, picked = names_of(columns, class_names), picked_images(columns)
    teacher = columns["teacher_logits"][picked].double()
    student = student_logits[picked].double()
    pulls = torch.stack(
        [soft_target_gradient(student, teacher, t) for t in WIDE_TEMPERATURES]
    )
    widest = 1.1 * pulls.abs().amax(dim=(0, 2)).clamp_min(1e-9)  # no bar is ever cut
    pairs = [*zip(student.split(1), teacher.split(1), strict=True)]
    losses = [losses_over_temperatures(*pair) for pair in pairs]

    def view(temperature: float, image_number: int) -> fig.Drawn:
        pair, side = pairs[image_number], widest[image_number].item()
        end = logit_matching_loss(*pair).item()
        now = soft_target_loss(*pair, temperature).item()
        label = class_names[columns["labels"][picked[image_number]]]
        share = fig.percent(now / end) if end else "all"
        return fig.picture(
            f"T = {temperature:.4g}: T² · KL is {now:.3g}, logit matching {end:.3g}",
            pull_by_class(*pair, temperature, class_names, side),
            approach_to_limit(losses[image_number], end, temperature),
            legend=True,
            height=420,
            says=f"Label {label}, T = {temperature:.4g}: T² · KL = {now:.4g}, {share} "
            f"of its limit {end:.4g}; diamonds are the gradient of logit matching.",
        )

    return explore(
        view,
        presets={
            "as trained": 1.0,
            "Hinton 2015, T ≈ 20": 20.0,
            "at the limit": 1024.0,
        },
        temperature=temperature_slider(high=10, step=1 / 3),
        image_number=picker(columns, picked, class_names),
    )


def pull_by_class(
    student: Tensor,
    teacher: Tensor,
    temperature: float,
    class_names: Sequence[str],
    widest: float,
) -> fig.Part:
    """Bars of T · (q − p), diamonds of (gap − mean gap) / C; logits [1, classes]."""
    gap = (student - teacher)[0]
    end = (gap - gap.mean()) / len(gap)
    bars = fig.class_bars(
        soft_target_gradient(student, teacher, temperature)[0],
        class_names,
        title="gradient T · (q − p)",
        color=fig.STUDENT,
        scale=(-widest, widest),
        name="now",
    )
    return marked(bars, end, "logit matching", fig.SOFTENED)


def losses_over_temperatures(student: Tensor, teacher: Tensor) -> list[float]:
    """T² · KL in nats at each of WIDE_TEMPERATURES; logits [1, classes]."""
    return [soft_target_loss(student, teacher, t).item() for t in WIDE_TEMPERATURES]


def approach_to_limit(
    losses: Sequence[float], end: float, temperature: float
) -> fig.Part:
    """T² · KL over WIDE_TEMPERATURES, and its end: half the variance of the gap."""
    ts = WIDE_TEMPERATURES
    lines = {"T² · KL": losses, "half the variance of the gap": [end] * len(ts)}
    height = fig.axis("loss", [0, 1.1 * max(*losses, end) or 1.0])
    axes = fig.temperature_axis(ticks=WIDE_TICKS), height
    return fig.curves(ts, lines, temperature, axes, [fig.STUDENT, fig.SOFTENED])


def calibration_explorer(
    held_out_logits: Tensor, held_out_labels: Tensor, logits: Tensor, labels: Tensor
) -> Explorer:
    """One T divides a model's logits at prediction: reliability, and nll over T.

    The first two, [M, classes] and [M], choose T; the last two, of the test set, judge.
    """
    on_test = [nll(logits / t, labels).item() for t in TEMPERATURES]
    chosen_on = [nll(held_out_logits / t, held_out_labels).item() for t in TEMPERATURES]
    fitted = TEMPERATURES[chosen_on.index(min(chosen_on))]
    right = fig.percent(accuracy(logits, labels).item())
    lines = {"test": on_test, "held out": chosen_on}
    lines = {n: [max(nats, LEAST_NLL) for nats in line] for n, line in lines.items()}
    drawn = [math.log10(nats) for line in lines.values() for nats in line]
    ends = [min(drawn) - 0.1, max(drawn) + 0.1]
    nll_axis = fig.axis("nll, nats", ends, log=True, ticks=NLL_TICKS)
    axes = fig.temperature_axis("temperature at prediction"), nll_axis
    colors = [fig.STUDENT, fig.OTHER]

    def view(temperature: float) -> fig.Drawn:
        table = reliability(logits / temperature, labels, bins=10)
        sure = fig.percent((table["confidence"] * table["share"]).nansum().item())
        return fig.picture(
            f"T = {temperature:.4g}: {sure} sure, {right} right",
            fig.reliability_bars(table, fig.STUDENT),
            fig.curves(TEMPERATURES, lines, temperature, axes, colors),
            legend=True,
            height=420,
            says=f"At T = {temperature:.4g} the model is {sure} sure on average and "
            f"right on {right}, whatever T is; calibration error "
            f"{calibration_gap(table):.3f}. Held-out images choose T = {fitted:.3g}.",
        )

    return explore(
        view,
        presets={"as trained": 1.0, "chosen on held-out images": fitted, "soft": 4.0},
        temperature=temperature_slider(),
    )


def marked(bars: fig.Part, values: Tensor, name: str, color: str) -> fig.Part:
    """Bars and, on each of them, a diamond where the value [classes] should be."""
    diamonds = {
        "type": "scatter",
        "mode": "markers",
        "x": values.tolist(),
        "y": bars["traces"][0]["y"],
        "name": name,
        "marker": {
            "symbol": "diamond-open",
            "size": 13,
            "color": color,
            "line": {"width": 3},
        },
    }
    return {**bars, "traces": [*bars["traces"], diamonds]}
