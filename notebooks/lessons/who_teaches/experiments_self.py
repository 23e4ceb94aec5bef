"""The stored experiments without a teacher: peers, generations, early exits."""

import time
from functools import cache
from itertools import combinations

from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, load_images
from kdlab.metrics import agreement, soften
from kdlab.training import cycle_of, last_of, predict, training_steps

from .choices import chosen, several
from .crowds import BATCH, PEAKS, epochs_of, images_of, new_net
from .selves import Exits, Peers, taught_by_itself

RATES = [2e-3, 5e-3, 1e-2, 2e-2]
BASE = {"dataset": "mnist", "split": "test", "teacher": None, "student": "mlp-128"}
BASE |= {"method": "labels", "temperature": None, "soft_weight": 0.0}
BASE |= {"labels": 2000, "unlabelled": 0, "epochs": 15}
BASE |= {"learning_rate": 1e-2, "seed": 0}
TWINS, STRANGERS = "mlp-128 + mlp-128", "mlp-128 + cnn-8-16-64"
EXITS, SMALL = "cnn-4-8-32 + exit", "cnn-4-8-32"
LABELS, SMOOTH = {"method": "labels"}, {"method": "smoothing 0.1"}
HOW = "method", "temperature", "soft_weight", "epochs", "learning_rate"
FEW = {"labels": 300, "unlabelled": 9700}
MORE = {"unlabelled": 8000}


def errors_of(logits: Tensor, labels: Tensor) -> int:
    """How many of the answers [N, 10] are wrong."""
    return int((logits.argmax(dim=1) != labels).sum())


def of_itself(setting: lab.Setting) -> tuple[nn.Module, Columns, float]:
    """Train peers or exits as a setting says; the net, its judges and the seconds."""
    labels, seed = setting["labels"], setting["seed"]
    images = images_of(labels, setting["unlabelled"], seed)
    known = {name: column[:labels] for name, column in images.items()}
    names = setting["student"].split(" + ")
    exits = names[-1] == "exit"
    net = Exits(names[0], seed) if exits else Peers(names, seed)
    places = range(len(names))
    teaches = {0: [1]} if exits else {i: [j for j in places if j != i] for i in places}
    method, rest = setting["method"], images["images"][labels:]
    objective = taught_by_itself(
        teaches if method == "one another" else {},
        setting["soft_weight"],
        setting["temperature"],
        float(method.split()[1]) if method.startswith("smoothing") else 0.0,
        rest if len(rest) else None,
    )
    cycle = cycle_of(
        net, known, setting["learning_rate"], epochs=setting["epochs"], batch_size=BATCH
    )
    start = time.perf_counter()
    last_of(training_steps(net, known, objective, seed=seed, **cycle))
    seconds = round(time.perf_counter() - start, 2)
    return net, load_images("mnist", setting["split"]), seconds


def self_run(setting: lab.Setting) -> lab.Setting:
    """Peers or exits: the row of their common answer (of the final exit), and of each.

    `each_errors` is the mean over the nets (exits), `peer_agreement` over their pairs.
    """
    net, judges, seconds = of_itself(setting)
    each = [predict(one, judges["images"]) for one in singles(net)]
    row = {"teacher_agreement": None, **setting, **lab.measured(net, judges)}
    errors = [errors_of(one, judges["labels"]) for one in each]
    pairs = [agreement(*pair).item() for pair in combinations(each, 2)]
    row |= {f"errors_{number}": found for number, found in enumerate(errors)}
    row |= {"each_errors": sum(errors) / len(errors)}
    row |= {"peer_agreement": round(sum(pairs) / len(pairs), 6)}
    return row | {"train_seconds": seconds}


def singles(net: nn.Module) -> list[nn.Module]:
    """Each of the peers, or of the exits, as a net of its own."""
    if isinstance(net, Peers):
        return list(net.nets)
    return [nn.Sequential(net.first, net.early), nn.Sequential(net.first, net.rest)]


@cache
def generation(
    student: str,
    labels: int,
    unlabelled: int,
    draw: int,
    number: int,
    how: tuple[tuple[str, object], ...],
) -> nn.Module:
    """A net taught by the generation before it; the first one learns from labels.

    With methods that have no teacher, each generation is just another start.
    """
    how, alone = dict(how), how[0][1] in lab.WITHOUT_TEACHER
    if number == 0 and not alone:
        return generation(student, labels, 0, draw, 0, first_of(student, labels))
    images = images_of(labels, unlabelled, draw)
    if alone:
        images = {name: column[:labels] for name, column in images.items()}
    else:
        before = generation(
            student, labels, unlabelled, draw, number - 1, tuple(how.items())
        )
        images["teacher_logits"] = predict(before, images["images"])
    seed = draw + 10 * number
    net = new_net(student, seed)
    last_of(lab.student_steps(images, model=net, batch_size=BATCH, seed=seed, **how))
    return net


def first_of(student: str, labels: int) -> tuple[tuple[str, object], ...]:
    """How the first generation learns."""
    values = "labels", None, 0.0, epochs_of(labels), PEAKS[student]
    return tuple(zip(HOW, values, strict=True))


def generation_run(setting: lab.Setting) -> lab.Setting:
    """One generation; its row, with the errors of all generations so far together."""
    how = tuple((name, setting[name]) for name in HOW)
    who = [setting[name] for name in ("student", "labels", "unlabelled", "seed")]
    judges, start = load_images("mnist", setting["split"]), time.perf_counter()
    nets = [generation(*who, n, how) for n in range(setting["generation"] + 1)]
    seconds = round(time.perf_counter() - start, 2)  # of those not yet trained
    row = {"teacher_agreement": None, **setting, **lab.measured(nets[-1], judges)}
    mean = sum(soften(predict(net, judges["images"]), 1.0) for net in nets)
    row["together_errors"] = errors_of(mean, judges["labels"])
    return row | {"train_seconds": seconds}


def with_rates(arm: dict, *rates: float) -> list[lab.Setting]:
    """An arm at each of these peaks, on the held-out images; two seeds of MLPs."""
    seeds = {"split": ["held_out"], "seed": range(1 if "cnn" in str(arm) else 2)}
    return several([{**BASE, **arm}], learning_rate=rates, **seeds)


def one_another(student: str, weights: list, temperatures: list, **more: int) -> list:
    """Arms of nets that teach one another, at each of these settings."""
    arm = {"student": student, "method": "one another", **more}
    return several([arm], soft_weight=weights, temperature=temperatures)


def self_tried() -> list[lab.Setting]:
    """Weight, temperature and peak of peers and of exits."""
    settings = []
    for student in (TWINS, EXITS):
        settings += with_rates({"student": student, **LABELS}, *RATES[1:])
        settings += with_rates({"student": student, **SMOOTH}, *RATES[:3])
    grids = one_another(TWINS, [0.3, 1.0, 3.0], [1.0])
    grids += one_another(TWINS, [1.0, 3.0], [1.0], **MORE)
    grids += one_another(EXITS, [0.3, 1.0], [4.0])
    for arm in grids:
        settings += with_rates(arm, *RATES[1:])
    slow = [{"student": STRANGERS, **how} for how in (LABELS, SMOOTH)]
    slow += one_another(STRANGERS, [1.0], [1.0])
    slow += one_another(STRANGERS, [1.0], [1.0], **MORE)
    slow += one_another(EXITS, [1.0, 3.0], [1.0], **MORE)
    for arm in slow:
        settings += with_rates(arm, *RATES[1:3])
    return settings


def self_cell(run: lab.Setting) -> tuple:
    """The kind of run that its weight, temperature and peak were chosen for."""
    return tuple(run[name] for name in ("student", "method", "labels", "unlabelled"))


def all_selves() -> list[lab.Setting]:
    """Peers and exits at their best, the controls, and nets taught by themselves."""
    how = *HOW[1:3], "learning_rate"
    found = chosen("selves_tuning", self_cell, *how, by="each_errors")
    names = "student", "method", "labels", "unlabelled"
    best = [{**BASE, **dict(zip(names, k, strict=True)), **v} for k, v in found.items()]
    return several(best, seed=lab.SEEDS)


def chains_tried() -> list[lab.Setting]:
    """Weight, temperature and peak of a chain of generations."""
    born = {"method": "teacher", "generation": 2}
    arms = several([born], soft_weight=[0.5, 1.0], temperature=[1.0, 4.0])
    few = {**born, **FEW, "soft_weight": 1.0, "epochs": 3}
    arms += several([few], temperature=[1.0, 8.0])
    arms += [{**few, "student": SMALL, "temperature": 4.0}]
    settings = [run for arm in arms for run in with_rates(arm, *RATES[2:])]
    for epochs in (15, 60):
        one = {"generation": 0, "epochs": epochs}
        settings += with_rates({**one, **LABELS}, *RATES[:3])
        settings += with_rates({**one, **SMOOTH}, *RATES[:3])
    one = {"student": SMALL, "labels": 300, "epochs": 96, "generation": 0}
    return settings + with_rates({**one, **SMOOTH}, *RATES[:3])


def chain_cell(run: lab.Setting) -> tuple:
    """The kind of chain that its weight, temperature and peak were chosen for."""
    names = "student", "method", "labels", "unlabelled", "epochs"
    return tuple(run[name] for name in names)


def all_chains() -> list[lab.Setting]:
    """Four generations, and as many strangers; the controls; with unlabelled images."""
    found = chosen("generations_tuning", chain_cell, *HOW[1:3], "learning_rate")
    names = "student", "method", "labels", "unlabelled", "epochs"
    settings = []
    for cell, best in found.items():
        arm = {**BASE, **dict(zip(names, cell, strict=True)), **best}
        last = 3 if arm["epochs"] < 60 else 0
        settings += several([arm], generation=range(last + 1))
        if arm["method"] == "teacher" and arm["labels"] == 2000:
            some = ["wrong answers permuted", "wrong answers evened"]
            settings += several([arm], method=some, generation=[1])
    return several(settings, seed=lab.SEEDS)


selves_tuning = lab.Experiment(self_run, self_tried)
selves = lab.Experiment(self_run, all_selves, after=("selves_tuning",))
generations_tuning = lab.Experiment(generation_run, chains_tried)
generations = lab.Experiment(generation_run, all_chains, after=("generations_tuning",))
