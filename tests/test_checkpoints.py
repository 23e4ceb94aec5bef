"""Whatever happens to a training or to its checkpoint, it ends as if nothing had."""

import errno
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from kdlab import checkpoints
from kdlab.objectives import label_loss
from kdlab.speed import Way
from kdlab.training import fit, last_of, one_cycle, training_steps

EPOCHS, STEPS = 8, 4  # of an epoch
OPEN = Path.open


def examples(number=100):
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (number,), generator=draw)
    return {"images": torch.rand(number, 1, 8, 8, generator=draw), "labels": labels}


def net(width=8):
    """All that has a state: a kernel, statistics of BatchNorm, and dropout."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(
        *layers, nn.Linear(144, width), nn.Dropout(), nn.Linear(width, 4)
    )


def adam(model, rate=1e-2, **options):
    return torch.optim.Adam(model.parameters(), lr=rate, fused=True, **options)


def steps(path, objective=label_loss, model=None, optimizer=None, **how):
    """A model, and the generator that trains it."""
    model = model or net()
    optimizer = optimizer or adam(model)
    how = {"epochs": EPOCHS, "batch_size": 30, "seed": 3, **how}
    length = {"epochs": how["epochs"], "batch_size": how["batch_size"]}
    columns = how.pop("columns", examples())
    how = {"schedule": one_cycle(optimizer, columns, **length), **how}
    made = training_steps(model, columns, objective, optimizer, checkpoint=path, **how)
    return model, made


def result(path, objective=label_loss, **how):
    """What a training ends with, bit for bit."""
    model, made = steps(path, objective, **how)
    history = last_of(made)
    assert list(history.epoch) == [*range(1, len(history) + 1)]
    parts = [value.numpy().tobytes() for value in model.state_dict().values()]
    numbers = history.to_numpy(dtype=float).tobytes()
    return hashlib.sha256(b"".join([*parts, numbers])).hexdigest()


def begun(path, taken, **how):
    """A training that is left after so many steps."""
    _, made = steps(path, **how)
    for _ in range(taken):
        next(made)
    made.close()


def stored(path):
    """How many epochs are stored: read as anybody may read it."""
    return len(torch.load(path, weights_only=True)["history"])


@pytest.fixture(scope="module")
def uninterrupted():
    return result(None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "teacher.pt"


# --- it goes on ---------------------------------------------------------------------


@pytest.mark.parametrize("taken", [1, STEPS, STEPS + 1, 3 * STEPS + 2, EPOCHS * STEPS])
def test_a_training_goes_on_from_the_last_epoch(path, uninterrupted, taken):
    begun(path, taken)
    assert stored(path) == (taken - 1) // STEPS if taken > STEPS else not path.exists()
    assert result(path) == uninterrupted
    assert stored(path) == EPOCHS


def test_only_what_is_left_is_done_and_a_finished_one_returns_at_once(
    path, uninterrupted
):
    seen = []

    def objective(model, batch):
        seen.append(batch)
        return label_loss(model, batch)

    begun(path, 2 * STEPS + 1)
    for left in (EPOCHS - 2) * STEPS, 0:
        seen.clear()
        assert result(path, objective) == uninterrupted and len(seen) == left


def test_the_same_objects_may_be_given_again(path):
    """As where a cell is run twice; also by a name that is a string."""
    model, columns = net(), examples()
    optimizer = adam(model)
    schedule = one_cycle(optimizer, columns, epochs=3, batch_size=30)
    how = {"epochs": 3, "batch_size": 30, "schedule": schedule, "progress": False}
    how["checkpoint"] = str(path)
    first = fit(model, columns, label_loss, optimizer, **how)
    weights = [parameter.clone() for parameter in model.parameters()]
    assert fit(model, columns, label_loss, optimizer, **how).equals(first)
    assert all(map(torch.equal, weights, model.parameters()))


def test_a_deleted_checkpoint_is_a_new_beginning(path):
    begun(path, 2 * STEPS + 1)
    path.unlink()
    assert path.with_name("teacher.pt.previous").exists()
    begun(path, STEPS + 1)
    assert stored(path) == 1


def test_it_goes_on_in_the_way_in_which_it_began(path):
    """Whatever is measured to be the fastest one now; a GPU has its own."""
    way = Way(torch.bfloat16, channels_last=True)
    expected = result(None, way=way)
    begun(path, 2 * STEPS + 1, way=way)
    content = torch.load(path, weights_only=True)
    assert content["ways"] == {"cpu": way}
    assert result(path) == expected != result(None)
    assert torch.load(path, weights_only=True)["ways"] == {"cpu": way}


def test_on_another_kind_of_device_it_goes_on_in_its_own_way(path, monkeypatch):
    begun(path, 2 * STEPS + 1, way=Way(torch.bfloat16))
    monkeypatch.setattr(checkpoints, "device_of", lambda model: torch.device("cuda"))
    begun(path, STEPS + 1, way=Way(threads=2))
    ways = torch.load(path, weights_only=True)["ways"]
    assert ways == {"cpu": Way(torch.bfloat16), "cuda": Way(threads=2)}


class Averaging:
    """A schedule of one's own, which also keeps an average of the weights."""

    def __init__(self, model, optimizer):
        self.model, self.optimizer, self.steps = model, optimizer, 0
        self.average = {k: v.clone() for k, v in model.state_dict().items()}

    def step(self):
        self.steps += 1
        self.optimizer.param_groups[0]["lr"] = 0.1 / self.steps
        for name, value in self.model.state_dict().items():
            self.average[name] = 0.9 * self.average[name] + 0.1 * value

    def state_dict(self):
        return {"steps": self.steps, "average": self.average}

    def load_state_dict(self, state):
        self.steps, self.average = state["steps"], state["average"]


def test_whatever_has_a_step_and_a_state_comes_along(path):
    def averaged(path):
        model = net()
        sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        schedule = Averaging(model, sgd)
        how = {"model": model, "optimizer": sgd, "schedule": schedule}
        return schedule, how

    schedule, how = averaged(path)
    expected = result(None, **how)
    begun(path, 3 * STEPS + 2, **averaged(path)[1])
    again, how = averaged(path)
    assert result(path, **how) == expected and again.steps == EPOCHS * STEPS
    for name, value in schedule.average.items():
        assert value.equal(again.average[name])


# --- SIGKILL ------------------------------------------------------------------------


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def half_copied(source, target):
    content = Path(source).read_bytes()
    Path(target).write_bytes(content[: len(content) // 2])
    die()


def second(act, before=None):
    """`act` instead of `before`, at the second call."""
    calls = []

    def called(*args, **options):
        calls.append(args)
        return act(*args) if len(calls) == 2 else before(*args, **options)

    return called


class HalfWritten:
    """A file of which the second half is never written."""

    def __init__(self, path, mode):
        self.file = OPEN(path, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        self.end()

    def end(self):
        die()


def arm(instant):
    """Let this process be killed there, when it is there for a second time."""
    if instant == "half written":
        Path.open = second(HalfWritten, OPEN)
    elif instant == "before it is on the disk":
        os.fsync = second(die, os.fsync)
    elif instant == "half copied":
        shutil.copyfile = second(half_copied, shutil.copyfile)
    elif instant == "before it takes its place":
        Path.replace = second(die, Path.replace)
    elif instant == "after it":
        replace = Path.replace
        Path.replace = second(lambda *args: (replace(*args), die()), replace)


# and how many epochs are stored then
INSTANTS = {
    "half written": 1,
    "before it is on the disk": 1,
    "half copied": 2,
    "before it takes its place": 1,
    "after it": 2,
}


def in_a_child(path, before, wait=None):
    """Train in a process of its own that is killed; how many epochs are stored then."""
    if (child := os.fork()) == 0:
        before()
        result(path)
        os._exit(0)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    files = sorted(one.suffix for one in path.parent.glob("*"))
    return os.WIFSIGNALED(status), stored(path) if path.exists() else 0, files


def slow_disk():
    fsync = os.fsync
    os.fsync = lambda file: (time.sleep(0.04), fsync(file), time.sleep(0.04))


def kill_everywhere(folder):
    """Run by the test below in a process that has not trained: it may be forked."""
    torch.set_num_threads(1)
    adam(net())  # imports what takes a second
    folder, found = Path(folder), {}
    for instant in INSTANTS:
        path = folder / instant / "teacher.pt"
        killed = in_a_child(path, lambda instant=instant: arm(instant))
        whole = in_a_child(path, lambda: None)
        found[instant] = killed, whole
    path, chance = folder / "random" / "teacher.pt", random.Random(0)
    found["random"] = [
        in_a_child(path, slow_disk, chance.uniform(0.02, 0.2)) for _ in range(8)
    ]
    in_a_child(path, lambda: None)
    print(json.dumps(found))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks, to be killed soon")
def test_killed_at_any_instant_it_ends_with_the_same(tmp_path, uninterrupted):
    here = Path(__file__)
    code = f"import {here.stem} as t; t.kill_everywhere({str(tmp_path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here.parent, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""  # nothing was torn, and nothing told
    found = json.loads(done.stdout)
    for instant in INSTANTS:
        (killed, epochs, files), (again, finished, _) = found[instant]
        assert killed and epochs == INSTANTS[instant], instant
        assert (".unfinished" in files) == (instant != "after it"), instant
        assert not again and finished == EPOCHS
    stages = [epochs for _, epochs, _ in found["random"]]
    assert stages == sorted(stages) and any(one[0] for one in found["random"])
    for folder in [*INSTANTS, "random"]:
        assert result(tmp_path / folder / "teacher.pt") == uninterrupted


# --- torn, full, another --------------------------------------------------------------


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("tear", [cut, flip, empty])
def test_a_torn_checkpoint_is_told_and_the_one_before_is_used(
    path, uninterrupted, tear
):
    begun(path, 3 * STEPS + 1)
    tear(path)
    with pytest.warns(UserWarning) as told:
        begun(path, 1)
    assert [str(one.message) for one in told] == [
        "The checkpoint teacher.pt was damaged: the training goes on from the epoch "
        "before."
    ]
    assert stored(path) == 2 and result(path) == uninterrupted


@pytest.mark.parametrize("previous", [True, False])
def test_where_nothing_is_whole_it_begins_anew_and_keeps_the_torn_one(
    path, uninterrupted, previous
):
    begun(path, 3 * STEPS + 1)
    before = path.with_name("teacher.pt.previous")
    cut(path)
    cut(before) if previous else before.unlink()
    with pytest.warns(UserWarning) as told:
        assert result(path) == uninterrupted
    assert len(told) == 1 + previous and "beginning" in str(told[-1].message)
    assert path.with_name("teacher.pt.torn").exists() and stored(path) == EPOCHS


def test_a_full_disk_loses_no_stored_epoch(path, uninterrupted, monkeypatch):
    class Full(HalfWritten):
        def end(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    def opened(path, mode="r", **options):
        return Full(path, mode) if mode == "wb" else OPEN(path, mode, **options)

    begun(path, 2 * STEPS + 1)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(OSError, match="No space left"):
            begun(path, 2 * STEPS)
    assert stored(path) == 2 and path.with_name("teacher.pt.unfinished").exists()
    assert result(path) == uninterrupted


OTHERS = {
    "architecture": (
        lambda: {"model": net(width=9)},
        "4.weight [8, 144], here [9, 144]",
    ),
    "epochs": (lambda: {"epochs": 9}, "epochs 8, here 9"),
    "batch_size": (lambda: {"batch_size": 31}, "batch_size 30, here 31"),
    "seed": (lambda: {"seed": 4}, "seed 3, here 4"),
    "examples": (lambda: {"columns": examples(101)}, "examples 100, here 101"),
    "schedule": (lambda: {"schedule": None}, "schedule OneCycleLR, here None"),
}


def by(optimizer):
    model = net()
    return {"model": model, "optimizer": optimizer(model)}


OTHERS["rate"] = (
    lambda: by(lambda model: adam(model, rate=0.02)),
    "learning rate [0.01], here [0.02]",
)
OTHERS["decay"] = (
    lambda: by(lambda model: adam(model, weight_decay=0.5)),
    "weight decay [0.0], here [0.5]",
)
OTHERS["optimizer"] = (
    lambda: by(lambda model: torch.optim.AdamW(model.parameters(), lr=0.01)),
    "optimizer Adam, here AdamW",
)


@pytest.mark.parametrize("other", OTHERS)
def test_the_checkpoint_of_another_run_is_refused_and_left_alone(path, other):
    begun(path, 2 * STEPS + 1)
    before, (how, told) = path.read_bytes(), OTHERS[other]
    with pytest.raises(ValueError, match=re.escape(told)) as refused:
        begun(path, 1, **how())
    assert str(refused.value).startswith("teacher.pt is the checkpoint of another run")
    assert str(refused.value).endswith("Choose another file name, or delete it.")
    assert path.read_bytes() == before
