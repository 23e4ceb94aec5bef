"""Datasets arrive whole or not at all, and a fallback is announced."""

import gzip
import hashlib
import io
import os
import pickle
import socket
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from kdlab import data, datasets, fetching
from kdlab.data import (
    BLOB_CENTRES,
    check_columns,
    class_names,
    colour_dataset,
    colour_images,
    count,
    course_dataset,
    course_images,
    load_images,
    only_classes,
    sample,
    scaled,
    take,
    toy_points,
    with_label_noise,
)
from kdlab.datasets import ROOT, data_folder

# as they are before the tests point them elsewhere
REAL_FOLDER, REAL_SETTING = data_folder(), os.environ.get("KDLAB_DATA")
REAL_ADDRESSES = dict(fetching.ADDRESSES)
REFUSING = socket.socket()  # bound and never listening: a machine without a network
REFUSING.bind(("127.0.0.1", 0))
CLOSED_PORT = f"http://127.0.0.1:{REFUSING.getsockname()[1]}/"
IMAGES = "MNIST/raw/train-images-idx3-ubyte"


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Every test starts with an empty data folder, no network and a new kernel."""
    path = tmp_path / "data"
    path.mkdir()
    monkeypatch.setenv("KDLAB_DATA", str(path))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("KDLAB_DATASET", raising=False)
    for name in fetching.ADDRESSES:
        monkeypatch.setitem(fetching.ADDRESSES, name, CLOSED_PORT)
    for choice in course_dataset, colour_dataset:
        choice.cache_clear()
    yield path
    for choice in course_dataset, colour_dataset:
        choice.cache_clear()


def truncated(content):
    return content[: len(content) // 2]


def flipped(content, at=100):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def idx(numbers):
    """A tensor of bytes in the format of MNIST's files."""
    header = [0x800 + numbers.ndim, *numbers.shape]
    return b"".join(n.to_bytes(4, "big") for n in header) + bytes(numbers.flatten())


@pytest.fixture
def files(monkeypatch):
    """A small MNIST, 20 training and 10 test images, and its checksums."""
    draw = torch.Generator().manual_seed(0)
    contents = {}
    for start, rows in {"train": 20, "t10k": 10}.items():
        images = torch.randint(256, (rows, 28, 28), generator=draw)
        contents[f"MNIST/raw/{start}-images-idx3-ubyte"] = idx(images)
        contents[f"MNIST/raw/{start}-labels-idx1-ubyte"] = idx(torch.arange(rows) % 10)
    sums = {
        name: hashlib.md5(content).hexdigest() for name, content in contents.items()
    }
    monkeypatch.setitem(fetching.FILES, "mnist", sums)
    monkeypatch.setitem(datasets.HELD_OUT, "mnist", 5)
    return contents


@pytest.fixture
def on_disk(files, folder):
    """The small MNIST, unpacked in the data folder."""
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


class Mirror(BaseHTTPRequestHandler):
    """Serves the server's archives; the `halved` break off, the `stalled` hang."""

    def do_GET(self):
        name = self.path.lstrip("/")
        body = self.server.archives.get(name, b"")
        start = int(self.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
        if not self.server.resumes:
            start = 0
        self.server.asked.append((name, start))
        if start and start >= len(body):
            self.send_error(416)
            return
        self.send_response((206 if start else 200) if body else 404)
        body = body[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # not of a first request, which only asks whether anybody is there
        if name in self.server.halved | self.server.stalled:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if name in self.server.stalled:
                self.server.released.wait(60)
        else:
            with suppress(ConnectionError):
                self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def host(monkeypatch):
    """A host on this machine from which everything is downloaded."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.archives, server.asked, server.released = {}, [], threading.Event()
    server.halved, server.stalled, server.resumes = set(), set(), True
    for name in fetching.ADDRESSES:
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(fetching.ADDRESSES, name, address)
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def mirror(host, files):
    """The host with the small MNIST."""
    host.archives = {
        f"{Path(name).name}.gz": gzip.compress(files[name]) for name in files
    }
    return host


@pytest.fixture
def batches(monkeypatch):
    """A small CIFAR-10, 8 images a file, and its checksums: the files' content."""
    draw = np.random.default_rng(0)
    contents = {}
    for name in fetching.FILES["cifar10"]:
        images = draw.integers(256, size=(8, 3072), dtype=np.uint8)
        contents[name] = pickle.dumps({"data": images, "labels": [1] * 7 + [9]})
    sums = {name: hashlib.md5(body).hexdigest() for name, body in contents.items()}
    monkeypatch.setitem(fetching.FILES, "cifar10", sums)
    monkeypatch.setitem(datasets.HELD_OUT, "cifar10", 4)
    return contents


CIFAR = "cifar-10-python.tar.gz"


def tar_of(contents):
    """The archive as it is published, with files that nobody needs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in {
            "cifar-10-batches-py/readme.html": b"<html>",
            **contents,
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return packed.getvalue()


@pytest.fixture
def cifar(host, batches):
    """The host with the small CIFAR-10."""
    host.archives[CIFAR] = tar_of(batches)
    return host


@pytest.fixture
def mnist(monkeypatch):
    """Where the true MNIST is; CI sets KDLAB_DATA, and then it must be there."""
    if REAL_SETTING or (REAL_FOLDER / IMAGES).exists():
        monkeypatch.setenv("KDLAB_DATA", str(REAL_FOLDER))
    else:
        pytest.skip(f"MNIST is not in {REAL_FOLDER} and KDLAB_DATA is not set.")


# What a dataset is


@pytest.mark.parametrize(
    ("name", "shape", "sizes"),
    [
        ("digits", (1, 28, 28), [1437, 360, 1257, 180]),  # as MNIST
        ("colour_digits", (3, 32, 32), [8622, 1080, 7542, 1080]),  # as CIFAR-10
    ],
)
def test_digits_have_the_shape_and_splits_that_do_not_overlap(name, shape, sizes):
    parts = {split: load_images(name, split) for split in datasets.SPLITS}
    assert [*parts] == ["train", "test", "fit", "held_out"]
    assert [count(part) for part in parts.values()] == sizes
    for part in parts.values():
        assert part["images"].shape[1:] == shape
        assert part["images"].dtype == torch.uint8
        assert part["labels"].dtype == torch.int64
        assert part["labels"].unique().tolist() == list(range(10))
    for name in "images", "labels":
        joined = torch.cat([parts["fit"][name], parts["held_out"][name]])
        assert joined.equal(parts["train"][name])


def test_digits_are_drawn_as_mnist_draws_them():
    from sklearn.datasets import load_digits

    images = load_images("digits", "test")["images"]
    assert images.max() == 255 and images[:, :, 4:24, 4:24].sum() == images.sum()
    small = torch.nn.functional.avg_pool2d(images[:, :, 4:24, 4:24].float(), 5)
    true = torch.from_numpy(load_digits().images[-360:])[:, None].float()
    true = torch.nn.functional.avg_pool2d(true, 2) * 255 / 16
    assert (small - true).abs().mean() < 8  # of 255; another picture: 40 and more


COLOUR_DIGITS = """
import hashlib
from kdlab.datasets import load_images
for split in "train", "test":
    images = load_images("colour_digits", split)["images"]
    print(hashlib.md5(images.numpy()).hexdigest())
"""


def test_colour_digits_are_the_same_bytes_everywhere():
    """Stored models were trained on them. Also with two threads and without AVX-512."""
    sums = ["e258047b7bb427a8684d9068064805de", "05115e89c958306f8b9b451377bf6532"]
    for split, right in zip(["train", "test"], sums, strict=True):
        images = load_images("colour_digits", split)["images"]
        assert hashlib.md5(images.numpy()).hexdigest() == right
    other = {"OMP_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"}
    run = subprocess.run(
        [sys.executable, "-c", COLOUR_DIGITS],
        capture_output=True,
        text=True,
        env=os.environ | other,
        check=True,
    )
    assert run.stdout.split() == sums


def test_the_copies_of_a_digit_stay_in_one_split(monkeypatch):
    from sklearn import datasets as published

    stored = published.load_digits()
    stored.target = np.arange(1797)  # the label tells which digit it is
    monkeypatch.setattr(published, "load_digits", lambda: stored)
    datasets._drawn_on_colours.cache_clear()
    split = {s: load_images("colour_digits", s)["labels"] for s in datasets.SPLITS}
    datasets._drawn_on_colours.cache_clear()
    for name, kept, copies in (
        ("fit", range(1257), 6),
        ("held_out", range(1257, 1437), 6),
        ("test", range(1437, 1797), 3),
    ):
        found, counts = split[name].unique(return_counts=True)
        assert found.tolist() == [*kept] and set(counts.tolist()) == {copies}


def test_colours_tell_no_digit_and_copies_differ():
    images, labels = load_images("colour_digits", "fit").values()
    assert not (images[:1257] == images[1257:2514]).flatten(1).all(dim=1).any()
    colour = images.double().mean(dim=(2, 3))  # [N, 3]
    for digit in range(10):  # four standard errors, and what thin digits hide less
        apart = (colour[labels == digit].mean(dim=0) - colour.mean(dim=0)).abs()
        assert apart.max() < 6  # of 255
    assert (colour.std(dim=0) > 20).all()


def test_a_picture_that_is_changed_is_read_anew():
    load_images("colour_digits", "test")["images"].zero_()
    assert load_images("colour_digits", "test")["images"].any()


def test_mnist_is_the_published_one(mnist):
    train, test = load_images("mnist", "train"), load_images("mnist", "test")
    assert train["images"].shape == (60_000, 1, 28, 28)
    assert test["images"].shape == (10_000, 1, 28, 28)
    assert train["labels"][:5].tolist() == [5, 0, 4, 1, 9]
    assert test["labels"][:5].tolist() == [7, 2, 1, 0, 4]
    assert train["labels"].bincount()[:3].tolist() == [5923, 6742, 5958]
    ink = {"train": train["images"].sum().item(), "test": test["images"].sum().item()}
    assert ink["train"] / train["images"].numel() / 255 == pytest.approx(
        0.1307, abs=5e-5
    )
    assert ink["test"] / test["images"].numel() / 255 == pytest.approx(0.1325, abs=5e-5)


def test_fit_and_held_out_are_the_first_and_the_last_images_of_mnist(mnist):
    train = load_images("mnist", "train")["images"]
    assert load_images("mnist", "fit")["images"].equal(train[:50_000])
    assert load_images("mnist", "held_out")["images"].equal(train[50_000:])


def test_the_course_runs_on_mnist_where_it_is_on_disk(mnist, capsys):
    assert course_dataset() == "mnist"
    assert count(course_images("held_out")) == 10_000
    assert "MNIST" in capsys.readouterr().out


def lay(folder, contents):
    """Put files into a folder."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_cifar10_reads_colours_and_all_five_parts(batches, folder):
    lay(folder, batches)
    images = np.stack([pickle.loads(content)["data"] for content in batches.values()])
    train, test = load_images("cifar10", "train"), load_images("cifar10", "test")
    assert (
        train["images"].numpy().tolist() == images[:5].reshape(-1, 3, 32, 32).tolist()
    )
    assert test["images"].numpy().tolist() == images[5].reshape(-1, 3, 32, 32).tolist()
    assert train["labels"].tolist() == ([1] * 7 + [9]) * 5
    assert train["labels"].dtype == torch.int64
    assert count(load_images("cifar10", "held_out")) == 4
    assert count(load_images("cifar10", "fit")) == 36


def test_a_pickle_with_another_checksum_is_never_opened(folder):
    class Trap:
        def __reduce__(self):
            return Path.touch, (folder / "opened",)

    (folder / "cifar-10-batches-py").mkdir()
    for name in fetching.FILES["cifar10"]:
        (folder / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileNotFoundError, match="every file is damaged"):
        load_images("cifar10", "test")
    assert not (folder / "opened").exists()


def test_checksums_and_addresses_are_those_of_torchvision():
    from torchvision.datasets import CIFAR10, MNIST

    listed = {Path(n).name: md5 for n, md5 in fetching.FILES["cifar10"].items()}
    assert listed == dict(CIFAR10.train_list + CIFAR10.test_list)
    archives = [Path(name).name for name in fetching.ARCHIVES["mnist"]]
    assert archives == [name for name, _ in MNIST.resources]
    assert REAL_ADDRESSES["mnist"] in MNIST.mirrors
    assert REAL_ADDRESSES["cifar10"] + fetching.ARCHIVES["cifar10"][0] == CIFAR10.url


def test_class_names():
    for name in "mnist", "digits", "colour_digits":
        assert class_names(name) == list("0123456789")
    assert class_names("cifar10")[6] == "frog" and len(class_names("cifar10")) == 10


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: load_images("minst", "train"),
            "'mnist', 'cifar10', 'digits', 'colour_digits'.*'minst'",
        ),
        (lambda: load_images("digits", "valid"), "'fit', 'held_out'.*got 'valid'"),
        (lambda: class_names("imagenet"), "'cifar10'.*got 'imagenet'"),
        (lambda: toy_points("rings", 9, noise=0, seed=0), "'spirals'.*got 'rings'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_the_names_of_the_images_are_offered_where_columns_are():
    offered = "class_names course_dataset course_images data_folder load_images"
    for name in [*offered.split(), "colour_dataset", "colour_images"]:
        assert getattr(data, name) is getattr(datasets, name)


def test_importing_the_module_imports_no_dataset_library():
    code = "import sys, kdlab.data; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.split())
    assert {"kdlab.data", "kdlab.datasets"} <= loaded
    assert loaded.isdisjoint({"torchvision", "sklearn", "pandas", "PIL"})


# Where datasets lie


def test_a_relative_folder_is_inside_the_repository(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KDLAB_DATA", "somewhere/else")
    assert data_folder() == ROOT / "somewhere" / "else"
    assert (ROOT / "pyproject.toml").exists()


def test_an_absolute_folder_a_home_folder_and_none(monkeypatch, tmp_path):
    assert data_folder() == tmp_path / "data"
    monkeypatch.setenv("KDLAB_DATA", "~/images")
    assert data_folder() == Path.home() / "images"
    for unset in "", None:
        if unset is None:
            monkeypatch.delenv("KDLAB_DATA")
        else:
            monkeypatch.setenv("KDLAB_DATA", unset)
        assert data_folder() == ROOT / "data"


@pytest.mark.parametrize(
    ("setting", "folder"),
    [
        ("  /some/where ", "/some/where"),
        ('"/some/where"', "/some/where"),
        ("'/some where' ", "/some where"),
        ('" ~/images "', "{home}/images"),
        ("$COURSE/images", "/course/images"),
        ("${COURSE}", "/course"),
        ("/o'brien/digits", "/o'brien/digits"),
        ("~root", "{root}"),
        ("   ", "{repository}/data"),
        ('""', "{repository}/data"),
    ],
)
def test_quotes_blanks_and_names_that_a_shell_left_are_understood(
    monkeypatch, setting, folder
):
    monkeypatch.setenv("COURSE", "/course")
    monkeypatch.setenv("KDLAB_DATA", setting)
    root = Path("~root").expanduser()
    meant = folder.format(home=Path.home(), root=root, repository=ROOT)
    assert data_folder() == Path(meant)


@pytest.mark.parametrize(
    ("setting", "odd"),
    [
        ('"', '"'),
        ('"/data', '"'),
        ("/data'", "'"),
        ("“/data”", "“"),
        ("$NOBODYS_HOME", "$NOBODYS_HOME"),
        ("${NOBODYS_HOME}/data", "${NOBODYS_HOME"),
        ("$(pwd)/data", "$(pwd"),
        ("%USERPROFILE%/data", "%USERPROFILE%"),
        ("~nobody-of-that-name/data", "~nobody-of-that-name"),
        ("file:///data", "file://"),
        ("/data\n/more", "\n"),
    ],
)
def test_what_is_no_path_is_refused_and_leaves_no_folder(monkeypatch, setting, odd):
    before = set(ROOT.iterdir())
    monkeypatch.setenv("KDLAB_DATA", setting)
    for ask in data_folder, course_dataset, lambda: load_images("mnist", "test"):
        with pytest.raises(ValueError, match="KDLAB_DATA=/path/to/folder") as caught:
            ask()
        assert f"got {setting!r}" in str(caught.value)
        assert f"where {odd!r}" in str(caught.value)
    assert set(ROOT.iterdir()) == before


def test_a_folder_into_which_nothing_came_does_not_stay(monkeypatch, tmp_path, folder):
    monkeypatch.setenv("KDLAB_DATA", str(tmp_path / "mistyped" / "data"))
    assert course_dataset() == "digits"
    assert list(tmp_path.iterdir()) == [folder]


# Archives that were laid by hand


@pytest.fixture
def by_hand(files, folder):
    """The small MNIST as a browser downloads it: four archives, nothing unpacked."""
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder


def test_archives_laid_by_hand_are_unpacked_without_a_network(by_hand, files, capsys):
    assert course_dataset() == "mnist"
    assert load_images("mnist", "test")["labels"].tolist() == list(range(10))
    for name, content in files.items():
        assert (by_hand / name).read_bytes() == content
    assert len(left_in(by_hand)) == 8 and list(by_hand.iterdir()) == [by_hand / "MNIST"]
    assert str(by_hand) in capsys.readouterr().out


@pytest.mark.parametrize("fails", ["mkdir", "replace"])  # read-only; full, say
def test_archives_beside_which_nothing_can_be_written_are_read(
    by_hand, files, fails, monkeypatch, on_disk_elsewhere
):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, refuse)
    for split in datasets.SPLITS:
        read, right = load_images("mnist", split), on_disk_elsewhere[split]
        assert read["images"].equal(right["images"])
        assert read["labels"].equal(right["labels"])
    assert left_in(by_hand) == sorted(f"{name}.gz" for name in files)


@pytest.fixture
def on_disk_elsewhere(files, monkeypatch, tmp_path):
    """What the splits of the unpacked files hold."""
    (tmp_path / "unpacked" / "MNIST" / "raw").mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / "unpacked" / name).write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setenv("KDLAB_DATA", str(tmp_path / "unpacked"))
        return {split: load_images("mnist", split) for split in datasets.SPLITS}


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "other"])
def test_a_damaged_archive_is_named_and_then_downloaded(
    by_hand, files, mirror, damage, monkeypatch
):
    whole = gzip.compress(files[IMAGES])
    damaged = {
        "truncated": truncated(whole),
        "flipped": flipped(whole),
        "text": b"<html>not found</html>",
        "other": gzip.compress(flipped(files[IMAGES])),
    }
    (by_hand / f"{IMAGES}.gz").write_bytes(damaged[damage])
    with monkeypatch.context() as patch:
        patch.setitem(fetching.ADDRESSES, "mnist", CLOSED_PORT)
        with pytest.raises(FileNotFoundError, match=r"\(train-images\S+ is damaged"):
            load_images("mnist", "train")
    assert count(load_images("mnist", "train")) == 20
    assert (by_hand / IMAGES).read_bytes() == files[IMAGES]


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_a_right_archive_takes_the_place_of_a_damaged_one(by_hand, files, damage):
    """What was damaged in the archive does not come to lie beside it."""
    archive = by_hand / f"{IMAGES}.gz"
    archive.write_bytes(gzip.compress(damage(files[IMAGES])))
    with pytest.raises(FileNotFoundError, match=r"\(train-images\S+ is damaged"):
        load_images("mnist", "train")
    archive.write_bytes(gzip.compress(files[IMAGES]))
    assert count(load_images("mnist", "train")) == 20


# Which dataset the course runs on


def test_without_a_network_the_course_says_in_one_line_why_it_runs_on_digits(
    folder, capsys
):
    assert [course_dataset(), course_dataset()] == ["digits", "digits"]
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "digits" in said and "refused" in said and str(folder) in said
    assert "KDLAB_DATA" in said and "on-line" in said
    assert count(course_images("test")) == 360
    assert list(folder.iterdir()) == []


def test_a_host_that_never_answers_costs_three_seconds(monkeypatch, folder, capsys):
    assert fetching.CONNECT_SECONDS == 3
    monkeypatch.setattr(fetching, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setitem(fetching.ADDRESSES, "mnist", address)
        start = time.perf_counter()
        assert course_dataset() == "digits"
        assert time.perf_counter() - start > 0.25
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # it was asked once, not again and again
            silent.accept()
    assert "digits" in capsys.readouterr().out
    assert list(folder.iterdir()) == []


def test_a_name_that_is_never_resolved_is_given_up(monkeypatch):
    def look_up(*_, **__):
        over.wait(60)
        raise OSError("too late")

    over = threading.Event()
    monkeypatch.setattr(fetching, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setitem(fetching.ADDRESSES, "mnist", "http://host.invalid/")
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError, match="no answer within .* http://host.inv"):
        load_images("mnist", "test")
    waited = time.perf_counter() - start
    over.set()
    assert waited < 30  # the look-up takes sixty


@pytest.mark.parametrize(
    ("proxy", "told"),
    [("http:/proxy:3128", "proxy URL"), ("http://h:port", "'port'"), ("://", "//")],
)
def test_a_proxy_that_is_none_costs_one_line(monkeypatch, folder, capfd, proxy, told):
    monkeypatch.setattr("urllib.request._opener", None)  # it knows an older proxy
    for exception in "no_proxy", "NO_PROXY":
        monkeypatch.delenv(exception, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setitem(fetching.ADDRESSES, "mnist", REAL_ADDRESSES["mnist"])
    assert course_dataset() == "digits"
    printed = capfd.readouterr()
    assert printed.out.count("\n") == 1 and told in printed.out
    assert printed.err == ""  # no thread's traceback
    assert list(folder.iterdir()) == []


def test_mnist_on_disk_is_read_without_a_network_and_without_writing(
    on_disk, monkeypatch, capsys
):
    def refuse(*_, **__):
        raise PermissionError("read-only")

    for call in "mkdir", "open", "replace", "rename", "unlink", "utime":
        monkeypatch.setattr(os, call, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(fetching, "urlopen", refuse)
    monkeypatch.setattr(fetching, "_download", refuse)
    for path in [on_disk, *on_disk.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert course_dataset() == "mnist"
        assert count(course_images("train")) == 20
    finally:
        for path in [on_disk, *on_disk.rglob("*")]:
            path.chmod(0o755)
    assert str(on_disk) in capsys.readouterr().out


def test_the_environment_may_choose(monkeypatch, on_disk, capsys):
    monkeypatch.setenv("KDLAB_DATASET", "digits")
    assert course_dataset() == "digits" and count(course_images("test")) == 360
    assert "KDLAB_DATASET" in capsys.readouterr().out


def test_the_environment_may_not_choose_nonsense(monkeypatch):
    monkeypatch.setenv("KDLAB_DATASET", "letters")
    with pytest.raises(ValueError, match="KDLAB_DATASET.*'digits'.*got 'letters'"):
        course_dataset()


def test_a_forced_mnist_that_cannot_be_had_is_an_error_not_digits(monkeypatch):
    monkeypatch.setenv("KDLAB_DATASET", "mnist")
    with pytest.raises(FileNotFoundError, match="KDLAB_DATA to a folder"):
        course_images("test")


def test_the_colours_have_a_choice_of_their_own(folder, capsys):
    assert [colour_dataset(), colour_dataset()] == ["colour_digits"] * 2
    said = capsys.readouterr().out
    assert said.startswith("Colour dataset: scikit-learn's digits on colours, for this")
    assert said.count("\n") == 1 and "cifar10" in said and str(folder) in said
    assert colour_images("test")["images"].shape == (1080, 3, 32, 32)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("forced", "grey", "colour"),
    [
        ("digits", "digits", "colour_digits"),
        ("mnist", "mnist", None),
        ("cifar10", None, "cifar10"),
        ("colour_digits", None, "colour_digits"),
    ],
)
def test_what_the_environment_chooses_of_each_kind(
    monkeypatch, capsys, forced, grey, colour
):
    """None: it says nothing, and what can be had is taken."""
    monkeypatch.setenv("KDLAB_DATASET", forced)
    for ask, chosen, small in (
        (course_dataset, grey, "digits"),
        (colour_dataset, colour, "colour_digits"),
    ):
        assert ask() == (chosen or small)
        said = capsys.readouterr().out
        assert ("KDLAB_DATASET says so" in said) == bool(chosen)
        assert ("Go on-line" in said) == (not chosen)


# Faults


def test_what_cannot_be_had_is_an_error_that_says_what_to_do(folder):
    for name, home in {"mnist": "MNIST/raw", "cifar10": "cifar-10-batches-py"}.items():
        with pytest.raises(FileNotFoundError, match="every file is missing") as caught:
            load_images(name, "test")
        said = str(caught.value)
        assert name in said and home in said and str(folder) in said
        assert "on-line" in said and "KDLAB_DATA" in said and '"digits"' in said


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_a_damaged_file_is_named_and_refused(on_disk, files, damage, capsys):
    (on_disk / IMAGES).write_bytes(damage(files[IMAGES]))
    with pytest.raises(FileNotFoundError) as caught:
        load_images("mnist", "train")
    assert f"({Path(IMAGES).name} is damaged" in str(caught.value)
    assert "labels" not in str(caught.value)
    assert course_dataset() == "digits"
    assert f"{Path(IMAGES).name} is damaged" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_a_damaged_file_is_downloaded_again(on_disk, files, mirror, damage, capsys):
    (on_disk / IMAGES).write_bytes(damage(files[IMAGES]))
    assert count(load_images("mnist", "train")) == 20
    assert (on_disk / IMAGES).read_bytes() == files[IMAGES]
    assert f"{Path(IMAGES).name} is damaged" in capsys.readouterr().out


def test_a_byte_that_flips_after_a_first_reading_is_noticed(on_disk, files):
    load_images("mnist", "train")
    (on_disk / IMAGES).write_bytes(flipped(files[IMAGES]))
    with pytest.raises(FileNotFoundError, match="damaged"):
        load_images("mnist", "train")


def test_one_missing_file_is_named(on_disk):
    (on_disk / IMAGES).unlink()
    with pytest.raises(FileNotFoundError, match=r"\(train-images\S+ is missing\)"):
        load_images("mnist", "test")


def test_a_folder_that_cannot_be_made_is_a_clear_error(monkeypatch, tmp_path, mirror):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KDLAB_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(FileNotFoundError, match="(Not a directory|exists).*may write"):
        load_images("mnist", "test")
    assert course_dataset() == "digits"
    assert mirror.asked == []


def test_a_folder_that_cannot_be_written_is_a_clear_error(monkeypatch, folder, mirror):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    folder.chmod(0o555)
    monkeypatch.setattr(os, "mkdir", refuse)  # root may write anywhere
    with pytest.raises(FileNotFoundError, match="Permission denied.*may write to"):
        load_images("mnist", "test")
    folder.chmod(0o755)
    assert mirror.asked == []


# Downloads


def left_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_download_arrives_whole_and_once(folder, files, mirror, capsys):
    assert course_dataset() == "mnist"
    assert load_images("mnist", "test")["labels"].tolist() == list(range(10))
    assert count(load_images("mnist", "fit")) == 15
    assert left_in(folder) == sorted(files)
    assert [path.name for path in folder.iterdir()] == ["MNIST"]
    assert capsys.readouterr().out.count("Downloading mnist") == 1
    asked = len(mirror.asked)
    load_images("mnist", "train")
    assert len(mirror.asked) == asked


def test_a_response_that_breaks_off_is_kept_and_the_next_call_succeeds(
    folder, files, mirror
):
    mirror.halved = {"t10k-images-idx3-ubyte.gz"}
    with pytest.raises(FileNotFoundError, match="t10k-images-idx3-ubyte.gz broke off"):
        load_images("mnist", "test")
    assert left_in(folder) == ["t10k-images-idx3-ubyte.gz.unfinished"]
    mirror.halved = set()
    assert count(load_images("mnist", "test")) == 10
    assert left_in(folder) == sorted(files)


def test_a_download_that_stalls_is_given_up(folder, mirror, monkeypatch):
    monkeypatch.setattr(fetching, "STALL_SECONDS", 0.3)
    mirror.stalled = {"train-labels-idx1-ubyte.gz"}
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError, match="timed out"):
        load_images("mnist", "test")
    assert time.perf_counter() - start < 30  # the host falls silent for sixty
    assert list(folder.iterdir()) == []


def test_an_archive_with_other_content_is_not_moved_into_place(
    folder, files, mirror, monkeypatch
):
    sums = fetching.FILES["mnist"] | {IMAGES: "0" * 32}
    monkeypatch.setitem(fetching.FILES, "mnist", sums)
    with pytest.raises(FileNotFoundError, match="What came is not right: train-images"):
        load_images("mnist", "test")
    assert list(folder.iterdir()) == []


@pytest.fixture
def interrupted(monkeypatch):
    """The user presses stop when some of an archive has come."""

    class Stopped(fetching.tqdm):
        def update(self, n=1):
            if "labels" in self.desc or "cifar" in self.desc:
                raise KeyboardInterrupt
            super().update(n)

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "tqdm", Stopped)
        yield patch


def test_an_interrupted_download_leaves_nothing_half(folder, mirror, interrupted):
    with pytest.raises(KeyboardInterrupt):
        load_images("mnist", "test")
    assert len(mirror.asked) > 1
    assert left_in(folder) == ["train-labels-idx1-ubyte.gz.unfinished"]
    interrupted.undo()
    assert count(load_images("mnist", "test")) == 10
    assert [path.name for path in folder.iterdir()] == ["MNIST"]


def test_an_interrupted_download_lets_the_course_go_on(
    mirror, cifar, interrupted, capsys
):
    assert course_dataset() == "digits" and colour_dataset() == "colour_digits"
    assert capsys.readouterr().out.count("interrupted. Restart it to go on.\n") == 2


# The one large archive, of CIFAR-10


def test_cifar10_arrives_whole_and_once_and_its_size_is_told(
    folder, batches, cifar, capsys
):
    assert colour_dataset() == "cifar10"
    assert count(colour_images("train")) == 40 and count(colour_images("test")) == 8
    assert left_in(folder) == sorted(batches)
    assert [path.name for path in folder.iterdir()] == ["cifar-10-batches-py"]
    assert cifar.asked == [(CIFAR, 0)] * 2  # is anybody there, and the archive
    printed = capsys.readouterr()
    assert "Downloading cifar10 (170 MB) to " in printed.out
    assert f"Colour dataset: CIFAR-10, from {folder}." in printed.out
    assert CIFAR in printed.err  # the bar


@pytest.mark.parametrize("resumes", [True, False])
def test_a_cut_download_goes_on_where_it_was_cut(folder, cifar, resumes):
    cifar.resumes, whole = resumes, len(cifar.archives[CIFAR])
    cifar.halved = {CIFAR}
    with pytest.raises(FileNotFoundError, match=f"{CIFAR} broke off.*kept"):
        load_images("cifar10", "test")
    (part,) = folder.iterdir()
    assert part.name == f"{CIFAR}.unfinished" and part.stat().st_size == whole // 2
    with pytest.raises(FileNotFoundError, match="broke off"):
        load_images("cifar10", "test")  # and again
    cifar.halved = set()
    assert count(load_images("cifar10", "test")) == 8
    starts = [start for _, start in cifar.asked if start]
    halves = [whole // 2 - 1, whole // 2 - 1 + (whole - whole // 2 + 1) // 2 - 1]
    assert starts == (halves if resumes else [])
    assert [path.name for path in folder.iterdir()] == ["cifar-10-batches-py"]


def test_an_interrupted_download_goes_on(folder, cifar, interrupted):
    with pytest.raises(KeyboardInterrupt):
        load_images("cifar10", "test")
    (part,) = folder.iterdir()
    kept = part.stat().st_size
    interrupted.undo()
    assert count(load_images("cifar10", "test")) == 8
    assert cifar.asked[-1] == (CIFAR, kept - 1) and kept > 1000


@pytest.mark.parametrize("rest", ["whole", "foreign", "longer", "all but a byte"])
def test_what_was_kept_is_used_if_it_is_a_beginning_and_else_dropped(
    folder, cifar, rest
):
    whole = cifar.archives[CIFAR]
    kept = {
        "whole": whole,
        "foreign": bytes(1000),
        "longer": whole + b"more",
        "all but a byte": whole[:-1],
    }
    (folder / f"{CIFAR}.unfinished").write_bytes(kept[rest])
    if rest in ("foreign", "longer"):
        with pytest.raises(FileNotFoundError, match="not right|416"):
            load_images("cifar10", "test")
        assert list(folder.iterdir()) == []
    assert count(load_images("cifar10", "test")) == 8
    assert [path.name for path in folder.iterdir()] == ["cifar-10-batches-py"]


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_byte_in_the_archive_is_told_and_nothing_stays(folder, cifar, place):
    whole = cifar.archives[CIFAR]
    cifar.archives[CIFAR] = flipped(whole, int(len(whole) * place))
    with pytest.raises(FileNotFoundError, match="What came is not right: .*damaged"):
        load_images("cifar10", "test")
    assert list(folder.iterdir()) == []
    cifar.archives[CIFAR] = whole
    assert count(load_images("cifar10", "test")) == 8


def test_a_page_in_place_of_the_archive_is_told(folder, cifar):
    cifar.archives[CIFAR] = b"<html>Log in to the network first</html>"
    with pytest.raises(FileNotFoundError, match="not right: every file is damaged"):
        load_images("cifar10", "test")
    assert list(folder.iterdir()) == []


def test_a_disk_that_is_full_is_told(folder, cifar, monkeypatch):
    class Full(fetching.tqdm):
        def update(self, n=1):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "tqdm", Full)
    with pytest.raises(FileNotFoundError, match="No space left on device"):
        load_images("cifar10", "test")
    assert left_in(folder) == [f"{CIFAR}.unfinished"]


BATCH = "cifar-10-batches-py/data_batch_3"


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_one_batch_that_is_wrong_is_named_and_downloaded(
    folder, batches, cifar, fault, monkeypatch
):
    lay(folder, batches)
    if fault == "missing":
        (folder / BATCH).unlink()
    else:
        (folder / BATCH).write_bytes(flipped(batches[BATCH]))
    with monkeypatch.context() as patch:
        patch.setitem(fetching.ADDRESSES, "cifar10", CLOSED_PORT)
        with pytest.raises(FileNotFoundError, match=rf"\(data_batch_3 is {fault}"):
            load_images("cifar10", "test")
    assert count(load_images("cifar10", "test")) == 8
    assert (folder / BATCH).read_bytes() == batches[BATCH]


def test_cifar10_laid_by_hand_is_unpacked_without_a_network(folder, batches):
    lay(folder, {CIFAR: tar_of(batches)})
    assert colour_dataset() == "cifar10" and count(colour_images("test")) == 8
    assert left_in(folder) == sorted([CIFAR, *batches])
    assert len(list(folder.iterdir())) == 2
    for name, content in batches.items():
        assert (folder / name).read_bytes() == content


def test_cifar10_laid_by_hand_where_nothing_can_be_written_is_read(
    folder, batches, monkeypatch
):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    lay(folder, {CIFAR: tar_of(batches)})
    monkeypatch.setattr(os, "mkdir", refuse)
    read = load_images("cifar10", "train")
    lay_elsewhere = pickle.loads(batches[BATCH])["data"].reshape(-1, 3, 32, 32)
    assert read["images"][16:24].numpy().tolist() == lay_elsewhere.tolist()
    assert left_in(folder) == [CIFAR]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "a file less"])
def test_a_damaged_archive_of_cifar10_is_named_and_then_downloaded(
    folder, batches, cifar, damage, monkeypatch
):
    whole = tar_of(batches)
    fewer = {name: body for name, body in batches.items() if name != BATCH}
    damaged = {
        "truncated": truncated(whole),
        "flipped": flipped(whole, len(whole) // 2),
        "text": b"<html>not found</html>",
        "a file less": tar_of(fewer),
    }
    lay(folder, {CIFAR: damaged[damage]})
    told = "data_batch_3 is missing" if damage == "a file less" else "is damaged"
    with monkeypatch.context() as patch:
        patch.setitem(fetching.ADDRESSES, "cifar10", CLOSED_PORT)
        with pytest.raises(FileNotFoundError, match=told):
            load_images("cifar10", "train")
    assert count(load_images("cifar10", "train")) == 40
    assert (folder / BATCH).read_bytes() == batches[BATCH]


def test_two_kernels_that_download_at_once_do_not_disturb_each_other(folder, cifar):
    done = []

    def ask():
        done.append(count(load_images("cifar10", "test")))

    kernels = [threading.Thread(target=ask) for _ in range(3)]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join(60)
    assert done == [8, 8, 8]
    assert [path.name for path in folder.iterdir()] == ["cifar-10-batches-py"]


# Rows


@pytest.fixture
def columns():
    images = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).expand(-1, 1, 2, 2)
    rows = torch.arange(50)
    return {"images": images, "labels": rows, "teacher_logits": rows[:, None] / 10}


def test_a_batch_has_the_rows_asked_for_and_keeps_its_columns_together(columns):
    batch = take(columns, torch.tensor([7, 3, 49, 3]))
    assert batch["labels"].tolist() == [7, 3, 49, 3]
    assert batch["images"][:, 0, 1, 1].equal(batch["labels"] / 255)
    assert batch["teacher_logits"][:, 0].equal(batch["labels"] / 10)
    points = take({"points": torch.eye(3)}, torch.tensor([2]))  # a set without images
    assert points["points"].tolist() == [[0, 0, 1]]


def test_a_batch_stays_on_the_device_of_its_columns(columns):
    elsewhere = {name: column.to("meta") for name, column in columns.items()}
    batch = take(elsewhere, torch.arange(5, device="meta"))
    assert {column.device.type for column in batch.values()} == {"meta"}


def test_a_sample_draws_rows_that_belong_together(columns):
    some, same = sample(columns, 20, draw=3), sample(columns, 20, draw=3)
    labels = some["labels"]
    assert labels.equal(same["labels"]) and len(labels.unique()) == 20
    assert not labels.equal(sample(columns, 20, draw=4)["labels"])
    assert some["images"][:, 0, 0, 0].equal(labels.to(torch.uint8))  # bytes stay bytes
    assert some["teacher_logits"][:, 0].equal(labels / 10)
    assert sample(columns, 50)["labels"].sort().values.equal(columns["labels"])


def test_a_sample_moves_no_random_number(columns):
    before = torch.get_rng_state()
    sample(columns, 20)
    with_label_noise({"labels": columns["labels"]}, 0.5)
    assert torch.get_rng_state().equal(before)


def test_more_labels_than_images_are_refused_in_words(columns):
    with pytest.raises(ValueError, match="There are 50 labelled images.*not for 51"):
        sample(columns, 51)
    with pytest.raises(ValueError, match="1 to that many"):
        sample(columns, 0)


def test_only_the_classes_asked_for_remain():
    labels = torch.tensor([1, 2, 2, 4, 1])
    kept = only_classes({"labels": labels, "rows": torch.arange(5)}, [1, 4])
    assert kept["rows"].tolist() == [0, 3, 4] and kept["labels"].tolist() == [1, 4, 1]
    with pytest.raises(ValueError, match=r"No image shows a \[3, 9\].*\[1, 2, 4\]"):
        only_classes({"labels": labels}, [1, 3, 9])


def test_label_noise_makes_that_share_wrong():
    clean = {"labels": torch.arange(10).repeat(1000), "images": torch.zeros(10_000)}
    noisy = with_label_noise(clean, 0.4, seed=0)
    changed = (noisy["labels"] != clean["labels"]).double().mean()
    assert abs(changed - 0.4) < 0.02 and noisy["labels"].unique().tolist() == [
        *range(10)
    ]
    assert noisy["images"] is clean["images"]
    assert with_label_noise(clean, 0.0)["labels"].equal(clean["labels"])
    again, other = (with_label_noise(clean, 0.4, seed=n)["labels"] for n in (0, 1))
    assert again.equal(noisy["labels"]) and not other.equal(noisy["labels"])


def with_labels(*labels, **columns):
    return {"labels": torch.tensor(labels), **columns}


def test_wrong_labels_are_of_all_classes_also_of_those_that_a_sample_lacks():
    few = with_labels(*[0, 1] * 500)
    seen = [
        with_label_noise(columns, 1.0, classes=classes)["labels"].unique().tolist()
        for columns, classes in (
            (few, None),  # nobody says that there are more
            (few, 5),
            ({**few, "teacher_logits": torch.zeros(1000, 4)}, None),
            ({**few, "teacher_logits": torch.zeros(1000, 4)}, 3),
        )
    ]
    assert seen == [[0, 1], [*range(5)], [*range(4)], [*range(3)]]
    noisy = with_label_noise(few, 1.0, classes=5)["labels"]
    assert not (noisy == few["labels"]).any()
    counts = noisy[few["labels"] == 0].bincount(minlength=5).tolist()
    assert counts[0] == 0 and min(counts[1:]) > 80  # of 500, by four


def test_what_teacher_logits_say_of_the_classes_changes_no_draw_that_was_right():
    """Stored runs have all classes among their labels."""
    clean = with_labels(*[*range(10)] * 20)
    told = {**clean, "teacher_logits": torch.zeros(200, 10)}
    drawn = [with_label_noise(c, 0.3, seed=4)["labels"] for c in (clean, told)]
    assert drawn[0].equal(drawn[1])


def test_labels_of_one_class_cannot_be_wrong_but_may_be_right():
    one = with_labels(0, 0, 0)
    assert with_label_noise(one, 0.0)["labels"].tolist() == [0, 0, 0]
    assert with_label_noise(one, 1.0, classes=2)["labels"].tolist() == [1, 1, 1]
    for told in (
        {"classes": 1},
        {"columns": {**one, "teacher_logits": torch.ones(3, 1)}},
    ):
        with pytest.raises(ValueError, match="of one class cannot be wrong"):
            with_label_noise(**{"columns": one, "share": 0.5, **told})
    with pytest.raises(ValueError, match="of one class cannot be wrong: give `classes"):
        with_label_noise(one, 0.5)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_of_wrong_labels_is_a_share(share):
    with pytest.raises(ValueError, match=r"wrong labels must be in \[0, 1\], got"):
        with_label_noise(with_labels(0, 1), share)


def test_bytes_are_scaled_and_floats_pass_unchanged():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert scaled(images).equal(torch.tensor([0.0, 0.2, 1.0]))
    assert scaled(images).dtype == torch.float32
    floats = torch.tensor([-3.0, 7.0])
    assert scaled(floats) is floats
    for dtype in torch.int64, torch.int16, torch.bool:
        with pytest.raises(ValueError, match=f"or bytes .uint8., got {dtype}"):
            scaled(images.to(dtype))


def test_right_columns_pass(columns):
    check_columns(columns, classes=50)
    normalised = torch.linspace(-3, 5, 8).view(
        2, 1, 2, 2
    )  # by a user, for a user's net
    check_columns({"images": normalised})
    check_columns({"images": torch.tensor([[3.0, 200.0]])})  # points of a plane
    check_columns(toy_points("moons", 10, noise=0.1, seed=0))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels": torch.arange(49)}, "equally many rows.*'labels': 49"),
        ({"labels": torch.arange(50) - 1}, "from 0 to 49, got -1 to 48"),
        ({"labels": torch.arange(50) + 1}, "from 0 to 49, got 1 to 50"),
        ({"labels": torch.zeros(50)}, r"int64 \[N\], got torch.float32.*labels.long"),
        ({"labels": torch.zeros(50, 1).long()}, r"\[50, 1\]; .*with labels\[:, 0\]"),
        ({"labels": torch.eye(50).long()}, r"\[50, 50\]; .*argmax.*if.*one-hot"),
        ({"images": torch.full((50, 1), torch.nan)}, "'images' holds NaN"),
        ({"teacher_logits": torch.full((50, 9), torch.inf)}, "'teacher_logits' holds"),
        ({"images": torch.full((50, 1, 1), -torch.inf)}, "'images' holds NaN or inf"),
        ({"images": torch.full((50, 1, 1), 255.0)}, "floats up to 255. Divide them by"),
        ({"images": torch.ones(50, 1, 1).long()}, "or bytes .uint8., got torch.int64"),
        ({"images": [1, 2]}, "got {'images': 'list'}. Make tensors of them"),
        ({"seed": torch.tensor(1)}, "got {'seed': 'Tensor'}"),
    ],
)
def test_wrong_columns_are_refused(columns, change, told):
    with pytest.raises(ValueError, match=told):
        check_columns(columns | change, classes=50)


def test_nothing_to_train_on_is_refused(columns):
    none = {name: column[:0] for name, column in columns.items()}
    for empty in none, {}:
        with pytest.raises(ValueError, match="nothing to train on"):
            check_columns(empty)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        check_columns({"labels": torch.tensor([-1, 3])})


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (DataLoader(TensorDataset(torch.eye(3))), "got DataLoader.*`fit` makes the"),
        (torch.eye(3), "got Tensor"),
        ((torch.eye(3), torch.arange(3)), "got tuple"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_dict_of_tensors_is_refused(columns, told):
    for door in count, check_columns, lambda c: sample(c, 2), with_label_noise:
        with pytest.raises(ValueError, match=f'images, "labels": labels}}, {told}'):
            door(*[columns, 0.5][: 2 if door is with_label_noise else 1])


def test_a_column_that_is_needed_is_named_with_those_there_are(columns):
    with pytest.raises(ValueError, match=r"no column \['a'\]; there are \['labels'\]"):
        check_columns({"labels": columns["labels"]}, needed=["a", "labels"])


# Toy sets


@pytest.mark.parametrize(
    ("kind", "classes"), [("moons", 2), ("spirals", 2), ("blobs", 3)]
)
def test_toy_points_depend_on_their_seed_alone(kind, classes):
    before = torch.get_rng_state()
    one, same, other = (toy_points(kind, 300, noise=0.1, seed=n) for n in (1, 1, 2))
    assert torch.get_rng_state().equal(before)
    assert one["points"].shape == (300, 2) and one["points"].dtype == torch.float32
    assert one["labels"].bincount().tolist() == [300 // classes] * classes
    assert one["points"].equal(same["points"]) and one["labels"].equal(same["labels"])
    assert not one["points"].equal(other["points"])
    assert one["points"].abs().max() < 3.2


@pytest.mark.parametrize("kind", ["moons", "spirals", "blobs"])
def test_two_seeds_are_two_samples_of_one_problem(kind):
    """With little noise, the nearest point of another sample has the same label."""
    one, other = (toy_points(kind, 600, noise=0.02, seed=n) for n in (1, 2))
    nearest = torch.cdist(other["points"], one["points"]).argmin(dim=1)
    agreement = (one["labels"][nearest] == other["labels"]).float().mean()
    assert agreement > 0.99


def test_noise_is_the_standard_deviation_about_a_blob():
    columns = toy_points("blobs", 3000, noise=0.5, seed=0)
    for label, centre in enumerate(BLOB_CENTRES):
        points = columns["points"][columns["labels"] == label]
        assert points.mean(dim=0).tolist() == pytest.approx(centre, abs=0.05)
        assert points.std(dim=0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
