"""What a model is measured against, asked about the very rows that it is scored on.

A rule learns from the rows of each fold's training that have a label; it knows the label that ended at the
candle that decides, if the features were there when it began. A baseline has said what is stored of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tapeline.referee.candles import FloatArray, SymbolCandles, within
from tapeline.referee.figures import Scored, compare
from tapeline.referee.findings import Findings, Place
from tapeline.referee.folds import Parts
from tapeline.referee.intervals import Ends, Times
from tapeline.referee.scores import log_loss
from tapeline.schema import DIRECTION

CONTROLS = "controls"
HALF = 0.5
LEAST_LEAN = 1e-6  # of a rule beyond one half, so that it has a side
LEADS = "lead_over_rules_low", "lead_over_controls_low", "lead_over_controls_high"
OF_CONTROLS = {  # metrics that are taken from the controls
    True: ("accuracy_best_control", *LEADS),
    False: ("mae_best_control", "skill_over_mean", *LEADS),
}
Asked = dict[str, FloatArray]


def check_controls(
    name: str,
    label: str,
    scored: Scored,
    claimed: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Scored],
    folds: Sequence[Parts],
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """Figures of every rule and of the `baselines`, by kind, on the rows of `scored`, and the model's lead.

    claimed : the table of the model's controls; metrics : metrics/NAME.json
    """
    if not scored.label.size:
        return
    rules = ask_rules(label, scored, folds, market)
    asked = rules | {kind: _said(of, scored) for kind, of in baselines.items()}
    is_same = set(claimed) == set(asked)
    findings.hold(CONTROLS, f"{name}: controls", is_same, ", ".join(claimed), ", ".join(asked), Place())
    times, is_direction = Times(scored.time, market[0].rules.level), label == DIRECTION
    worth = _gains if is_direction else _losses
    own, found = worth(scored.prediction, scored.label), {}
    for control, said in asked.items():
        theirs = worth(said, scored.label)
        ends = times.interval(own - theirs)
        figures = _direction(said, scored, theirs, times) if is_direction else {"mae": -float(theirs.mean())}
        figures["difference" if is_direction else "mae_difference"] = float((own - theirs).mean())
        figures |= dict(zip(("difference_low", "difference_high"), ends, strict=True))
        found[control] = ends, float(theirs.mean())
        for key, value in figures.items():
            told = claimed.get(control, {}).get(key)
            compare(f"{key} of {control} beside {name}", told, value, findings, CONTROLS)
    expected = _leads(found, rules) | _best(found, own, is_direction)
    for key in OF_CONTROLS[is_direction]:
        if key in metrics:
            compare(f"{name}.{key}", metrics[key], expected[key], findings, CONTROLS)


def ask_rules(label: str, scored: Scored, folds: Sequence[Parts], market: list[SymbolCandles]) -> Asked:
    """What each rule says of the rows of `scored`, from what the training of each row's fold shows."""
    past = np.full(scored.time.size, np.nan)
    learned: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in folds]
    for candles in market:
        known = past_label(candles, label)
        own = scored.symbol == candles.symbol
        past[own] = known[np.searchsorted(candles.time, scored.time[own])]
        can_teach = candles.has_features & candles.is_scored(label)
        for k, parts in enumerate(folds):
            rows = can_teach & within(candles.time, parts.train)
            learned[k].append((candles.label(label)[rows], known[rows]))
    asked: Asked = {}
    for k, of_fold in enumerate(learned):
        rows = scored.fold == k
        y, before = (np.concatenate(arrays) for arrays in zip(*of_fold, strict=True))
        say = _direction_rules if label == DIRECTION else _trend_rules
        for rule, said in say(y, before, past[rows]).items():
            asked.setdefault(rule, np.full(past.size, np.nan))[rows] = said
    return asked


def past_label(candles: SymbolCandles, label: str) -> FloatArray:
    """The label that ended at each candle; NaN where it had none, or began before the features."""
    horizon = candles.rules.horizon
    began = np.r_[np.full(horizon, np.nan), candles.label(label)[:-horizon]][: candles.time.size]
    known: FloatArray = np.where(candles.place - horizon >= candles.rules.warm_up, began, np.nan)
    return known


def _direction_rules(y: FloatArray, before: FloatArray, past: FloatArray) -> Asked:
    """Always the training's share of up; the last direction goes on as often as there; or it turns."""
    went_on = max(float((before == y).sum() / y.size), HALF + LEAST_LEAN)
    goes_on = np.where(np.isnan(past), HALF, np.where(past == 1, went_on, 1 - went_on))
    return {"majority": np.full(past.size, y.sum() / y.size), "last_return": goes_on, "reversal": 1 - goes_on}


def _trend_rules(y: FloatArray, before: FloatArray, past: FloatArray) -> Asked:
    """Always the training's mean; the strength goes on as it was, or is that mean where it is not known."""
    mean = float(y.sum() / y.size)
    return {"mean": np.full(past.size, mean), "persistence": np.where(np.isnan(past), mean, past)}


def _said(of: Scored, scored: Scored) -> FloatArray:
    """What a baseline said of the rows of `scored`; NaN where it said nothing."""
    said = np.full(scored.time.size, np.nan)
    for symbol in np.unique(scored.symbol):
        rows, theirs = np.flatnonzero(scored.symbol == symbol), np.flatnonzero(of.symbol == symbol)
        theirs = theirs[np.argsort(of.time[theirs])]
        at = np.searchsorted(of.time[theirs], scored.time[rows])
        is_there = at < theirs.size
        is_there[is_there] = of.time[theirs[at[is_there]]] == scored.time[rows[is_there]]
        said[rows[is_there]] = of.prediction[theirs[at[is_there]]]
    return said


def _gains(p: FloatArray, label: FloatArray) -> FloatArray:
    """1 where the likelier side came, else 0; one half counts as up."""
    gains: FloatArray = ((p >= HALF) == (label == 1)).astype(np.float64)
    return gains


def _losses(strength: FloatArray, label: FloatArray) -> FloatArray:
    """What a strength is off, negative, so that more is better."""
    return -np.abs(strength - label)


def _direction(said: FloatArray, scored: Scored, hit: FloatArray, times: Times) -> dict[str, float | None]:
    """Accuracy with its interval, and log loss, of a control."""
    figures: dict[str, float | None] = dict(zip(("low", "high"), times.interval(hit), strict=True))
    return figures | {"accuracy": float(hit.mean()), "log_loss": log_loss(said, scored.label)}


def _leads(found: Mapping[str, tuple[Ends, float]], rules: Asked) -> dict[str, float | None]:
    """The low end of the least lead over a rule, over any control, None where one can't be told.

    And the least high end of all.
    """
    lows = {name: low for name, ((low, _), _) in found.items()}
    highs = [high for (_, high), _ in found.values() if high is not None]
    return {
        "lead_over_rules_low": _least([lows[rule] for rule in rules]),
        "lead_over_controls_low": _least(list(lows.values())),
        "lead_over_controls_high": min(highs, default=None),
    }


def _least(ends: list[float | None]) -> float | None:
    known = [end for end in ends if end is not None]
    return min(known) if len(known) == len(ends) else None


def _best(
    found: Mapping[str, tuple[Ends, float]], own: FloatArray, is_direction: bool
) -> dict[str, float | None]:
    """The best control's figure, and of strengths the skill over always saying the mean."""
    best = max(mean for _, mean in found.values())
    if is_direction:
        return {"accuracy_best_control": best}
    of_mean = found["mean"][1]
    return {
        "mae_best_control": -best,
        "skill_over_mean": 1 - float(own.mean()) / of_mean if of_mean else None,
    }
