"""The stored experiments: another net here; other senses and other data beside it."""

from kdlab import experiments as lab
from kdlab.data import load_images
from kdlab.training import predict

from . import sides
from .experiments_clients import clients, clients_tuning  # noqa: F401 - other tables
from .experiments_senses import clouds, clouds_tuning, senses, senses_tuning  # noqa: F401
from .senses import moved
from .sides import row_of, searched, several

MLPS = "mlp-800", "mlp-800, moved"
CNNS = "cnn-8-16-64", "cnn-8-16-64, moved"
MLP = {**sides.BASE, "student": "mlp-256", "jitter": 0, "labels": 5000, "epochs": 10}
CNN = {**MLP, "student": "cnn-4-8-32", "labels": 2000, "epochs": 15}
AXES = (
    {"learning_rate": [1e-3, 2e-3, 5e-3, 1e-2]},
    {"temperature": [8.0, 32.0], "learning_rate": [5e-3, 1e-2, 2e-2, 4e-2]},
)


def shift_run(setting: lab.Setting) -> lab.Setting:
    """A student of a stranger; its row, with errors on digits moved by 0 to 6 pixels.

    A student of its teacher's name is the teacher itself.
    """
    draw, teacher, name = (setting[key] for key in ("seed", "teacher", "student"))
    judges = load_images("mnist", setting["split"])
    if name == teacher:
        net = sides.teacher_of(teacher, draw)
        row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
        row["train_seconds"] = 0.0
    else:
        net, images = sides.new_net(name, draw), sides.few(draw, setting["labels"])
        if teacher:
            images["teacher_logits"] = sides.said(teacher, draw)[: setting["labels"]]
        row = row_of(setting, net, images, judges)
    shifts = range(7) if name.startswith("mlp") else (0, 2)
    for pixels in shifts if setting["split"] == "test" else ():
        answers = predict(net, moved(judges["images"], pixels)).argmax(dim=1)
        row[f"errors_{pixels}"] = int((answers != judges["labels"]).sum())
    return row


def kind_of(run: lab.Setting) -> tuple:
    """The arm that a temperature and a peak were chosen for."""
    return run["student"], run["teacher"], run["method"], run["jitter"]


def taught(base: lab.Setting, *teachers: str) -> list[lab.Setting]:
    """Students of these teachers' answers alone."""
    return [{**base, **sides.TAUGHT, "teacher": name} for name in teachers]


def itself(*names: str) -> list[lab.Setting]:
    """Teachers, to be judged as their students are."""
    return [{**MLP, "student": name, "teacher": name} for name in names]


plain = several([{**MLP, **arm} for arm in sides.PLAIN], jitter=[0, 2])
arms = [*plain, *taught(MLP, *MLPS, *CNNS)]
shifts_tuning, shifts = searched(
    "shifts", shift_run, arms, kind_of, AXES, *itself(*MLPS, *CNNS)
)
arms = [*({**CNN, **arm} for arm in sides.PLAIN), *taught(CNN, "mixer", CNNS[0])]
mixers_tuning, mixers = searched(
    "mixers", shift_run, arms, kind_of, AXES, *itself("mixer")
)
