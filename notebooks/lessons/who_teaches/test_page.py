"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs
from lessons.samples import prose

from . import errors, gain
from .crowds import CNN, MLP
from .experiments import EXITS, STRANGERS, TWINS

PAGE = prose("11_who_teaches")
FEW, MORE = {"labels": 300, "unlabelled": 9700}, {"unlabelled": 8000}
MEAN = {"method": "teacher", "rule": "probabilities"}


def words(values):
    """'126 ± 37', as the page says it."""
    mean, spread = mean_spread(values)
    return f"{mean:,.0f} ± {spread:.0f}"


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


def test_numbers_of_crowds(crowd):
    alone, smooth = errors(crowd, "labels"), errors(crowd, "smoothing 0.1")
    one, eight = (taught(crowd, MLP, n) for n in (1, 8))
    cnn, four, cnns = (taught(crowd, CNN, n) for n in (1, 4, 8))
    said = f"than one by {words(gain(eight, one))}, eight CNNs by {words(gain(cnns, cnn))}."
    assert said in PAGE
    assert f"teacher leaves {words(one)} errors, eight leave {words(eight)}; " in PAGE
    assert f"labels alone leave {words(alone)}, and smoothing {words(smooth)}." in PAGE
    assert f"together err on {words(knows(crowd, MLP, 8))}, and hardly" in PAGE
    assert (
        f"as much as smoothing, {words(cnn)} errors; eight leave {words(cnns)}," in PAGE
    )
    over = gain(cnns, smooth)
    assert f"beside smoothing {words(over)} fewer, 4.5 spreads" in PAGE
    assert round(mean_spread(over)[0] / mean_spread(over)[1], 1) == 4.5
    assert f"nearly enough, {words(four)}." in PAGE
    large = taught(crowd, "cnn-16-32-256", 1)
    assert f"twice the channels leaves {words(large)}." in PAGE
    logits = taught(crowd, CNN, 8, rule="logits")
    assert f"hardly matters**: of logits, {words(logits)}." in PAGE
    assert errors(crowd, "arg max", teacher=CNN) == alone
    assert errors(crowd, "arg max", teacher=MLP) == alone


def test_numbers_of_the_idea_and_of_other_images(crowd):
    each, together = (mean_spread(knows(crowd, MLP, n))[0] for n in (1, 8))
    assert (
        f"on {each:.0f} of 10,000, eight of them together on {together:.0f} (" in PAGE
    )
    own, shared = taught(crowd, MLP, 8, own=True), taught(crowd, MLP, 8)
    said = f"They leave {words(own)} errors, {words(gain(own, shared))} fewer than"
    assert said in PAGE


def test_numbers_of_the_liar(crowd):
    loud, mild, sure, told = (
        words(taught(crowd, CNN, 4, rule=rule, liars=1))
        for rule in ("logits", "probabilities", "surer", "by labels")
    )
    labels = mean_spread(errors(crowd, "labels"))[0]
    assert f"({loud} errors, more than labels alone, {labels:.0f})" in PAGE
    assert f"a quarter of the say: {mild}." in PAGE
    assert f"do not help, {sure}: a liar" in PAGE
    honest = words(taught(crowd, CNN, 4))
    assert f"nearly all, {told} errors against {honest} without a liar" in PAGE


def test_numbers_of_few_labels(crowd, few):
    alone = errors(few, "labels", labels=300)
    cnn, cnns = (taught(few, CNN, n, **FEW) for n in (1, 8))
    said = f"spares {words(gain(cnn, alone))} of {words(alone)} errors, eight spare"
    assert f"{said} {words(gain(cnns, alone))}, more than eight spreads" in PAGE
    mean, spread = mean_spread(gain(cnns, alone))
    assert 8 < mean / spread < 9
    assert f"and {words(gain(cnns, cnn))} more than one." in PAGE
    assert f"alone one errs on {words(knows(few, CNN, 1, **FEW))}, and" in PAGE
    mlp, mlps = (words(gain(taught(few, MLP, n, **FEW), alone)) for n in (1, 8))
    assert f"MLP of the same 300 spares {mlp}, eight {mlps}." in PAGE
    smooth = words(errors(few, "smoothing 0.1", labels=300))
    assert f"no help here, {smooth}." in PAGE
    votes = {kind: errors(few, "arg max", teacher=kind, **FEW) for kind in (CNN, MLP)}
    over = {
        kind: words(gain(v, taught(few, kind, 8, **FEW))) for kind, v in votes.items()
    }
    said = f"CNNs leaves {words(votes[CNN])} errors, {over[CNN]} fewer than their soft"
    assert said in PAGE and f"of MLPs {over[MLP]} fewer than theirs." in PAGE
    one, eight = (taught(crowd, CNN, n, **MORE) for n in (1, 8))
    vote = errors(crowd, "arg max", teacher=CNN, **MORE)
    said = f"one CNN leaves {words(one)} errors, eight {words(eight)}, and soft answers"
    assert f"{said} are ahead of the vote by {words(gain(eight, vote))}." in PAGE


def test_numbers_of_peers(selves):
    def of(student, method, column, **more):
        return errors(selves, method, column, student=student, **more)

    each = {
        name: of(TWINS, method, "each_errors", **more)
        for name, method, more in (
            ("labels", "labels", {}),
            ("smooth", "smoothing 0.1", {}),
            ("peer", "one another", {}),
            ("more", "one another", MORE),
        )
    }
    peer, more, smooth = (
        words(gain(each[k], each["labels"])) for k in ("peer", "more", "smooth")
    )
    assert f"MLPs has {peer} errors fewer than alone, with the best" in PAGE
    assert f"8,000 images more, {more}; smoothing spares {smooth}." in PAGE
    agree = [
        mean_spread(of(TWINS, method, "peer_agreement"))[0]
        for method in ("one another", "labels")
    ]
    assert "on {:.1%} of new images instead of {:.1%}".format(*agree) in PAGE.replace(
        " %", "%"
    )
    pair = [words(of(TWINS, m, "test_errors")) for m in ("one another", "labels")]
    said = "their common answer, {} errors, is that of two strangers, {}."
    assert said.format(*pair) in PAGE


def test_numbers_of_strangers(selves):
    def of(method, column, **more):
        return errors(selves, method, column, student=STRANGERS, **more)

    mlp, cnn = (
        gain(of("one another", column, **MORE), of("labels", column))
        for column in ("errors_0", "errors_1")
    )
    smooth = words(
        gain(of("one another", "errors_0", **MORE), of("smoothing 0.1", "errors_0"))
    )
    assert f"the MLP gains {words(mlp)} errors, more than smoothing spares" in PAGE
    assert f"it, by {smooth}." in PAGE
    assert f"The CNN pays: {words([-x for x in cnn])} more." in PAGE
    without = [
        words(gain(of("one another", c), of("labels", c)))
        for c in ("errors_0", "errors_1")
    ]
    assert "neither gains: {} and {}.".format(*without) in PAGE
    pair = (
        words(of("one another", "test_errors", **MORE)),
        words(of("labels", "test_errors")),
    )
    assert "together {} errors, two on labels {}.".format(*pair) in PAGE


def test_numbers_of_generations(crowd, few, chains):
    def line(method, number, column="test_errors", **more):
        wanted = {"student": "mlp-128", "generation": number} | more
        return errors(chains, method, column, **wanted)

    last, first = line("teacher", 3), line("teacher", 0)
    smooth = words(gain(errors(crowd, "smoothing 0.1"), errors(crowd, "labels")))
    said = f"nothing**: {words(gain(last, first))} fewer after three generations, and"
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
    assert (
        f"without, {words(gains[1])} fewer in the first generation, 6 spreads, " in PAGE
    )
    assert 6 < mean_spread(gains[1])[0] / mean_spread(gains[1])[1] < 7
    assert f"{words(gains[3])} in the third." in PAGE
    strong = words(errors(few, "smoothing 0.3", labels=300))
    said = f"makes {strong} of it, the third generation {words(scarce[3])}."
    assert said in PAGE and f"on 2,000 labels, {strong} on 300." in PAGE
    strong = words(errors(crowd, "smoothing 0.3"))
    assert f"0.3 leaves {strong} errors on 2,000" in PAGE
    small = [line("teacher", n, student="cnn-4-8-32", **FEW) for n in range(4)]
    gains = [words(gain(one, small[0])) for one in small[1:]]
    assert "small CNNs, {}, {} and {}, it cannot".format(*gains) in PAGE


def test_numbers_of_exits(selves):
    def over(method, column, **more):
        arm = errors(selves, method, column, student=EXITS, **more)
        return words(gain(arm, errors(selves, "labels", column, student=EXITS)))

    early, final = "errors_0", "errors_1"
    said = f"early exit gains {over('one another', early)} errors, smoothing"
    assert f"{said} {over('smoothing 0.1', early)}; " in PAGE
    loses = over("one another", final).removeprefix("-")
    said = f"the final exit loses {loses} where smoothing gains"
    assert f"{said} {over('smoothing 0.1', final)}." in PAGE
    said = (
        f"early exit gains {over('one another', early, **MORE)}, 3.3 spreads, the final"
    )
    assert f"{said} one nothing, {over('one another', final, **MORE)}." in PAGE


def test_edges_are_said(crowd, few, selves):
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
    assert ("few", CNN, 1, 9700) not in cold
    assert {cell for cell in taught_of if cell[0] == "few"} - cold == {
        ("few", CNN, 1, 9700)
    }
    hot = {cell for cell, (heat, _) in taught_of.items() if heat == 32}
    assert hot == {("crowd", CNN, 8, 8000)}
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
