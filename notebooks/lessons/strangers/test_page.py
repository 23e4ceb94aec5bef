"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs
from lessons.samples import prose, words

from .experiments_clients import ANSWERS, PUBLIC, RATES
from .stored import gain, rows_of

PAGE = prose("13_strangers")
CNN, MLP = "cnn-8-16-64", "mlp-800"


def told(*texts):
    for text in texts:
        assert text in PAGE, text


@pytest.fixture(scope="module")
def shifts():
    return load_runs("shifts")


@pytest.fixture(scope="module")
def senses():
    return load_runs("senses")


@pytest.fixture(scope="module")
def clients():
    return load_runs("clients")


def test_numbers_of_another_net(shifts):
    def of(teacher="", method="teacher", jitter=0):
        return rows_of(shifts, teacher=teacher, method=method, jitter=jitter)

    mlp, cnn, moved, moved_cnn = (
        of(name) for name in (MLP, CNN, f"{MLP}, moved", f"{CNN}, moved")
    )
    itself, smooth = of(method="labels", jitter=2), of(method="smoothing 0.1")
    labels, two = of(method="labels"), "errors_2"
    told(
        f"its student makes {words(gain(cnn, mlp, two))} fewer errors than that of the",
        f"moved MLP makes {words(gain(moved, mlp, two))} fewer, six times as many",
        f"labels, {words(smooth[two])} errors, tie at 2 px with the unmoved MLP",
        f"CNN brings {words(gain(cnn, smooth, two))} fewer errors: this",
        f"more, too: {words(gain(cnn, labels, two))} errors fewer",
        f"hand on, brings {words(gain(smooth, labels, two))} of these",
        f"student makes {words(gain(moved, moved_cnn, two))} fewer errors than the moved "
        "CNN's",
        f"leave {words(itself[two])} errors at 2 px, {words(gain(itself, moved, two))} fewer",
    )
    assert min(gain(cnn, mlp, two)) > 0  # in each of the five pairs some
    mean, spread = mean_spread(gain(moved, mlp, two))
    assert mean > 10 * spread
    mean, spread = mean_spread(gain(cnn, mlp, two))
    assert 1.4 < mean / spread < 1.6  # a spread and a half
    mean, spread = mean_spread(gain(smooth, mlp, two))
    assert abs(mean) < spread
    own = shifts[shifts["student"] == shifts["teacher"]].groupby("student")[two]
    errors = {name: words(rows) for name, rows in own}
    told(f"{errors[f'{CNN}, moved']} times against {errors[f'{MLP}, moved']}. Does an")
    apart = own.get_group(MLP).mean() - own.get_group(CNN).mean()
    told(f"CNN itself makes {apart:,.0f} errors fewer than the unmoved MLP")
    for pixels in ("errors_0", "errors_1"):
        assert moved[pixels].mean() < itself[pixels].mean()


def test_at_rest_the_four_teachers_students_are_alike(shifts):
    means = [
        rows_of(shifts, teacher=f"{kind}{how}", method="teacher")["errors_0"].mean()
        for kind in (MLP, CNN)
        for how in ("", ", moved")
    ]
    labels = rows_of(shifts, method="labels", jitter=0)["errors_0"].mean()
    assert max(means) - min(means) < 0.3 * (labels - max(means))


def test_numbers_of_the_mixer():
    runs = load_runs("mixers")
    labels, smooth = (rows_of(runs, method=m) for m in ("labels", "smoothing 0.1"))
    labels = labels[labels["student"] != "mixer"]
    by_mixer, by_cnn = (
        rows_of(runs, teacher=t, method="teacher") for t in ("mixer", CNN)
    )
    own = runs[runs["student"] == "mixer"]["test_errors"]
    told(
        f"It brings {words(gain(by_mixer, labels))} fewer of "
        f"{labels['test_errors'].mean():.0f} errors, a CNN "
        f"{words(gain(by_cnn, labels))}, smoothing {words(gain(smooth, labels))}.",
        f"ours makes {words(own)} errors itself",
    )


def test_numbers_of_the_left_half(senses):
    left = rows_of(senses, sense="left half")
    labels = rows_of(left, method="labels")
    by = {
        t: rows_of(left, teacher=t, method="teacher") for t in left["teacher"].dropna()
    }
    smooth = rows_of(left, method="smoothing 0.1")
    names = "half 1.0", "half 0.0", "half 0.5", CNN, MLP
    same, other, middle, whole, mlp = (words(gain(by[t], labels)) for t in names)
    assert other[0] == "-"
    finer = {
        name: words(gain(by[name], rows_of(left, teacher=name, method="arg max")))
        for name in by
    }
    told(
        f"same half makes {same} errors fewer than on labels, and "
        f"{words(gain(by['half 1.0'], smooth))} fewer than on smoothed ones",
        f"it is {whole} (beside smoothing {words(gain(by[CNN], smooth))}), "
        f"with the middle half {middle}, and the other half costs "
        f"{other[1:]}.",
        f"whole it is {mlp}: the same half still leads by "
        f"{words(gain(by['half 1.0'], by[MLP]))}.",
        f"first answer by {finer['half 1.0']} errors, of the whole by {finer[CNN]}, of "
        f"the middle half by {finer['half 0.5']}, of the other half by "
        f"{finer['half 0.0']}.",
    )
    mean, spread = mean_spread(gain(by["half 1.0"], labels))
    assert mean > 9 * spread


def test_numbers_of_shadows(senses):
    runs = rows_of(senses, sense="shadows")

    def of(pairs, method, broken=0.0):
        return rows_of(runs, labels=pairs, method=method, broken=broken)

    soft, first, mates = (
        {n: of(n, method) for n in (100, 300, 1000, 10_000)}
        for method in ("teacher", "arg max", "shuffled within class")
    )
    over = {n: words(gain(soft[n], first[n])) for n in soft}
    broken, broken_first = of(10_000, "teacher", 0.2), of(10_000, "arg max", 0.2)
    told(
        f"answer by {over[100]} errors, with 300 by {over[300]}, with 1,000 by "
        f"{over[1000]}, with 10,000 by {over[10_000]}.",
        f"{words(mates[300]['test_errors'])} errors against "
        f"{words(first[300]['test_errors'])} with 300 pairs",
        f"costs {words(gain(soft[10_000], broken))} errors, and "
        f"{words(gain(first[10_000], broken_first))} where first answers",
    )


def test_numbers_of_clouds():
    runs = load_runs("clouds")

    def over(images, points, of, beside):
        here = rows_of(runs, labels=images, points=points, draws=1)
        one, other = (rows_of(here, **way) for way in (of, beside))
        return words(gain(one, other))

    dense, labels, smooth = (
        {"told": 128},
        {"method": "labels"},
        {"method": "smoothing 0.1"},
    )
    again = rows_of(runs, labels=2000, points=16, draws=15, method="labels")
    once = rows_of(runs, labels=2000, points=16, draws=1, method="labels")
    dear = rows_of(runs, labels=2000, points=64, draws=15)
    cost = words(gain(rows_of(dear, told=128), rows_of(dear, **labels)))
    told(
        f"student makes {over(2000, 16, dense, {'told': 16})} fewer errors if its",
        f"beside *labels* {over(2000, 16, dense, labels)} fewer.",
        f"needs no teacher, brings {words(gain(again, once))}.",
        f"even costs {cost.removeprefix('-')}.",
        f"{over(300, 16, dense, labels)} fewer errors with 16 points, and "
        f"{over(300, 64, dense, labels)} with 64, of which smoothing does not bring "
        f"{over(300, 64, dense, smooth)}.",
        f"does as well ({over(300, 64, dense, {'told': 64})})",
    )
    assert {*once["learning_rate"]} == {0.04}
    tried = rows_of(load_runs("clouds_tuning"), labels=2000, points=16)
    slow = rows_of(tried, method="labels", learning_rate=0.01)["test_errors"]
    best = rows_of(tried, told=128)["test_errors"].min()
    told(f"seems to spare {slow.item() - best:.0f} errors")
    largest = rows_of(runs, labels=2000, points=16, told=16)["learning_rate"]
    assert {*largest} == {0.08}


def test_numbers_of_clients(clients):
    def of(method, public="digits", rounds=5):
        return rows_of(clients, method=method, public=public, rounds=rounds)

    mean, log_mean, surer = map(of, ("probabilities", "log probabilities", "surer"))
    first, noise, weights = of("first answer"), of("surer", "noise"), of("weights", "")
    long, alone = of("weights", "", 40), of("one place", "")
    server, vote, errors = "server_errors", "together_errors", "test_errors"
    told(
        f"mean's server makes {words(mean[server])} errors",
        f"surer it is {words(surer[server])}.",
        f"as a label, {words(first[server])}, and that is "
        f"{words(gain(first, surer, server))} fewer still",
        f"under both rules, {words(mean[vote])} and {words(surer[vote])}.",
        f"make {words(mean[errors])} errors with the mean, {words(first[errors])} with "
        f"its first answer, {words(log_mean[errors])} with the log mean, and "
        f"{words(surer[errors])} with the surer: {words(gain(surer, mean))} fewer than "
        f"with the mean, {words(gain(surer, first))} fewer than with first answers",
        f"{words(noise[errors])} errors, as before any exchange, "
        f"{words(noise['local_errors'])}.",
        f"it is {words(surer['own_errors'])} errors with the surer, "
        f"{words(first['own_errors'])} with first answers and {words(mean['own_errors'])} "
        "with the mean, which is now last",
        f"parameters makes {words(weights[errors])} errors, the surer's answers "
        f"{words(surer[errors])}, for {weights['kilobytes'].mean():,.0f} kB from each "
        f"client in the place of {surer['kilobytes'].mean():.0f}",
        f"it is {words(long[errors])}, for {long['kilobytes'].mean():,.0f} kB",
        f"in one place: {words(alone[errors])}.",
    )
    gained, spread = mean_spread(gain(surer, mean, server))
    assert gained > 5 * spread
    assert ANSWERS["rounds"] == 5 and PUBLIC == 2000


def test_what_was_chosen_is_no_end_of_its_grid_but_where_the_page_says_so(
    shifts, senses, clients
):
    rates = {*clients["learning_rate"]}
    assert min(rates) > min(RATES) and max(rates) < max(RATES)
    taught = shifts[shifts["student"] != shifts["teacher"]]
    assert taught["learning_rate"].between(0.0015, 0.03).all()
    left = rows_of(senses, sense="left half")
    assert left["learning_rate"].between(0.008, 0.03).all()
    mispaired = rows_of(senses, sense="shadows", method="teacher", broken=0.2)
    assert {*mispaired["learning_rate"]} == {0.04}


def test_five_seeds_of_everything():
    for table in ("shifts", "mixers", "senses", "clouds", "clients"):
        runs = load_runs(table)
        assert sorted(runs["seed"].unique()) == [0, 1, 2, 3, 4]
        counts = runs["seed"].value_counts()
        assert counts.nunique() == 1, table
