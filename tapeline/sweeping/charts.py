"""The charts of a sweep, and the table behind them."""

from itertools import combinations
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.sweeping.accounts import figures_dtype
from tapeline.sweeping.finalists import JUDGED_BY
from tapeline.sweeping.plan import SweepPlan

Records = NDArray[np.void]
Charts = list[tuple[str, str, alt.TopLevelMixin]]
HEIGHT, CELLS = 260, 12  # pixels; values of a key told apart in a map, more are put together
FILE = "reports/sweep.csv"
LOW = "low end of net PnL"


def configurations(plan: SweepPlan, figures: Records) -> pd.DataFrame:
    """A row a configuration: its number, the values of its params, its figures.

    figures : (n_choices, n_conditions) of `figures_dtype`
    """
    n_choices, n_conditions = figures.shape
    table: dict[str, Any] = {"choice": np.repeat(np.arange(n_choices), n_conditions)}
    for k, key in enumerate(plan.keys):
        table[key] = [shown(choice[k]) for choice in plan.choices for _ in range(n_conditions)]
    for k, key in enumerate(plan.given_keys):
        table[key] = [shown(condition[k]) for condition in plan.conditions] * n_choices
    flat = figures.reshape(-1)
    return pd.DataFrame(table | {name: flat[name] for name in figures_dtype.names or ()})


def shown(value: Any) -> Any:
    """A value of a param as a table tells it: numbers as they are, anything else as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return written(value)
    return value


def written(value: Any) -> str:
    """A value as `-S` takes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{written(each)}" for key, each in value.items()) + "}"
    return str(value)


def draw_sweep(plan: SweepPlan, table: pd.DataFrame) -> Charts:
    """Title, file and chart of every figure: a map of the two keys that say most, each key by itself.

    table : of `configurations`
    """
    keys = [key for key in (*plan.keys, *plan.given_keys) if len(table[key].unique()) > 1]
    traded = table[table["trades"] > 0]
    if traded.empty or not keys:
        return []
    drawn: Charts = []
    grouped = {key: groups_of(traded[key]) for key in keys}
    if len(keys) > 1:
        first, second = most_telling(traded[JUDGED_BY], grouped)
        title = f"Mean {LOW} by {first} and {second}, over all other params; these two say most"
        drawn.append((title, FILE, heat_map(traded, first, second, grouped)))
    drawn.append((f"The {LOW} by each param, a line its mean", FILE, slices(traded, keys, grouped)))
    return drawn


def groups_of(values: pd.Series) -> pd.Series:
    """What a map tells apart of a key's values: each of a few, else ranges with alike many in each."""
    if values.nunique() <= CELLS or not pd.api.types.is_numeric_dtype(values):
        return values.astype(str) if not pd.api.types.is_numeric_dtype(values) else values
    return pd.qcut(values, CELLS, duplicates="drop").map(lambda cut: float(f"{cut.mid:.3g}")).astype(float)


def most_telling(judged: pd.Series, grouped: dict[str, pd.Series]) -> tuple[str, str]:
    """The two keys whose groups together explain most of the variance of `judged`; of equals the first."""

    def explained(pair: tuple[str, str]) -> float:
        means = judged.groupby([grouped[key] for key in pair], observed=True).transform("mean")
        return float(means.var(ddof=0))

    return max(combinations(grouped, 2), key=explained)


def heat_map(table: pd.DataFrame, first: str, second: str, grouped: dict[str, pd.Series]) -> alt.LayerChart:
    """The mean low end in each cell of two keys."""
    cells = (
        pd.DataFrame({"x": grouped[first], "y": grouped[second], LOW: table[JUDGED_BY], "n": 1})
        .groupby(["x", "y"], observed=True)
        .agg({LOW: "mean", "n": "sum"})
        .reset_index()
    )
    most = float(cells[LOW].abs().max()) or 1.0
    scale = alt.Scale(scheme="redblue", domain=[-most, most])
    base = alt.Chart(cells, width="container", height=HEIGHT).encode(
        alt.X("x:O", title=first), alt.Y("y:O", title=second)
    )
    boxes = base.mark_rect().encode(
        alt.Color(f"{LOW}:Q", scale=scale),
        tooltip=[
            alt.Tooltip("x", title=first), alt.Tooltip("y", title=second), alt.Tooltip(LOW, format=",.0f"),
            alt.Tooltip("n", title="configurations"),
        ],
    )  # fmt: skip
    chart: alt.LayerChart = boxes + base.mark_text(fontSize=11).encode(alt.Text(f"{LOW}:Q", format=",.0f"))
    return chart


def slices(table: pd.DataFrame, keys: list[str], grouped: dict[str, pd.Series]) -> alt.ConcatChart:
    """Mean, and all that lies between the tenth and the last tenth, of the low end by each key."""
    drawn = []
    for key in keys:
        of_key = table[JUDGED_BY].groupby(grouped[key], observed=True)
        told = pd.DataFrame(
            {"mean": of_key.mean(), "from": of_key.quantile(0.1), "to": of_key.quantile(0.9)}
        ).rename_axis("value").reset_index()  # fmt: skip
        kind = "Q" if pd.api.types.is_numeric_dtype(told["value"]) else "O"
        base = alt.Chart(told, width=260, height=HEIGHT // 2).encode(alt.X(f"value:{kind}", title=key))
        span = base.mark_rule(color="#bbb", strokeWidth=4).encode(alt.Y("from:Q", title=LOW), alt.Y2("to:Q"))
        mean = base.mark_line(point=True, color="#1f5fa8").encode(alt.Y("mean:Q"))
        drawn.append(span + mean)
    return alt.concat(*drawn, columns=3)
