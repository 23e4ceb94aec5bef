"""Files that another engine runs: they answer as the model does, in fewer bytes."""

import copy
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._decomp import decomposition_table
from torch.utils.flop_counter import FlopCounterMode

from kdlab.compression import (
    deployment,
    engine,
    export,
    file_bytes,
    has_vnni,
    lacking,
    layers_of,
    magnitude_masks,
    masked,
    model_bytes,
    multiply_adds,
    processor,
    race,
    to_int8,
    zipped_bytes,
)
from kdlab.datasets import load_images
from kdlab.metrics import accuracy, agreement
from kdlab.models import Residual, build_model
from kdlab.training import predict
from kdlab.weights import load_teacher, save_model

PIXELS = {"mlp": (1, 28, 28), "cnn": (1, 28, 28)}  # the others take colour


@pytest.fixture(scope="module")
def test_set():
    return load_images("digits", "test")


@pytest.fixture(scope="module")
def teacher():
    return load_teacher("digits")[0]


@pytest.fixture(scope="module")
def files(teacher, test_set, tmp_path_factory):
    """The teacher of the digits as ONNX files; one line says why if there are none."""
    if lacking():
        pytest.skip(lacking())
    folder, images = tmp_path_factory.mktemp("new") / "deeper", test_set["images"]
    before = set(Path(tempfile.gettempdir()).iterdir())
    float32 = export(teacher, folder / "float32.onnx", images)
    int8 = to_int8(float32, folder / "int8.onnx", images[:200])
    every = folder / "every_layer.onnx"
    to_int8(float32, every, images[:200], every_layer=True, reduce_range=True)
    left = set(Path(tempfile.gettempdir()).iterdir()) - before
    assert not [path for path in left if "quant" in path.name or "ort" in path.name]
    assert {path.name for path in folder.iterdir()} == {
        "float32.onnx",
        "int8.onnx",
        "every_layer.onnx",
    }
    return {"float32": float32, "int8": int8, "every_layer": every}


def close(one, other, bound=1e-4):
    torch.testing.assert_close(one, other, rtol=bound, atol=bound)


# --- answers -----------------------------------------------------------------------


def test_the_file_answers_as_the_model_for_any_number_of_images(
    files, teacher, test_set
):
    run, images = engine(files["float32"]), test_set["images"]
    for number in (1, 2, 7, deployment.PART + 1):
        some = images[torch.arange(number) % len(images)]
        close(run(some), predict(teacher, some))
    whole = load_images("digits", "train")["images"][:3]
    assert whole.dtype is torch.uint8  # bytes and fractions mean the same picture
    close(run(whole), run(whole / 255))


def test_int8_answers_nearly_as_the_model(files, teacher, test_set):
    images, labels = test_set["images"], test_set["labels"]
    logits = predict(teacher, images)
    for name in ("int8", "every_layer"):
        found = engine(files[name])(images)
        assert agreement(found, logits) > 0.99
        assert accuracy(found, labels) > accuracy(logits, labels) - 0.005
        assert (found - logits).abs().max() > 1e-3, "these are not 8 bits"


def test_int8_takes_a_quarter_of_the_bytes(files, teacher):
    float32 = file_bytes(files["float32"])
    assert file_bytes(files["int8"]) <= 0.28 * float32
    assert file_bytes(files["every_layer"]) <= 0.28 * float32
    numbers = sum(value.numel() for value in teacher.state_dict().values())
    assert 4 * numbers < float32 < 4 * numbers + 3000, "more than numbers is stored"


def graph_of(path):
    import onnx

    return onnx.load(path).graph


def on_the_way(path):
    """Kinds of the nodes that the images pass, one after the other."""
    nodes = [node for node in graph_of(path).node if node.op_type[:2] != "De"]
    return [node.op_type for node in nodes]


def test_all_but_a_thin_convolution_is_in_8_bits_unsigned_and_signed(files):
    from onnx import TensorProto

    for name, in_float in (("int8", [1]), ("every_layer", [])):
        graph = graph_of(files[name])
        kinds = {number.name: number.data_type for number in graph.initializer}
        weights = [w for w in graph.initializer if len(w.dims) in (2, 4)]
        floats = [w for w in weights if kinds[w.name] == TensorProto.FLOAT]
        assert [w.dims[1] for w in floats] == in_float and len(weights) == 4
        assert {kinds[w.name] for w in weights if w not in floats} == {TensorProto.INT8}
        rounded = [node for node in graph.node if node.op_type == "QuantizeLinear"]
        assert {kinds[node.input[2]] for node in rounded} == {TensorProto.UINT8}
    # pooling, then ReLU, then rounding: fewer numbers are rounded
    way = ["Sub", "Div", "Conv", "MaxPool", "Relu", "QuantizeLinear", "Conv"]
    assert on_the_way(files["int8"])[:7] == way
    assert on_the_way(files["every_layer"])[:4] == [
        "Sub",
        "Div",
        "QuantizeLinear",
        "Conv",
    ]


def test_reduce_range_leaves_one_bit_free(files):
    from onnx import TensorProto, numpy_helper

    for name, most in (("every_layer", 64), ("int8", 127)):
        graph = graph_of(files[name])
        codes = [
            numpy_helper.to_array(w)
            for w in graph.initializer
            if w.data_type == TensorProto.INT8 and len(w.dims) > 1
        ]
        assert max(abs(c.astype(int)).max() for c in codes) == most
        first = codes[0].reshape(len(codes[0]), -1)
        assert (abs(first.astype(int)).max(axis=1) == most).all(), "not per channel"


def test_no_stack_traces_and_no_second_file(files):
    for path in files.values():
        whole = path.read_bytes()
        assert b"kdlab" not in whole and b"File " not in whole


EXPORTED = torch.ops.aten.adaptive_max_pool2d.default in decomposition_table
CONVNET = pytest.mark.skipif(not EXPORTED, reason="torch 2.11 exports no convnet")


@pytest.mark.parametrize(
    "name", ["resnet", pytest.param("convnet", marks=CONVNET), "mlp"]
)
@pytest.mark.filterwarnings("error", "ignore:.isinstance.treespec, LeafSpec")  # 2.11
def test_other_nets_export_in_silence_and_stay_as_they_are(
    files, tmp_path, capfd, name
):
    sizes = {"resnet": {"depth": 8, "width": 8}, "convnet": {"widths": [8, 8]}}
    model = build_model(name, **sizes.get(name, {}))
    model.train()
    before = copy.deepcopy(model.state_dict())
    images = torch.rand(120, *PIXELS.get(name, (3, 32, 32)))
    path = export(model, tmp_path / "net.onnx", images)
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    logits = predict(model, images)
    close(engine(path)(images), logits, 1e-3)
    small = to_int8(path, tmp_path / "small.onnx", images)
    error = (engine(small)(images) - logits).norm() / (logits - logits.mean(0)).norm()
    assert error < 0.5
    assert capfd.readouterr() == ("", "")


def test_masks_are_baked_in(files, teacher, test_set, tmp_path):
    sparse = masked(teacher, magnitude_masks(teacher, 0.8))
    path = export(sparse, tmp_path / "sparse.onnx", test_set["images"])
    images = test_set["images"][:50]
    close(engine(path)(images), predict(sparse, images))
    assert abs(file_bytes(path) - file_bytes(files["float32"])) < 100
    assert zipped_bytes(path) < 0.5 * zipped_bytes(files["float32"])
    assert layers_of(sparse)  # and the masked one still has its masks
    assert any(hasattr(layer, "parametrizations") for layer in sparse.modules())


# --- faults ------------------------------------------------------------------------


def test_half_a_file_is_called_damaged(files, test_set, tmp_path):
    half = tmp_path / "half.onnx"
    half.write_bytes(files["float32"].read_bytes()[: file_bytes(files["float32"]) // 2])
    with pytest.raises(ValueError, match=r"half\.onnx is damaged.*Export it again"):
        engine(half)
    with pytest.raises(ValueError, match="damaged"):
        to_int8(half, tmp_path / "int8.onnx", test_set["images"][:10])
    with pytest.raises(FileNotFoundError, match=r"No none\.onnx in .*: export it"):
        engine(tmp_path / "none.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["half.onnx"]


def test_no_images_to_calibrate_with(files, test_set, tmp_path):
    with pytest.raises(ValueError, match="measured on images, got none"):
        to_int8(files["float32"], tmp_path / "a.onnx", test_set["images"][:0])
    with pytest.raises(ValueError, match="shape of one image, got none"):
        export(nn.Flatten(), tmp_path / "a.onnx", test_set["images"][:0])
    with pytest.raises(ValueError, match="NaN"):
        to_int8(
            files["float32"], tmp_path / "a.onnx", torch.full((2, 1, 8, 8), 0 / 1) / 0
        )
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_without_the_extra_each_function_says_what_to_install(
    monkeypatch, tmp_path, missing
):
    monkeypatch.setitem(sys.modules, missing, None)
    said = lacking()
    assert missing in said and '-e ".[compress]"' in said and said.count(". ") == 0
    images, path = torch.rand(2, 1, 28, 28), tmp_path / "a.onnx"
    for call in (
        lambda: export(build_model("mlp"), path, images),
        lambda: to_int8(path, path, images),
        lambda: engine(path),
    ):
        with pytest.raises(ImportError) as error:
            call()
        assert str(error.value) == said
    assert processor()["engine"].startswith("torch ")
    assert multiply_adds(build_model("mlp"), images) == 784 * 64 + 64 * 10
    assert list(race({"mlp": build_model("mlp")}, images, rounds=1).index) == ["mlp"]


def test_an_engine_that_cannot_be_loaded_counts_as_missing(monkeypatch):
    def broken(name):
        raise ImportError(f"DLL load failed while importing {name}")

    monkeypatch.setattr(deployment, "import_module", broken)
    assert "DLL load failed" in lacking()


def test_a_folder_that_cannot_be_written(files, teacher, test_set, tmp_path):
    file = tmp_path / "file"
    file.write_text("here stands a file")
    for path in (file / "net.onnx", Path("/proc/net.onnx")):
        if path.parent.exists():
            with pytest.raises(
                OSError, match="cannot be written .* folder of your own"
            ):
                to_int8(files["float32"], path, test_set["images"][:9])
    assert file.read_text() == "here stands a file"


def test_a_crash_while_writing_leaves_the_old_file(
    files, test_set, tmp_path, monkeypatch
):
    path = tmp_path / "net.onnx"
    path.write_text("old")

    def full(self, _):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        to_int8(files["float32"], path, test_set["images"][:9])
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


# --- the race ----------------------------------------------------------------------


class Clock:
    """A clock that only the runners of a test move on."""

    now = 0.0

    def __call__(self):
        return self.now


def runner(name, log, clock, seconds):
    def run(images):
        log.append(name)
        clock.now += seconds.pop(0) if isinstance(seconds, list) else seconds

    return run


def test_a_race_gives_turns_of_two_calls_and_the_second_counts(monkeypatch):
    clock, log = Clock(), []
    monkeypatch.setattr(deployment.time, "perf_counter", clock)
    warm = [9.0] * 4  # two rounds
    # the first call of a turn is slow; of the second ones quartiles are 2, 3 and 4
    slow = [s for counted in (1.0, 5.0, 2.0, 4.0, 3.0) for s in (7.0, counted)]
    models = {
        "a": runner("a", log, clock, warm + slow),
        "b": runner("b", log, clock, 0.5),
    }
    table = race(models, torch.rand(3, 1, 8, 8), rounds=5)
    assert "".join(log) == "aabb" * 7
    assert list(table.index) == ["a", "b"] and (table["batch"] == 3).all()
    assert (table["rounds"] == 5).all() and (table["threads"] == 1).all()
    assert table.loc["a", ["ms", "low", "high"]].tolist() == [3000, 2000, 4000]
    assert table.loc["b", ["ms", "low", "high"]].tolist() == [500, 500, 500]


def test_a_race_runs_modules_in_evaluation_mode_with_its_threads():
    seen = []

    class Spy(nn.Module):
        def forward(self, images):
            seen.append((self.training, torch.get_num_threads(), images.dtype))
            seen.append((torch.is_grad_enabled(),))
            return images

    spy, images = Spy().train(), torch.ones(2, 1, 8, 8, dtype=torch.uint8)
    threads = torch.get_num_threads()
    race({"spy": spy}, images, rounds=1, threads=2)
    assert set(seen) == {(False, 2, torch.float32), (False,)}
    assert spy.training and torch.get_num_threads() == threads


def test_a_race_needs_racers_and_equal_threads(files):
    images = torch.rand(1, 1, 28, 28)
    for models, rounds in (({}, 3), ({"net": nn.Flatten()}, 0)):
        with pytest.raises(ValueError, match="needs models and rounds"):
            race(models, images, rounds=rounds)
    with pytest.raises(ValueError, match="'int8' runs with threads=2.*threads=1"):
        race({"int8": engine(files["int8"], threads=2)}, images)
    table = race(
        {"int8": engine(files["int8"], threads=2)}, images, threads=2, rounds=3
    )
    assert (table["low"] <= table["ms"]).all() and (table["ms"] > 0).all()


# --- costs -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "cnn", "convnet", "resnet", "mixer"])
def test_multiply_adds_are_those_of_torchs_counter_and_of_layers_by_hand(name):
    model = build_model(name).eval()
    image = torch.rand(1, *PIXELS.get(name, (3, 32, 32)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    found = multiply_adds(model, image.repeat(3, 1, 1, 1))
    assert found == counter.get_total_flops() // 2
    counted = []

    def note(layer, given, answer):
        each = layer.weight[0].numel()  # products for one number of the answer
        counted.append(answer.numel() * each)

    hooks = [
        layer.register_forward_hook(note)
        for layer in model.modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    model(image)
    assert found == sum(counted) and len(hooks) == len(counted)


def test_bytes_of_a_model_are_those_of_its_file(teacher, tmp_path):
    path = tmp_path / "net.safetensors"
    save_model(path, teacher, "cnn", {})
    assert 0 <= file_bytes(path) - model_bytes(teacher) < 200  # the header's facts
    state = sum(value.nbytes for value in teacher.state_dict().values())
    assert state < model_bytes(teacher) < state + 2000
    zeros = copy.deepcopy(teacher)
    for value in zeros.parameters():
        value.data.zero_()
    assert model_bytes(zeros) == model_bytes(teacher)
    assert zipped_bytes(zeros) < 0.02 * zipped_bytes(teacher)
    assert zipped_bytes(path) < file_bytes(path)
    last = Residual(3, 8, 1).to(memory_format=torch.channels_last)
    assert model_bytes(last) == model_bytes(Residual(3, 8, 1))


def test_the_processor_is_read(monkeypatch):
    found = processor()
    assert set(found) == {"processor", "instructions", "engine"} and all(found.values())
    for able, named, fast in (
        ({"avx2": True, "avx512_vnni": False}, "AVX2", False),
        (
            {"avx2": True, "avx512_f": True, "avx512_vnni": True},
            "AVX2, AVX-512, VNNI",
            1,
        ),
        ({"avx2": True, "avx_vnni": True}, "AVX2, VNNI", True),
        ({"neon": True, "dot": True}, "NEON, dot product", True),
        ({}, "riscv", False),
    ):
        able = {"architecture": "riscv", "cpu_name": "", **able}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert processor()["instructions"] == named and has_vnni() == bool(fast)
        assert processor()["processor"].startswith("riscv, ")
