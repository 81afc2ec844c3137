"""Headline figures of both models, from predictions and own labels, beside what the metrics say."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.candles import FloatArray, SymbolCandles, microseconds
from tapeline.referee.findings import Findings, Place
from tapeline.referee.intervals import Ends, Times
from tapeline.referee.rules import SHARE, RowRules, TierRules
from tapeline.referee.scores import direction_scores, trend_scores
from tapeline.schema import DIRECTION

TOLERANCE = 1e-9  # figures are written to ten digits
OF_CEILING = "ceiling", "share_of_ceiling", "accuracy_without_ceiling", "above_ceiling_low"
OF_TIER_A = (
    "precision_tier_a",
    "coverage_tier_a",
    "coverage_by_confidence_tier_a",
    "coverage_of_share_tier_a",
)
ONE_NUMBER = 1e-6  # probabilities that spread less are one number but for rounding
NO_TIER = -1
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """Predicted rows of one model, arrays (n,); `tier` is a position among the tiers, or NO_TIER.

    label : NaN where a row can't be scored; ceiling : the best filter's probability, NaN where there is none
    """

    symbol: NDArray[np.str_]
    time: NDArray[np.int64]
    fold: NDArray[np.int64]
    prediction: FloatArray
    label: FloatArray
    ceiling: FloatArray
    tier: NDArray[np.int64]

    def rows(self, mask: NDArray[np.bool_]) -> "Scored":
        """Those of `mask` (n,)."""
        return Scored(**{name: values[mask] for name, values in vars(self).items()})


def tier_ranges(tiers: TierRules, validation: FloatArray) -> dict[str, tuple[float, float]]:
    """Range of confidence of each tier of a model with these `validation` predictions.

    By share, a tier begins at the highest confidence that its share of the validation reaches at least, and
    ends where the tier above it begins.
    """
    if tiers.by != SHARE:
        return dict(tiers.ranges)
    if not validation.size or np.ptp(validation) < ONE_NUMBER:
        return dict.fromkeys(tiers.shares, (1.0, 1.0))
    rising = np.sort(np.maximum(validation, 1 - validation))
    found, top = {}, 1.0
    for name, share in tiers.shares.items():
        n_rows = max(1, math.ceil(share * rising.size - 1e-9))
        bottom = float(rising[-n_rows])
        found[name], top = (bottom, top), bottom
    return found


def tier_of(prediction: FloatArray, ranges: Mapping[str, tuple[float, float]]) -> NDArray[np.int64]:
    """Position in `ranges` of each prediction's tier: the first that holds its confidence, or NO_TIER."""
    sure = np.maximum(prediction, 1 - prediction)
    tier = np.full(prediction.size, NO_TIER)
    for position, (low, high) in reversed(list(enumerate(ranges.values()))):
        tier[(sure >= low) & ((sure < high) | (high == 1.0))] = position
    return tier


def score_rows(
    table: pd.DataFrame, label: str, market: list[SymbolCandles], ceilings: Mapping[str, pd.DataFrame]
) -> Scored:
    """Predictions (symbol, timestamp, fold, prediction) of candles that are there, beside own labels."""
    parts = []
    for candles in market:
        own = table[table["symbol"] == candles.symbol]
        time = microseconds(own["timestamp"])
        at = np.searchsorted(candles.time, time)
        is_there = at < candles.time.size
        is_there[is_there] = candles.time[at[is_there]] == time[is_there]
        own, time, at = own[is_there], time[is_there], at[is_there]
        labels = np.where(candles.is_scored(label)[at], candles.label(label)[at], np.nan)
        ceiling = np.full(time.size, np.nan)
        if candles.symbol in ceilings:
            best = ceilings[candles.symbol]
            known = pd.Series(best["probability"].to_numpy(), index=microseconds(best["timestamp"]))
            ceiling = known.reindex(time).to_numpy(np.float64)
        parts.append(
            Scored(
                np.full(time.size, candles.symbol), time, own["fold"].to_numpy(np.int64),
                own["prediction"].to_numpy(np.float64), labels, ceiling,
                np.full(time.size, NO_TIER),
            )
        )  # fmt: skip
    return Scored(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def with_tiers(scored: Scored, tiers: TierRules, validation: pd.DataFrame) -> Scored:
    """The same with the tier of each row, by its own fold's thresholds."""
    tier = scored.tier.copy()
    for k in np.unique(scored.fold):
        own = validation.loc[validation["fold"] == k, "prediction"].to_numpy(np.float64)
        rows = scored.fold == k
        tier[rows] = tier_of(scored.prediction[rows], tier_ranges(tiers, own))
    return Scored(**vars(scored) | {"tier": tier})


def direction_figures(scored: Scored, bins: int, level: float) -> dict[str, float | None]:
    """Scores of rows with a label, beside the ceiling and what they are of it; `level` of intervals."""
    figures: dict[str, float | None] = dict.fromkeys(OF_CEILING) | {"rows": scored.label.size}
    if not scored.label.size:
        return (
            figures
            | dict.fromkeys(direction_scores(np.zeros(1), np.zeros(1), bins))
            | _ends("accuracy_all", (None, None))
        )
    times = Times(scored.time, level)
    hit = ((scored.prediction >= 0.5) == (scored.label == 1)).astype(np.float64)
    scores = direction_scores(scored.prediction, scored.label, bins)
    scores |= _ends("accuracy_all", times.interval(hit))
    best, accuracy = scored.ceiling, scores["accuracy_all"] or 0.0
    if np.isnan(best).any():
        return figures | scores | {"accuracy_without_ceiling": accuracy}
    ceiling = float(np.where(best == 0.5, 0.5, (best > 0.5) == (scored.label == 1)).mean())
    share, above = accuracy / ceiling if ceiling else None, times.interval(above_ceiling(scored, hit))[0]
    return figures | scores | {"ceiling": ceiling, "share_of_ceiling": share, "above_ceiling_low": above}


def above_ceiling(scored: Scored, hit: FloatArray) -> FloatArray:
    """How much more often than the best filter expects of itself each row is right, the filter's luck out.

    Of the luck, what the filter was right beyond its own expectation, goes what a regression through the
    origin says that the row's `hit` (n,) has of it.
    """
    best = scored.ceiling
    expects = 0.5 + np.abs(best - 0.5)
    was_right = np.where(best == 0.5, 0.5, ((best > 0.5) == (scored.label == 1)).astype(np.float64))
    luck, above = was_right - expects, hit - expects
    of_luck = float((luck**2).sum())
    return above - luck * (float((above * luck).sum()) / of_luck) if of_luck else above


def trend_figures(scored: Scored, level: float) -> dict[str, float | None]:
    """Scores of strengths of rows with a label; `level` of intervals."""
    if not scored.label.size:
        return (
            {"rows": 0} | dict.fromkeys(trend_scores(np.zeros(1), np.zeros(1))) | _ends("mae", (None, None))
        )
    ends = Times(scored.time, level).interval(np.abs(scored.prediction - scored.label))
    return {"rows": scored.label.size} | trend_scores(scored.prediction, scored.label) | _ends("mae", ends)


def _ends(key: str, ends: Ends) -> dict[str, float | None]:
    """The ends of the interval of `key`, by their names."""
    return {f"{key}_low": ends[0], f"{key}_high": ends[1]}


def check_figures(
    name: str,
    label: str,
    scored: Scored,
    metrics: Figures,
    candidate_fold: int | None,
    rules: RowRules,
    findings: Findings,
) -> None:
    """metrics/NAME.json of all scored rows, and of the candidate's fold alone (None: of all)."""
    has_label = ~np.isnan(scored.label)
    own = has_label if candidate_fold is None else has_label & (scored.fold == candidate_fold)
    for prefix, mask in (("", has_label), ("candidate_", own)):
        rows = scored.rows(mask)
        figures = trend_figures(rows, rules.level)
        if label == DIRECTION:
            figures = direction_figures(rows, rules.bins, rules.level)
        for key, value in figures.items():
            if f"{prefix}{key}" in metrics:
                compare(f"{name}.{prefix}{key}", metrics[f"{prefix}{key}"], value, findings)


def check_tier_a(name: str, tiers: TierRules, detail: Figures, metrics: Figures, findings: Findings) -> None:
    """What metrics/NAME.json says of tier A is what its detail, which was derived anew, says of it."""
    told = detail["tiers"].get("A") or {}
    coverage, of_share = told.get("coverage"), None
    if tiers.by == SHARE and coverage is not None:
        names = list(tiers.shares)
        above = tiers.shares[names[names.index("A") - 1]] if names.index("A") else 0.0
        of_share = coverage / (tiers.shares["A"] - above)
    expected = told.get("precision"), coverage, None if tiers.by == SHARE else coverage, of_share
    for key, value in zip(OF_TIER_A, expected, strict=True):
        if key in metrics:
            compare(f"{name}.{key}", metrics[key], value, findings)


def check_tiers(
    scored: Scored, tiers: TierRules, validation: pd.DataFrame, detail: Figures, fold: int, findings: Findings
) -> None:
    """Rows, precision and coverage of every tier, and the thresholds of the candidate, which is of `fold`.

    detail : `tiers` of all scored rows and `ranges` of the candidate, as the metrics' detail has them
    """
    rows = scored.rows(~np.isnan(scored.label))
    hit = (rows.prediction >= 0.5) == (rows.label == 1)
    names = tuple(tiers.shares if tiers.by == SHARE else tiers.ranges)
    claimed = detail["tiers"]
    listed = list(claimed) == list(names) or not rows.prediction.size
    findings.hold("tiers", "tiers that are scored", listed, ", ".join(claimed), ", ".join(names), Place())
    for position, name in enumerate(names if rows.prediction.size and listed else ()):
        is_in = rows.tier == position
        figures = {
            "rows": int(is_in.sum()),
            "coverage": float(is_in.mean()),
            "precision": float(hit[is_in].mean()) if is_in.any() else None,
        }
        for key, value in figures.items():
            compare(f"{key} of tier {name}", claimed[name][key], value, findings, "tiers")
    own = validation.loc[validation["fold"] == fold, "prediction"].to_numpy(np.float64)
    for name, ends in tier_ranges(tiers, own).items():
        for side, told, end in zip(
            ("begin", "end"), detail["ranges"].get(name, (None, None)), ends, strict=True
        ):
            compare(f"{side} of tier {name}'s range, of the candidate", told, end, findings, "tiers")


def check_constancy(name: str, predictions: FloatArray, metrics: Figures, findings: Findings) -> None:
    """Whether the model that ships says one number, by what it predicted alone."""
    if "candidate_is_constant" in metrics:
        is_one = not predictions.size or float(np.ptp(predictions)) < ONE_NUMBER
        compare(f"{name}.candidate_is_constant", metrics["candidate_is_constant"], float(is_one), findings)


def compare(
    what: str, claimed: float | None, expected: float | None, findings: Findings, check: str = "figures"
) -> None:
    """Compare one figure of a file with the derived one; None is undefined."""
    one, other = (math.nan if value is None else float(value) for value in (claimed, expected))
    findings.equal(check, what, one, other, Place(), tolerance=TOLERANCE)
