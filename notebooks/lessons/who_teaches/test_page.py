"""What the page says of its stored runs is what they hold."""

import pandas as pd
import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs
from lessons.samples import prose, words

from . import errors, gain
from .crowds import CNN, MLP, new_net
from .experiments import EXITS, STRANGERS, TWINS

PAGE = prose("11_who_teaches")
FEW, MORE = {"labels": 300, "unlabelled": 9700}, {"unlabelled": 8000}
MEAN = {"method": "teacher", "rule": "probabilities"}


def knows(runs, teacher, teachers, **more):
    """Errors that the teachers themselves make together, of 10,000."""
    found = errors(
        runs,
        column="teacher_accuracy",
        **MEAN,
        teacher=teacher,
        teachers=teachers,
        **more,
    )
    return [10_000 * (1 - share) for share in found]


@pytest.fixture(scope="module")
def crowd():
    return load_runs("crowd")


@pytest.fixture(scope="module")
def few():
    return load_runs("crowd_few")


@pytest.fixture(scope="module")
def selves():
    return load_runs("selves")


@pytest.fixture(scope="module")
def chains():
    return load_runs("generations")


def taught(runs, teacher, teachers, **more):
    return errors(runs, **MEAN | {"teacher": teacher, "teachers": teachers} | more)


def less(values):
    """'17 ± 27' of errors fewer, however they are signed."""
    return words(values).removeprefix("-")


def test_numbers_of_crowds(crowd):
    alone, smooth = errors(crowd, "labels"), errors(crowd, "smoothing 0.1")
    one, eight = (taught(crowd, MLP, n) for n in (1, 8))
    cnn, four, cnns = (taught(crowd, CNN, n) for n in (1, 4, 8))
    said = f"than one by {words(gain(eight, one))}, eight CNNs by {words(gain(cnns, cnn))}."
    assert said in PAGE
    said = f"Eight leave {words(eight)} errors, {words(gain(eight, alone))} fewer than labels,"
    assert f"{said} {words(alone)}; smoothing leaves {words(smooth)}." in PAGE
    assert (
        f"themselves err on {words(knows(crowd, MLP, 8))}: of that the student" in PAGE
    )
    over = gain(cnns, smooth)
    said = f"as well as smoothing, {words(cnn)} errors; eight leave {words(cnns)},"
    smoother = gain(cnns, errors(crowd, "smoothing 0.3"))
    assert (
        f"{said} {words(over)} fewer than smoothing of 0.1, 4.5 spreads, and "
        f"{words(smoother)} fewer than smoothing of 0.3." in PAGE
    )
    assert round(mean_spread(over)[0] / mean_spread(over)[1], 1) == 4.5
    assert f"nearly enough, {words(four)}." in PAGE
    large = taught(crowd, "cnn-16-32-256", 1)
    said = f"as all eight leaves {words(large)}, {words(gain(cnns, large))} more."
    assert said in PAGE
    logits = taught(crowd, CNN, 8, rule="logits")
    assert f"with that of logits, {words(logits)}." in PAGE
    assert errors(crowd, "arg max", teacher=CNN) == alone
    assert errors(crowd, "arg max", teacher=MLP) == alone
    assert f"whose {words(one)} errors with 2,000 labels may" in PAGE


def test_sizes_of_nets():
    def weights(name):
        return sum(p.numel() for p in new_net(name, 0).parameters())

    assert 0.9 < weights("cnn-16-32-256") / (8 * weights(CNN)) < 1.1
    assert 0.45 < weights(CNN) / weights("mlp-128") < 0.55
    assert weights(MLP) > weights("mlp-128")


def test_numbers_of_the_idea_and_of_other_images(crowd):
    each, together = (mean_spread(knows(crowd, MLP, n))[0] for n in (1, 8))
    assert (
        f"on {each:.0f} of 10,000, eight of them together on {together:.0f} (" in PAGE
    )
    own, shared = taught(crowd, MLP, 8, own=True), taught(crowd, MLP, 8)
    said = f"They leave {words(own)} errors, {words(gain(own, shared))} fewer than"
    assert said in PAGE
    smooth = errors(crowd, "smoothing 0.1")
    assert f"fewer than smoothing, {words(gain(own, smooth))}." in PAGE
    cnn, cnns = (mean_spread(knows(crowd, CNN, n))[0] for n in (1, 8))
    labels = mean_spread(errors(crowd, "labels"))[0]
    said = (
        f"one CNN on {cnn:.0f} of 10,000, eight on {cnns:.0f}, their student alone on"
    )
    assert f"{said} {labels:.0f}." in PAGE


def test_numbers_of_the_liar(crowd):
    of = {
        rule: taught(crowd, CNN, 4, rule=rule, liars=1)
        for rule in ("logits", "probabilities", "surer", "by labels")
    }
    labels, one = (
        mean_spread(x)[0] for x in (errors(crowd, "labels"), taught(crowd, CNN, 1))
    )
    said = f"({words(of['logits'])} errors; labels alone leave {labels:.0f})"
    assert said in PAGE
    mild = words(of["probabilities"])
    assert f"of the say: {mild}, still worse than one honest CNN, {one:.0f}, or" in PAGE
    harm = less(gain(of["surer"], of["probabilities"]))
    assert f"does harm, {harm} errors more than equal weights" in PAGE
    honest = words(taught(crowd, CNN, 4))
    said = (
        f"nearly all, {words(of['by labels'])} errors against {honest} without a liar"
    )
    assert said in PAGE


def test_numbers_of_few_labels(crowd, few):
    alone = errors(few, "labels", labels=300)
    cnn, cnns = (taught(few, CNN, n, **FEW) for n in (1, 8))
    said = f"spares {words(gain(cnn, alone))} of {words(alone)} errors, eight spare"
    assert f"{said} {words(gain(cnns, alone))}, more than eight spreads" in PAGE
    mean, spread = mean_spread(gain(cnns, alone))
    assert 8 < mean / spread < 9
    assert f"and {words(gain(cnns, cnn))} more than one." in PAGE
    assert f"Alone it errs on {words(knows(few, CNN, 1, **FEW))}, and" in PAGE
    mlp, mlps = (words(gain(taught(few, MLP, n, **FEW), alone)) for n in (1, 8))
    assert f"MLP of the same 300 spares {mlp}, eight {mlps};" in PAGE
    soft, softer = (
        words(gain(errors(few, f"smoothing {x}", labels=300), alone))
        for x in (0.1, 0.3)
    )
    assert f"smoothing of 0.1 spares {soft}, of 0.3 spares {softer}." in PAGE
    vote = errors(few, "arg max", teacher=MLP, **FEW)
    over = gain(vote, errors(few, "smoothing 0.3", labels=300))
    said = f"of the eight spares {words(gain(vote, alone))}, which is {words(over)}"
    assert said in PAGE and min(over) > 0
    assert (
        mean_spread(over)[0] < 1.2 * mean_spread(over)[1]
    )  # hardly more than a spread
    more = {
        (kind, n): words(taught(crowd, kind, n, **MORE))
        for kind in (MLP, CNN)
        for n in (1, 8)
    }
    smooth = mean_spread(errors(crowd, "smoothing 0.1"))[0]
    said = f"eight MLPs leave {more[MLP, 8]} errors, smoothing {smooth:.0f}; one CNN leaves"
    assert f"{said} {more[CNN, 1]}, eight {more[CNN, 8]}." in PAGE
    vote = errors(few, "arg max", teacher=CNN, **FEW)
    assert f"of eight CNNs leaves {words(vote)} errors with 300" in PAGE
    behind = gain(
        taught(crowd, CNN, 8, **MORE), errors(crowd, "arg max", teacher=CNN, **MORE)
    )
    said = f"ahead there by {words(gain(vote, cnns))} and behind with 2,000 labels by"
    assert f"{said} {words(behind)};" in PAGE


def test_numbers_of_peers(selves):
    def of(method, column, **more):
        return errors(selves, method, column, student=TWINS, **more)

    def fewer(method, **more):
        return words(
            gain(of(method, "each_errors", **more), of("labels", "each_errors"))
        )

    said = f"MLPs has {fewer('one another')} errors fewer than alone; with 8,000 images more,"
    smooth = fewer("smoothing 0.1")
    assert f"{said} {fewer('one another', **MORE)}; with smoothing {smooth}." in PAGE
    methods = "one another", "labels"
    agree = (100 * mean_spread(of(m, "peer_agreement"))[0] for m in methods)
    assert "on {:.1f} % of new images instead of {:.1f} %".format(*agree) in PAGE
    pair = [words(of(m, "test_errors")) for m in methods]
    said = "their common answer, {} errors, is that of two MLPs that never met, {}."
    assert said.format(*pair) in PAGE


def test_numbers_of_strangers(crowd, selves):
    def of(method, column, **more):
        return errors(selves, method, column, student=STRANGERS, **more)

    def fewer(column, method="one another", beside="labels", **more):
        return words(gain(of(method, column, **more), of(beside, column)))

    mlp, cnn = "errors_0", "errors_1"
    said = f"the MLP has {fewer(mlp, **MORE)} errors fewer than on labels,"
    assert (
        f"{said} {fewer(mlp, beside='smoothing 0.1', **MORE)} fewer than on smoo"
        in PAGE
    )
    assert f"The CNN pays: {fewer(cnn, **MORE).removeprefix('-')} more." in PAGE
    assert f"neither gains: {fewer(mlp)} and {fewer(cnn)}." in PAGE
    smooth = [fewer(column, "smoothing 0.1") for column in (mlp, cnn)]
    assert "spared both, {} and {}.".format(*smooth) in PAGE
    taught_by, peer = taught(crowd, CNN, 1, **MORE), of("one another", mlp, **MORE)
    assert f"leaves it {words(taught_by)} errors, as a peer {words(peer)}, and" in PAGE


def test_numbers_of_generations(crowd, few, chains):
    def line(method, number, column="test_errors", **more):
        wanted = {"student": "mlp-128", "generation": number} | more
        return errors(chains, method, column, **wanted)

    last, first = line("teacher", 3), line("teacher", 0)
    smooth = words(gain(errors(crowd, "smoothing 0.1"), errors(crowd, "labels")))
    said = f"generation 3 has {words(gain(first, last))} errors more than labels alone, and"
    assert f"{said} smoothing spares {smooth} at once." in PAGE
    together = words(line("teacher", 3, "together_errors"))
    met, soft = (
        words(line(m, 3, "together_errors", epochs=15))
        for m in ("labels", "smoothing 0.1")
    )
    said = f"leave {together} errors; four nets that never met, {met}; four on"
    assert f"{said} smoothed labels, {soft}." in PAGE
    assert f"four times as long, {words(line('labels', 0, epochs=60))}." in PAGE
    scarce = [line("teacher", n, **FEW) for n in range(4)]
    gains = [gain(one, scarce[0]) for one in scarce]
    assert f"without, {words(gains[1])} fewer in generation 1, 6 spreads, " in PAGE
    assert 6 < mean_spread(gains[1])[0] / mean_spread(gains[1])[1] < 7
    assert f"{words(gains[3])} in generation 3." in PAGE
    strong = words(errors(few, "smoothing 0.3", labels=300))
    said = (
        f"That leaves {words(scarce[3])}; label smoothing of 0.3, without these images,"
    )
    assert f"{said} {strong}." in PAGE


def test_numbers_of_exits(selves):
    def over(method, column, beside="labels", **more):
        arm = errors(selves, method, column, student=EXITS, **more)
        return words(gain(arm, errors(selves, beside, column, student=EXITS)))

    early, final = "errors_0", "errors_1"
    paid = over("one another", final).removeprefix("-")
    said = (
        f"the early exit has {over('one another', early)} errors fewer, and the final "
        f"one pays for it, {paid} more. With smoothing, which needs no teacher, the early "
        f"exit has {over('smoothing 0.1', early)} fewer and the final one "
        f"{over('smoothing 0.1', final)}."
    )
    assert said in PAGE
    more = over("one another", early, **MORE)
    smooth = over("one another", early, "smoothing 0.1", **MORE)
    paid = over("one another", final, "smoothing 0.1", **MORE).removeprefix("-")
    said = f"has {more} fewer, {smooth} fewer than with smoothing; the final one {paid}"
    assert f"{said} more than with smoothing." in PAGE
    pairs = gain(
        errors(selves, "one another", final, student=EXITS),
        errors(selves, "labels", final, student=EXITS),
    )
    assert abs(mean_spread(pairs)[0]) < 2 * mean_spread(pairs)[1]


def test_edges_are_said(crowd, few, selves, chains):
    taught_of = {
        (runs, kind, n, more): (
            found["temperature"].iloc[0],
            found["learning_rate"].iloc[0],
        )
        for runs, table in (("crowd", crowd), ("few", few))
        for (kind, n, more), found in table.query(
            "method == 'teacher' and rule == 'probabilities' and liars == 0"
        ).groupby(["teacher", "teachers", "unlabelled"])
    }
    assert {cell for cell, (_, peak) in taught_of.items() if peak == 0.04} == {
        ("crowd", MLP, n, 0) for n in (2, 4, 8)
    }
    assert {*(peak for _, peak in taught_of.values())} == {0.02, 0.04}
    cold = {cell for cell, (heat, _) in taught_of.items() if heat == 2}
    singles = {cell for cell in taught_of if cell[1].startswith("mlp") and cell[2] == 1}
    others = {("crowd", MLP, 8, 8000), ("few", MLP, 8, 9700), ("few", CNN, 8, 9700)}
    assert cold == singles | others
    hot = {cell for cell, (heat, _) in taught_of.items() if heat == 32}
    assert hot == {("crowd", CNN, 8, 8000)}
    smooth = pd.concat([crowd, few, selves, chains]).query("method == 'smoothing 0.1'")
    assert {*smooth["learning_rate"]} == {0.01}
    twins = selves.query(f"student == '{TWINS}' and unlabelled == 8000")
    assert {*twins["soft_weight"]} == {3}
    told = selves.query(f"student == '{STRANGERS}'")
    assert {*told["learning_rate"]} == {0.01}
    born = chains.query("method == 'teacher' and student == 'mlp-128'")
    assert {*born["temperature"]} == {1}
    exits = selves.query(f"student == '{EXITS}' and method == 'labels'")
    assert {*exits["learning_rate"]} == {0.02}


def test_five_seeds_for_all(crowd, few, selves, chains):
    kinds = ["method", "labels", "unlabelled", "student", "epochs"]
    of_crowd = [*kinds, "teacher", "teachers", "rule", "own", "liars"]
    for runs, keys in (
        (crowd, of_crowd),
        (few, of_crowd),
        (selves, kinds),
        (chains, [*kinds, "generation"]),
    ):
        assert (runs.groupby(keys, dropna=False)["seed"].nunique() == 5).all()
