"""The candidate's own account once more, on what the packed bundles answered."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.signals import SignalParams
from tapeline.backtest.tiers import Ranges, add_tiers, model_ranges
from tapeline.errors import ArtifactError
from tapeline.models.table import TRADED
from tapeline.promotion.contract import Contract
from tapeline.schema import ROW_KEYS
from tapeline.splits.candidate import Candidate
from tapeline.tiers import NO_TIER, confidence
from tapeline.trading.accounts import align_inputs
from tapeline.trading.params import TradingParams

BORDERLINE = 1e-5  # of a prediction: so near to a threshold, either side of it is right


def replay_account(
    stored: dict[str, pd.DataFrame],
    served: dict[str, pd.DataFrame],
    validation: pd.DataFrame,
    ranges: Ranges,
    candidate: Candidate,
    trading: TradingParams,
) -> tuple[int | None, int]:
    """Trades of the candidate's account by the bundles' answers, and candles too near to a threshold to tell.

    ArtifactError where a tier or a trade differ. What was not replayed is taken from the run. A
    refitted model has no account: None.

    stored : by artifact, rows of `symbol`, `timestamp`, `fold`, `prediction`
    served : those of them that were replayed, with `served` and `served_tier`
    validation : all predictions of the direction's validations; ranges : of the candidate's tiers
    """
    signals = trading.signals
    direction, trend = (model.artifact for model in TRADED)
    near = {
        direction: near_tier(served[direction]["prediction"].to_numpy(), ranges),
        trend: near_minimum(served[trend]["prediction"].to_numpy(), signals.minimum_trend),
    }
    n_borderline = sum(int(each.sum()) for each in near.values())
    judged = stored | {direction: add_tiers(stored[direction], signals, validation)}
    replaced = {artifact: as_stored(served[artifact][~is_near]) for artifact, is_near in near.items()}
    tier = tiers_of(replaced[direction].pop("served_tier"), signals.tier_names)
    replaced[direction] = replaced[direction].assign(tier=tier)
    require_same_tiers(direction, judged[direction], replaced[direction], signals.tier_names)
    if candidate.is_refit:
        return None, n_borderline
    answered = {artifact: replace_rows(judged[artifact], rows) for artifact, rows in replaced.items()}
    before, after = ((each[direction], each[trend]) for each in (judged, answered))
    return require_same_trades(before, after, trading), n_borderline


def require_thresholds(
    contracts: Mapping[str, Contract],
    validations: Mapping[str, pd.DataFrame],
    fold: int,
    signals: SignalParams,
) -> dict[str, Ranges]:
    """By artifact of a direction, ranges of the run's tiers for its model of `fold`.

    ArtifactError if a bundle has other thresholds. `validations` : by artifact of a direction, all that was
    predicted of its validations
    """
    ranges = {artifact: model_ranges(signals, rows, fold) for artifact, rows in validations.items()}
    for artifact, contract in contracts.items():
        packed = contract.tiers
        thresholds: list[tuple[str, Any, Any]] = [("minimum", contract.minimum, signals.minimum_trend)]
        if artifact in ranges:
            judged = {name: tuple(each) for name, each in ranges[artifact].items()}
            thresholds = [
                ("tiers", packed and dict(packed.tiers), judged),
                ("trade_tiers", packed and packed.trade_tiers, signals.trade_tiers),
            ]
        for name, served, of_run in thresholds:
            if served != of_run:
                raise ArtifactError(
                    f"{artifact}: {name} of what was packed is {served}, and of the run {of_run}"
                )
    return ranges


def near_tier(probability: NDArray[np.float64], ranges: Ranges) -> NDArray[np.bool_]:
    """Whether each probability, (n,), is borderline to a side or a tier."""
    edges = np.array([0.5, *(edge for pair in ranges.values() for edge in pair)])
    near: NDArray[np.bool_] = np.abs(confidence(probability)[:, None] - edges).min(axis=1) <= BORDERLINE
    return near


def near_minimum(strength: NDArray[np.float64], minimum: float) -> NDArray[np.bool_]:
    """Whether each trend strength, (n,), is borderline to what entries need; none if they need nothing."""
    return (np.abs(strength - minimum) <= BORDERLINE) & (minimum > 0)


def as_stored(served: pd.DataFrame) -> pd.DataFrame:
    """Rows as they are stored, with what was served in place of the stored prediction."""
    return served.assign(prediction=served["served"])[[*ROW_KEYS, "fold", "prediction", "served_tier"]]


def tiers_of(names: pd.Series, order: tuple[str, ...]) -> NDArray[np.int8]:
    """Positions in `order` of answered tiers, (n,) names or None."""
    return np.array(
        [order.index(name) if isinstance(name, str) else NO_TIER for name in names], dtype=np.int8
    )


def require_same_tiers(
    artifact: str, judged: pd.DataFrame, served: pd.DataFrame, names: tuple[str, ...]
) -> None:
    """Raise ArtifactError naming the first row whose `tier` was served otherwise than judged."""
    both = served.merge(judged[[*ROW_KEYS, "tier"]], on=ROW_KEYS, suffixes=("", "_judged"))
    other = both[both["tier"] != both["tier_judged"]]
    if len(other):
        row = other.iloc[0]
        ours, theirs = (
            "no tier" if row[key] == NO_TIER else f"tier {names[row[key]]}" for key in ("tier_judged", "tier")
        )
        raise ArtifactError(
            f"{artifact}: the run has {ours} at {row['symbol']} {row['timestamp']}, and what was packed "
            f"answers {theirs} ({row['prediction']:.8g})"
        )


def replace_rows(judged: pd.DataFrame, served: pd.DataFrame) -> pd.DataFrame:
    """`judged` with the values of `served` in the rows that both hold."""
    columns = [name for name in ("prediction", "tier") if name in served and name in judged]
    replaced = judged.set_index(ROW_KEYS)
    replaced.update(served.set_index(ROW_KEYS)[columns])
    return replaced.reset_index()


def require_same_trades(
    judged: tuple[pd.DataFrame, pd.DataFrame],
    served: tuple[pd.DataFrame, pd.DataFrame],
    params: TradingParams,
) -> int:
    """Trade both, directions with `tier` and strengths; ArtifactError names the first trade that differs.

    Return how many trades there are.
    """
    inputs = [align_inputs(*rows, params) for rows in (judged, served)]
    ours, theirs = trades = [each.trade(params).trades for each in inputs]
    market = inputs[0].market
    for k in range(max(map(len, trades))):
        if k < min(map(len, trades)) and ours[k] == theirs[k]:
            continue
        told = [
            f"{market.symbols[each[k]['symbol']]} {market.timestamp[each[k]['decision_bar']]}, "
            f"net {each[k]['net_pnl']:.6g}"
            if k < len(each)
            else "nothing"
            for each in trades
        ]
        raise ArtifactError(
            f"models/candidate: trade {k} of its account is {told[0]}, and replayed {told[1]}"
        )
    return len(ours)
