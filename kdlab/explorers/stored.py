"""Stored runs beside their twins, as an explorer: every dot a pair of one seed.

Twins share their first weights, images and order; only how they are taught differs.
"""

from collections.abc import Callable, Mapping

import pandas as pd
from ipywidgets import Widget

from kdlab import figures as fig
from kdlab.panels import Explorer, explore
from kdlab.results import spared


def runs_explorer(
    runs: pd.DataFrame,
    rows: Mapping[str, str],
    x: dict,
    title: Callable[..., str],
    *,
    says: str,
    twins: str = "method == 'labels'",
    beside: Callable[..., fig.Part] | None = None,
    colors: Mapping[str, str] | None = None,
    tabulate: int = 1,
    **controls: Widget,
) -> Explorer:
    """Errors that stored runs spare their twins of the same seed, every dot a pair.

    Args:
        rows: what is compared, {name: query of the columns of `runs`}.
        x: the axis of the errors spared.
        title: title(gains, **values) says what is found; gains are {name: [...]}.
        says: what the sentence begins with; the values may stand in it, {labels:,}.
        twins: the runs beside which the others are judged.
        beside: beside(gains, **values) draws a second part.
        controls: by the column that they choose; a run that has no value in it, such
            as a temperature, stands beside all.
    """
    alone = runs.query(twins)
    found = {name: runs.query(query) for name, query in rows.items()}

    def view(**values: object) -> fig.Drawn:
        def here(some: pd.DataFrame) -> pd.DataFrame:
            for column, value in values.items():
                some = some[some[column].isna() | some[column].eq(value)]
            return some

        gains = {n: spared(here(some), here(alone)) for n, some in found.items()}
        parts = [fig.spared_dots(gains, x, colors or {})]
        if beside:
            parts.append(beside(gains, **values))
        words = f"{says.format(**values)} {fig.in_words(gains)}."
        return fig.picture(title(gains, **values), *parts, says=words, height=430)

    return explore(view, tabulate=tabulate, **controls)
