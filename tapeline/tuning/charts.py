"""The charts of a search, each of its finished trials."""

import altair as alt
import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from tapeline.promotion.selection import TuningRecord

BAR = 22  # high, pixels
HEIGHT = 220
MODEL, PLAIN = "#1f5fa8", "#8a8a8a"
WIDE = alt.Scale(zero=False)
LOSS = "log loss on inner tests"
LEAST = 4  # complete trials with different scores that importances are told of
Charts = list[tuple[str, str, alt.TopLevelMixin]]


def draw_search(study: optuna.Study, record: TuningRecord, seed: int) -> Charts:
    """Title, file and chart of every figure."""
    table, keys = trials_table(record), sorted(record.trials[0].params)
    file = f"tuning/{record.name}"
    drawn: Charts = [("Trials in order, and the best so far", file, history(table))]
    shares = importances(study, seed)
    if shares:
        title = "Share of the scores' variance that each param explains (fANOVA), others averaged over"
        drawn.append((title, file, bars(pd.DataFrame({"param": shares.keys(), "share": shares.values()}))))
    drawn += [("Each param by itself", file, slices(table, keys))]
    if len(keys) > 1:
        drawn += [
            ("All params together, a line a trial; ranks among the trials", file, parallel(table, keys))
        ]
    return drawn


def trials_table(record: TuningRecord) -> pd.DataFrame:
    """One row for each complete trial: its number, score, best so far, and params."""
    rows = [
        {"trial": trial.number, "score": trial.score, **trial.params}
        for trial in record.trials
        if trial.score is not None
    ]
    table = pd.DataFrame(rows)
    return table.assign(best=table["score"].cummin())


def importances(study: optuna.Study, seed: int) -> dict[str, float]:
    """Importance of each param by fANOVA (Hutter et al. 2014), the same for the same trials and `seed`.

    Empty where too few trials are complete, or none differs from another.
    """
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < LEAST:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))


def history(table: pd.DataFrame) -> alt.LayerChart:
    """Scores by trial, and the least so far."""
    base = alt.Chart(table, width="container", height=HEIGHT).encode(alt.X("trial:Q", axis=_whole()))
    points = base.mark_point(filled=True, color=MODEL).encode(
        alt.Y("score:Q", scale=WIDE, title=LOSS), tooltip=_tooltip(table)
    )
    best = base.mark_line(interpolate="step-after", color=PLAIN).encode(alt.Y("best:Q", scale=WIDE))
    chart: alt.LayerChart = best + points
    return chart


def bars(table: pd.DataFrame) -> alt.Chart:
    """A bar for each param, the largest first."""
    base = alt.Chart(table, width="container", height=BAR * len(table)).mark_bar(color=MODEL)
    chart: alt.Chart = base.encode(alt.X("share:Q"), alt.Y("param:N", sort="-x", title=None))
    return chart


def slices(table: pd.DataFrame, keys: list[str]) -> alt.ConcatChart:
    """Scores against each param."""
    drawn = []
    for key in keys:
        field = _field(key)
        is_number = pd.api.types.is_numeric_dtype(table[key]) and table[key].dtype != bool
        kind = "Q" if is_number and table[key].nunique() > LEAST else "N"
        is_log = kind == "Q" and table[key].min() > 0 and table[key].max() >= 20 * table[key].min()
        scale = alt.Scale(type="log") if is_log else alt.Undefined if kind == "N" else WIDE
        base = alt.Chart(table, width=260, height=HEIGHT).mark_point(filled=True, color=MODEL)
        x = alt.X(f"{field}:{kind}", title=key, scale=scale)
        drawn.append(base.encode(x, alt.Y("score:Q", scale=WIDE, title=LOSS), tooltip=_tooltip(table)))
    return alt.concat(*drawn, columns=3)


def parallel(table: pd.DataFrame, keys: list[str]) -> alt.Chart:
    """A line for each trial through the rank of every param's value, coloured by its score."""
    ranks = table[keys].apply(lambda values: values.rank(pct=True) if _is_ordered(values) else _codes(values))
    long = pd.concat(
        [
            pd.DataFrame(
                {"trial": table["trial"], "score": table["score"], "param": key, "rank": ranks[key],
                 "value": table[key].astype(str)}
            )
            for key in keys
        ]
    )  # fmt: skip
    scale = alt.Scale(scheme="viridis", reverse=True)
    base = alt.Chart(long, width="container", height=HEIGHT).mark_line(point=True, opacity=0.6)
    chart: alt.Chart = base.encode(
        alt.X("param:N", title=None),
        alt.Y("rank:Q", title="rank"),
        alt.Color("score:Q", scale=scale, title=LOSS),
        detail="trial:N",
        tooltip=["trial", "param", "value", "score"],
    )
    return chart


def _is_ordered(values: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values) and values.dtype != bool)


def _codes(values: pd.Series) -> pd.Series:
    return values.astype(str).rank(method="dense", pct=True)


def _field(key: str) -> str:
    """A column's name as Vega reads it: a dot would look inside."""
    return key.replace(".", "\\.")


def _tooltip(table: pd.DataFrame) -> list[alt.Tooltip]:
    return [alt.Tooltip(_field(name), title=name) for name in table.columns if name != "best"]


def _whole() -> alt.Axis:
    return alt.Axis(tickMinStep=1, format="d")
