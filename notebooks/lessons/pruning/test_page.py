"""What the page says of its stored runs is what they hold."""

from pathlib import Path

import pytest

from kdlab.exercises import load_words
from kdlab.experiments import colour_file
from kdlab.figures import mean_spread
from kdlab.results import load_runs
from kdlab.weights import load_model
from lessons.samples import prose, words

from . import errors_of
from .live import ARMS

PAGE = prose("07_pruning")


@pytest.fixture(scope="module")
def runs():
    return load_runs("pruning")


def more(one, other):
    """Errors that the first has more than the second, pair by pair."""
    return [a - b for a, b in zip(one, other, strict=True)]


def test_numbers_on_channels_trained_again(runs):
    def errors(share, method, how="channels"):
        return errors_of(runs, how, share, method)

    labels, taught = errors(0.75, "labels"), errors(0.75, "teacher")
    assert f"{words(labels)} errors on labels are {words(taught)} on what" in PAGE
    half = words(errors(0.5, "teacher"))
    whole = words(errors(0.0, "none"))
    assert f"with half of the channels {half}, near the whole net's {whole}" in PAGE
    new = [errors(0.75, method, "from scratch") for method in ("labels", "teacher")]
    assert f"from scratch makes {words(new[0])}, and taught {words(new[1])}, as" in PAGE
    assert abs(mean_spread(more(new[1], labels))[0]) < mean_spread(new[1])[1]
    still, again = errors(0.25, "none"), errors(0.25, "labels")
    assert f"makes {words(still)} errors as it is, and {words(again)} after" in PAGE
    tuned = words(errors(0.0, "labels"))
    assert f"the whole net goes from {whole} to {tuned}." in PAGE
    assert f"pulls less, {words(errors(0.25, 'teacher'))}, and it" in PAGE


def test_numbers_on_ways(runs):
    def errors(how, share, method="teacher"):
        return errors_of(runs, how, share, method)

    stages, once = errors("gradual weights", 0.98), errors("weights", 0.98)
    assert f"three stages leave {words(stages)} errors, at once {words(once)}." in PAGE
    stages, once = errors("gradual channels", 0.75), errors("channels", 0.75)
    assert f"the stages cost, {words(stages)} against {words(once)}," in PAGE
    assert min(more(stages, once)) > 0
    lots = errors("random channels", 0.75)
    assert f"in all five pairs, {words(lots)} against {words(once)}." in PAGE
    assert min(more(lots, once)) > 0
    lots, once = (errors(how, 0.75, "none") for how in ("random channels", "channels"))
    assert (
        f"{words(lots)} errors against {words(once)}." in PAGE and max(lots) < once[0]
    )
    lots, once = errors("random weights", 0.95), errors("weights", 0.95)
    assert (
        f"{words(lots)} errors even after training, the smallest {words(once)}.)"
        in PAGE
    )


def test_numbers_on_all_labels_and_on_rank(runs):
    new, old = (
        errors_of(runs, how, 0.75, "labels", 60_000)
        for how in ("from scratch", "channels")
    )
    mean, spread = mean_spread(more(new, old))
    told = load_words(Path(__file__).with_name("words.toml"))["predict"]["scratch"][
        "explanation"
    ]
    told = " ".join(told.split())
    assert "what is left cannot be told from luck" in told and 0 < mean < spread
    few = [
        mean_spread(errors_of(runs, how, 0.75, "labels"))[0]
        for how in ("from scratch", "channels")
    ]
    assert f"far ahead, {few[1]:.0f} errors against {few[0]:.0f}, for" in told
    still, taught = (errors_of(runs, "rank", 0.875, m) for m in ("none", "teacher"))
    assert f"{words(still)} errors without any training, {words(taught)} after" in PAGE
    still, taught = (errors_of(runs, "rank", 0.9375, m) for m in ("none", "teacher"))
    assert f"{words(still)} errors become {words(taught)}." in PAGE


def test_numbers_on_batch_norm():
    norms = load_runs("pruning_norms")

    def errors(share, method):
        return errors_of(norms, "channels", share, method)

    before, after = (words(errors(0.25, m)) for m in ("none", "recalibrated"))
    assert f"gone is {before} errors, and with new statistics {after};" in PAGE
    before, after = (words(errors(0.5, m)) for m in ("none", "recalibrated"))
    assert f"they help little, {before} and {after} errors" in PAGE
    labels, taught = (words(errors(0.5, m)) for m in ("labels", "teacher"))
    whole = load_model(colour_file("colour_digits", "course"))[1]["test_errors"]
    assert f"it makes {labels} errors, and the whole net {whole}." in PAGE
    assert f"worth less: {taught} errors against {labels} with half" in PAGE
    last = errors(0.75, "labels") + errors(0.75, "teacher")
    assert min(last) > 10 * whole, "not enough on either"


def test_equal_steps_for_all(runs):
    trained = runs[runs["epochs"] > 0]
    steps = trained["epochs"] * -(-trained["labels"] // trained["batch_size"])
    assert steps[trained["labels"] == 2000].unique().tolist() == [480]
    assert steps[trained["labels"] == 60_000].nunique() == 1
    seeds = trained.groupby(["how", "share", "method", "labels"])["seed"].nunique()
    assert (seeds == 5).all()


def test_live_nets_learn_at_the_rates_of_the_stored_search(runs):
    for way, method, rate in ARMS.values():
        some = runs[(runs["how"] == (way or "channels")) & (runs["method"] == method)]
        assert set(some[some["labels"] == 2000]["learning_rate"]) == {rate}
