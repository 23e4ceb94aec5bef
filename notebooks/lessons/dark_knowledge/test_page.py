"""What the page says of its stored runs is what they hold."""

from kdlab.results import load_runs
from lessons.samples import prose

PAGE = prose("03_dark_knowledge")


def shares_of_the_gain():
    """{method: per cent of the gain of the teacher at T = 8}, twenty seeds."""
    runs = load_runs("gain").fillna({"temperature": 0})
    mean = runs.groupby(["method", "temperature"])["test_errors"].mean()
    labels, whole = mean["labels", 0], mean["teacher", 8]
    return {
        key: 100 * (labels - found) / (labels - whole) for key, found in mean.items()
    }


def test_the_shares_in_prose_are_those_of_the_stored_runs():
    share = {name: f"{found:.0f}" for (name, _), found in shares_of_the_gain().items()}
    smoothing = share["smoothing 0.1"], share["smoothing 0.3"]
    for said in (
        "brings {} or {} % of it".format(*smoothing),
        f"which classes are alike, no more: {share['class means']} %",
        f"they bring {share['wrong answers alone']} % of the gain",
        f"the sureness alone (evened) {share['wrong answers evened']} %",
        f"within the class, and {share['shuffled within class']} % is left",
        f"False names leave {share['wrong answers permuted']} %",
    ):
        assert said in PAGE, said
    found = shares_of_the_gain()
    assert found["teacher", 1] < 15 and abs(found["arg max", 0]) < 5
    assert found["shuffled", 8] < -1000  # nothing can be learnt


def test_his_result_in_prose_is_that_of_the_stored_runs():
    runs = load_runs("omitted").astype({"seen": str})
    hot = runs[(runs["method"] == "teacher") & (runs["temperature"] == 20)]
    without_3 = hot[(hot["seen"] == "12456789") & (hot["labels"] == 50_000)]
    sizes = dict(iter(without_3.groupby("student")))
    ten = hot[(hot["labels"] == 10_000) & (hot["seen"].str.len() > 2)]
    kinds = ["recall_0", "recall_held_out"]
    his = sizes["mlp-800-800"]
    ours, few = (
        [f"{100 * share:.0f}" for share in some[kinds].mean()]
        for some in (sizes["mlp-128"], ten)
    )
    recall, told = (f"{100 * share:.0f}" for share in his[kinds].mean())
    bias = his["bias_held_out"].mean()
    for said in (
        f"recognises {recall} % of the threes (his: 87 %), with one {told} % (his:",
        f"that bias is {bias:.1f} on average (his: 3.5)",
        "by 50,000 images it finds {} % without and {} % with one".format(*ours),
        "over all digits, {} and {} %".format(*few),
    ):
        assert said in PAGE, said
    assert f"{1 - 133 / 1010:.0%} | 109".replace("%", " %") in PAGE  # his numbers
    for some in (his, ten):  # chosen on held-out images it is worth as much
        gap = some["errors_held_out"].mean() - some["errors_test"].mean()
        assert 0 <= gap < 0.05 * some["errors_0"].mean()


def test_what_a_bias_spares_on_labels_depends_on_the_digit():
    runs = load_runs("omitted").query("method == 'labels'").astype({"seen": str})
    spared = runs["errors_0"] - runs["errors_held_out"]
    ten = runs[(runs["labels"] == 10_000) & (runs["seen"].str.len() > 2)]
    mean = spared[ten.index].groupby(ten["seen"]).mean()
    assert "On labels a bias spares none to about 400 errors" in PAGE
    assert -10 < mean.min() < 10 and 350 < mean.max() < 450
    his = (runs["seen"] == "12456789") & (runs["student"] == "mlp-800-800")
    assert abs(spared[his].mean()) < 10  # 'his size gains nothing by it'


def test_only_7_and_8_in_prose_are_the_stored_runs():
    runs = load_runs("omitted").astype({"seen": str}).query("seen == '78'")
    found = runs.groupby(["student", "method", "temperature"])["errors_held_out"].mean()
    assert found["mlp-800-800", "teacher", 20] < 2000
    assert found["mlp-800-800", "class means", 20] > 7000
    assert 4500 < found["mlp-128", "teacher", 20] < 5500
