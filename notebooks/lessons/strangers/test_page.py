"""What the page says of its stored runs is what they hold."""

import pytest

from kdlab.figures import mean_spread
from kdlab.results import load_runs
from lessons.samples import prose

from .experiments_clients import ANSWERS, PUBLIC, RATES
from .stored import gain, rows_of

PAGE = prose("13_strangers")
CNN, MLP = "cnn-8-16-64", "mlp-800"


def words(values):
    """'1,524 ± 145', as the page says it."""
    mean, spread = mean_spread(values)
    return f"{mean:,.0f} ± {spread:.0f}"


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
    two = "errors_2"
    told(
        f"errs {words(gain(cnn, mlp, two))} times less than that of the unmoved MLP",
        f"spares its student {words(gain(moved, mlp, two))} errors, ten spreads",
        f"labels, {words(smooth[two])}, tie with the unmoved MLP",
        f"the CNN spares {words(gain(cnn, smooth, two))} errors at 2 px, and "
        f"{words(gain(cnn, smooth, 'errors_3'))} at 3 px",
        f"errs {words(gain(moved, moved_cnn, two))} times less than the moved CNN's",
        f"leaves {words(itself[two])} errors, {words(gain(itself, moved, two))} fewer",
        f"agreed: {words(gain(moved_cnn, mlp, two))} errors spared",
    )
    mean, spread = mean_spread(gain(moved, mlp, two))
    assert mean > 10 * spread
    mean, spread = mean_spread(gain(cnn, mlp, two))
    assert 1.4 < mean / spread < 1.6  # a spread and a half
    mean, spread = mean_spread(gain(smooth, mlp, two))
    assert abs(mean) < spread
    own = shifts[shifts["student"] == shifts["teacher"]].groupby("student")[two]
    errors = {name: words(rows) for name, rows in own}
    told(
        f"err {errors[MLP]} times (MLP), {errors[CNN]} (CNN), "
        f"{errors[f'{MLP}, moved']} (moved MLP) and {errors[f'{CNN}, moved']} (moved CNN)"
    )


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
        f"It spares {words(gain(by_mixer, labels))} of "
        f"{labels['test_errors'].mean():.0f} errors, a CNN spares "
        f"{words(gain(by_cnn, labels))}, smoothing {words(gain(smooth, labels))}.",
        f"ours errs {words(own)} times itself",
    )


def test_numbers_of_the_left_half(senses):
    left = rows_of(senses, sense="left half")
    labels = rows_of(left, method="labels")
    by = {
        t: rows_of(left, teacher=t, method="teacher") for t in left["teacher"].dropna()
    }
    same, other, whole = (
        words(gain(by[t], labels)) for t in ("half 1.0", "half 0.0", CNN)
    )
    assert other[0] == "-"
    told(
        f"same half spares {same} errors beside labels, nine spreads",
        f"whole digit spares {whole}, the one of the other half costs {other[1:]}",
        f"An MLP of the whole spares {words(gain(by[MLP], labels))}: the same half still "
        f"leads by {words(gain(by['half 1.0'], by[MLP]))}",
    )
    mean, spread = mean_spread(gain(by["half 1.0"], labels))
    assert mean > 9 * spread


def test_numbers_of_shadows(senses):
    runs = rows_of(senses, sense="shadows")

    def of(pairs, method, broken=0.0):
        return rows_of(runs, labels=pairs, method=method, broken=broken)

    soft, first, labels, mates = (
        {n: of(n, method) for n in (300, 10_000)}
        for method in ("teacher", "arg max", "labels", "shuffled within class")
    )
    over = {n: words(gain(soft[n], first[n])) for n in soft}
    beside = {n: words(gain(soft[n], labels[n])) for n in soft}
    broken = of(10_000, "teacher", 0.2)
    told(
        f"hearing all spares {over[300]} errors beside the first answer, and "
        f"{beside[300]} beside labels; with 10,000 pairs {over[10_000]} and "
        f"{beside[10_000]}.",
        f"{words(mates[300]['test_errors'])} errors against "
        f"{words(first[300]['test_errors'])} with 300 pairs",
        f"{words(gain(soft[10_000], broken))} errors are added",
        f"no longer spares any: {words(gain(broken, of(10_000, 'arg max', 0.2)))}.",
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
    told(
        f"dense one spares {over(2000, 16, dense, {'told': 16})} errors; beside *labels* "
        f"{over(2000, 16, dense, labels)}.",
        f"needs no teacher, spares {words(gain(again, once))}.",
        f"{over(300, 16, dense, labels)} errors with 16 points, and with 64 points "
        f"{over(300, 64, dense, labels)}, which smoothing does not bring: "
        f"{over(300, 64, dense, smooth)} more",
        f"does as well ({over(300, 64, dense, {'told': 64})})",
    )
    assert {*once["learning_rate"]} == {0.04}


def test_numbers_of_clients(clients):
    def of(method, public="digits", rounds=5):
        return rows_of(clients, method=method, public=public, rounds=rounds)

    mean, log_mean, surer = map(of, ("probabilities", "log probabilities", "surer"))
    noise, weights = of("surer", "noise"), of("weights", "")
    long, alone = of("weights", "", 40), of("one place", "")
    server, vote = "server_errors", "together_errors"
    told(
        f"mean's server errs {words(mean[server])} times",
        f"one over the entropy {words(surer[server])}.",
        f"err {words(mean['test_errors'])} and {words(surer['test_errors'])} times, "
        f"{words(gain(surer, mean))} fewer",
        f"for the server, {words(log_mean[server])}, and the worse one for the clients, "
        f"{words(log_mean['test_errors'])},",
        f"both rules, {words(mean[vote])} and {words(surer[vote])}:",
        f"{words(noise['test_errors'])} errors, as before any exchange, "
        f"{words(noise['local_errors'])}.",
        f"a client errs {words(surer['own_errors'])} times",
        f"mean of weights errs {words(weights['test_errors'])} times, hardly otherwise "
        f"than the surer's {words(surer['test_errors'])}, for "
        f"{weights['kilobytes'].mean():,.0f} kB from each client in the place of "
        f"{surer['kilobytes'].mean():.0f}",
        f"errs {words(long['test_errors'])} times, for {long['kilobytes'].mean():,.0f} kB",
        f"in one place: {words(alone['test_errors'])}.",
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


def test_five_seeds_of_everything():
    for table in ("shifts", "mixers", "senses", "clouds", "clients"):
        runs = load_runs(table)
        assert sorted(runs["seed"].unique()) == [0, 1, 2, 3, 4]
        counts = runs["seed"].value_counts()
        assert counts.nunique() == 1, table
