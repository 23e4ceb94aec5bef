"""Stored runs beside their twins, as an explorer: every dot a pair of one seed.

Twins share their first weights, images and order; only how they are taught differs.
"""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from ipywidgets import Widget

from kdlab import figures as fig
from kdlab.panels import Explorer, explore


def runs_explorer(
    runs: pd.DataFrame,
    rows: Mapping[str, str],
    view: Callable[..., fig.Drawn],
    *,
    twins: str = "method == 'labels'",
    tabulate: int = 1,
    **controls: Widget,
) -> Explorer:
    """Test errors that stored runs spare their twins, at positions of the controls.

    Args:
        rows: what is compared, {name: query of the columns of `runs`}.
        view: view(gains, **values) draws the errors spared, {name: [one a pair]}.
        twins: a query of the runs beside which the others are judged.
        tabulate: as of `explore`.
        controls: by the column that they choose; a run that has no value in it, such
            as a temperature, stands beside all.

    Raises ValueError if a run has no twin, or more than one.
    """
    alone, found = runs.query(twins), {}
    for name, query in rows.items():
        pairs = with_twins(runs.query(query), alone, [*controls])
        found[name] = pairs.to_dict("records")

    def drawn(**values: object) -> fig.Drawn:
        def is_here(pair: dict[str, object]) -> bool:
            return all(pd.isna(pair[k]) or pair[k] == v for k, v in values.items())

        gains = {
            n: [p["spared"] for p in some if is_here(p)] for n, some in found.items()
        }
        return view(gains, **values)

    return explore(drawn, tabulate=tabulate, **controls)


def with_twins(
    runs: pd.DataFrame, twins: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """The runs with a column `spared`: errors fewer than the twin's of the same seed.

    A twin is also alike in those of the columns in which twins have values.

    Raises ValueError if a run has no twin, or more than one.
    """
    alike = ["seed", *(name for name in columns if twins[name].notna().all())]
    if twins.duplicated(alike).any():
        raise ValueError(f"There are two twins of one {', '.join(alike)}.")
    theirs = twins.set_index(alike)["test_errors"].rename("of_twin")
    found = runs.join(theirs, on=alike)
    if found["of_twin"].isna().any():
        raise ValueError(f"There are runs without a twin of their {', '.join(alike)}.")
    return found.assign(spared=found["of_twin"] - found["test_errors"])
