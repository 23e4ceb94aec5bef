"""What this lesson shows is what becomes of a net, and the net itself stays."""

import copy

import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from kdlab.compression import kept_widths, layers_of, magnitude_masks, masked
from kdlab.models import build_model
from kdlab.results import load_runs
from kdlab.training import last_of, predict
from kdlab.weights import load_teacher
from lessons.samples import pictures, result, sentence

from . import (
    break_even,
    break_even_picture,
    errors_of,
    sensitivity_picture,
    smaller_explorer,
    sparse_times,
    train_again_explorer,
    training_explorer,
    ways_explorer,
)
from .explorers import SPARSE, WHAT, filters
from .pruned import pruning_steps, shares_of, smaller, weights_left, widths_of


def net(columns=None):
    """The net of all lessons, as it learnt the digits; for other classes a new one."""
    classes = 10 if columns is None else columns["teacher_logits"].shape[1]
    if classes != 10:
        return build_model("cnn", classes=classes).eval()
    return load_teacher("digits")[0]


def still(*nets_and_images):
    """Times that do not vary, so that a view gives the same picture again."""
    return {"ms, 1 image": 0.9, "ms, 128 images": 0.8}


def explorers(columns, student_logits):
    """{name: function that makes the explorer}; the last two of stored runs."""
    runs, norms = load_runs("pruning"), load_runs("pruning_norms")

    def made(what):
        return lambda: smaller_explorer(net(columns), columns, what, still)

    return {
        **{f"smaller, {what}": made(what) for what in WHAT},
        "training": lambda: training_explorer(runs, norms),
        "ways": lambda: ways_explorer(runs),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""

    def made():
        return train_again_explorer(net(train_set), train_set, test_set, seeds=2)

    return {"train_again": made}


def bars(row):
    """{what: share of the whole net's} of a picture."""
    trace = row.figure.data[0]
    return dict(zip(trace.y, trace.customdata, strict=True))


# --- explorers ---------------------------------------------------------------------


@pytest.mark.parametrize("what", WHAT)
def test_a_slider_tells_what_moves_and_leaves_the_net_alone(digits, what):
    model = net()
    before = copy.deepcopy(model.state_dict())
    rows = pictures(smaller_explorer(model, digits[1], what))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    first, last = bars(rows[0]), bars(rows[-1])
    sizes = ["numbers not 0", "bytes", "zipped bytes", "multiply-adds"]
    assert [first[name] for name in sizes] == pytest.approx([1] * 4, abs=0.01)
    assert last["numbers not 0"] < 0.1 and last["zipped bytes"] < 0.1
    assert (last["bytes"] < 0.1) == (last["multiply-adds"] < 1) == (what != "weights")
    assert last["accuracy"] <= first["accuracy"]


def test_what_is_gone_is_pink_in_the_picture_of_the_filters():
    model = net()
    first = next(iter(layers_of(model).values())).weight
    pink = torch.tensor([231, 41, 138]).view(3, 1, 1)
    masks = magnitude_masks(model, 0.5)
    for made, gone in [
        (model, 0),
        (masked(model, masks), int((~masks["1"]).sum())),
        (smaller("channels", model, 0.5), 8 * first[0].numel()),
    ]:
        picture = filters(model, made)
        assert picture.dtype == torch.uint8 and picture.shape[0] == 3
        assert (picture == pink).all(0).sum() == gone * 16**2


def test_stored_rows_are_found_by_what_was_done():
    runs = pd.DataFrame(
        [
            ("channels", 0.5, "labels", 2000, 1, 30),
            ("channels", 0.5, "labels", 2000, 0, 20),
            ("channels", 0.5, "labels", 60_000, 0, 10),
            ("channels", 0.75, "labels", 2000, 0, 40),
            ("rank", 0.5, "labels", 2000, 0, 50),
            ("channels", 0.5, "teacher", 2000, 0, 60),
        ],
        columns=["how", "share", "method", "labels", "seed", "test_errors"],
    )
    assert errors_of(runs, "channels", 0.5, "labels") == [20, 30]
    assert errors_of(runs, "channels", 0.5, "labels", 60_000) == [10]


# --- pictures ----------------------------------------------------------------------


def test_even_is_where_all_that_has_more_zeros_is_quicker():
    def at(*ratios):
        return break_even({s: [0, r, 9] for s, r in zip(SPARSE, ratios, strict=True)})

    assert at(9, 8, 7, 2, 0.9, 0.5, 0.2) == 0.95
    assert at(9, 0.9, 7, 2, 1.1, 0.5, 0.2) == 0.98  # by chance at 70 %
    assert at(0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3) == 0.5
    assert at(9, 8, 7, 6, 5, 4, 3) == 1.0


def test_sparse_products_are_raced_and_shown():
    found = sparse_times(net())
    assert list(found) == [1, 128] and list(found[1]) == SPARSE
    assert found[1][0.5][1] > found[1][0.99][1] > 0
    figure, said = break_even_picture(found)
    assert f"{found[128][0.5][1]:.1f} times for 128" in said
    assert len(figure["data"]) == 3


def test_the_picture_of_sensitivity_names_the_layer_that_suffers_most():
    table = pd.DataFrame({"1": [1.0, 0.9], "8": [1.0, 0.3]}, index=[0.0, 0.9])
    figure, said = sensitivity_picture(table)
    assert (
        figure["layout"]["title"]["text"]
        == "90 % of one layer gone: layer 8 suffers most"
    )
    assert "layer 8 30.0 % right" in said


# --- smaller nets, trained again ----------------------------------------------------


@pytest.mark.parametrize("how", ["channels", "gradual channels", "gradual weights"])
def test_all_ways_end_at_the_same_size_after_as_many_steps(digits, how):
    train_set, _ = digits
    model = net()
    before = copy.deepcopy(model.state_dict())
    steps = pruning_steps(
        model, train_set, how=how, share=0.75, learning_rate=1e-3, epochs=6
    )
    seen = []
    made = last_of(steps, seen.append)
    assert len(seen) == 6 * 5
    once = smaller(how.removeprefix("gradual "), model, 0.75)
    assert widths_of(made) == widths_of(once)
    assert weights_left(made) == weights_left(once)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_stages_leave_the_same_part_each():
    assert shares_of("channels", 0.75) == [0.75]
    assert shares_of("gradual weights", 0.875) == pytest.approx([0.5, 0.75, 0.875])


def test_from_scratch_is_the_same_shape_and_nothing_else():
    model = net()
    cut, new = (
        smaller(how, model, 0.5, seed=3) for how in ("channels", "from scratch")
    )
    assert widths_of(new) == widths_of(cut) == [8, 16, 64, 10]
    assert list(kept_widths(model, 0.5).values()) == widths_of(new)[:-1]
    assert_close(new[0].mean, model[0].mean)
    assert not torch.equal(new[1].weight, cut[1].weight)
    with pytest.raises(ValueError, match="no way 'teeth'"):
        smaller("teeth", model, 0.5)


def test_four_arms_are_trained_live_and_the_net_is_not(digits):
    model = net()
    answers = predict(model, digits[1]["images"][:50])
    panel = train_again_explorer(model, *digits, seeds=1)
    errors = result(panel)
    assert list(errors) == [
        "on labels",
        "on what it said itself",
        "from scratch, on labels",
        "from scratch, taught",
    ]
    assert all(len(found) == 1 for found in errors.values())
    assert max(errors["on labels"]) < min(errors["from scratch, on labels"])
    assert "1 seeds are done" in sentence(panel)
    assert_close(predict(model, digits[1]["images"][:50]), answers)
