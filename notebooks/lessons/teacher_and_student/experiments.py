"""The stored experiments of this lesson, all of MNIST."""

from kdlab import experiments as lab
from kdlab.experiments.students import OF_DATA
from kdlab.metrics import accuracy
from kdlab.results import load_runs

SLOW_RATES = [2.5e-4, 5e-4, 1e-3, 2e-3]  # of large nets
LARGE, SMALL = {"student": "mlp-1200-1200"}, {"student": "mlp-800-800"}  # Hinton's
PLAIN = {"dropout": 0.0, "jitter": 0}
BLEND = {"method": "teacher", "temperature": 20.0, "soft_weight": 0.9}


def fidelity_run(setting: lab.Setting) -> lab.Setting:
    """`student_run`, and how often its teacher is right."""
    _, test_set = lab.columns_of(*(setting[name] for name in OF_DATA))
    right = accuracy(test_set["teacher_logits"], test_set["labels"]).item()
    return {**lab.student_run(setting), "teacher_accuracy": round(right, 6)}


def by_labels() -> list[lab.Setting]:
    """From 100 labelled images to all 60,000; each seed draws its own images."""
    counts = [{"labels": n, "epochs": lab.epochs_for(n)} for n in lab.LABEL_COUNTS]
    arms = [lab.LABELS, lab.SMOOTHING, *lab.taught(lab.HOT)]
    return lab.tuned(lab.grid(count=counts, arm=arms, draw=lab.DRAWS))


def by_width() -> list[lab.Setting]:
    """Temperature by width of the student, in a short and in a long training."""
    nets = {"epochs": lab.EPOCHS, "student": [f"mlp-{width}" for width in lab.WIDTHS]}
    arms = [lab.LABELS, *lab.taught(*lab.TEMPERATURES)]
    return lab.tuned(lab.grid(**nets, arm=arms, seed=lab.SEEDS))


def by_teacher() -> list[lab.Setting]:
    """Agreement beside accuracy, with the course's teacher and with two lesser ones."""
    teachers, pairs = ["course", "fair", "weak"], [(2000, 15), (2000, 60), (20_000, 15)]
    sizes = [{"labels": labels, "epochs": epochs} for labels, epochs in pairs]
    arms = [lab.LABELS, *lab.taught(1.0, lab.HOT)]
    return lab.tuned(lab.grid(teacher=teachers, size=sizes, arm=arms, seed=lab.SEEDS))


def by_what_was_seen() -> list[lab.Setting]:
    """What the teacher had seen; each seed draws its images and trains its teachers."""
    teachers = ["course", "same images", "same images, stopped early"]
    alone = lab.grid(arm=[lab.LABELS, lab.SMOOTHING], draw=lab.DRAWS)
    arms = lab.taught(1.0, 4.0, lab.HOT)
    return lab.tuned(alone + lab.grid(draw=lab.DRAWS, teacher=teachers, arm=arms))


def loose(dropout: float) -> lab.Setting:
    """Who has dropout sees images moved by up to 2 pixels."""
    return {"dropout": dropout, "jitter": 2}


def tried() -> list[lab.Setting]:
    """Learning rates and the dropout of `hinton`, on held-out images.

    What is chosen is chosen after eight epochs. Some rates are tried at the forty of
    `hinton`, too, to show what the choice may have cost: there the course's teacher
    teaches.
    """
    nets = [LARGE | loose(0.5), LARGE | loose(0.25), SMALL | PLAIN]
    common = {"split": "held_out", "labels": 50_000, "batch_size": 128}
    long = {**SMALL, **common, "epochs": 40}
    return (
        lab.grid(net=nets, learning_rate=SLOW_RATES, epochs=8, **common)
        + lab.grid(**loose(0.25), learning_rate=[5e-4, 1e-3, 2e-3], **long)
        + lab.grid(**BLEND, **PLAIN, learning_rate=[1e-3, 2e-3], **long)
    )


def chosen() -> tuple[lab.Setting, lab.Setting]:
    """Dropout, jitter and rate of the large net, and of the small one on labels."""
    runs = load_runs("hinton_tuning").query("epochs == 8").set_index("student")
    best = runs.sort_values("test_accuracy").groupby("student").last()
    rows = best[["dropout", "learning_rate"]].to_dict("index")
    large, small = (rows[net["student"]] for net in (LARGE, SMALL))
    return large | loose(large["dropout"]), small | PLAIN


def large_nets() -> list[lab.Setting]:
    """The regularised net of Hinton's table: the first is the teacher, not the best."""
    net, _ = chosen()
    size = {"labels": 60_000, "epochs": 60, "batch_size": 128}
    return lab.grid(**LARGE, **size, **net, seed=range(3))


def small_nets() -> list[lab.Setting]:
    """The small net of Hinton's table: alone, regularised, and taught.

    The control has the large net's dropout and rate, the taught net that of the small
    one on labels.
    """
    control, net = chosen()
    size = {"labels": 60_000, "epochs": 40, "batch_size": 128, "teacher": "hinton"}
    rows = [net, control, BLEND | net]
    return lab.grid(**SMALL, **size, seed=lab.SEEDS, row=rows)


label_counts = lab.Experiment(lab.student_run, by_labels, after=lab.TUNED)
crossing = lab.Experiment(lab.student_run, by_width, after=lab.TUNED)
fidelity = lab.Experiment(fidelity_run, by_teacher, after=lab.TUNED)
own_data = lab.Experiment(lab.student_run, by_what_was_seen, after=lab.TUNED)
hinton_tuning = lab.Experiment(lab.student_run, tried, after=("teachers",))
hinton_teachers = lab.Experiment(
    lab.student_run,
    large_nets,
    keeps=lambda run: lab.HINTON.name if run["seed"] == 0 else None,
    after=("teachers", "hinton_tuning"),
)
hinton = lab.Experiment(
    lab.student_run, small_nets, after=("hinton_teachers", "hinton_tuning")
)
