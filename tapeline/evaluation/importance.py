"""What each group of features is worth: the loss added when the group is cut loose from the rest."""

import numpy as np
import pandas as pd

from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.significance import Intervals
from tapeline.losses import absolute_errors, log_losses


def group_importance(
    rows: pd.DataFrame, groups: list[str], kind: str, params: EvaluationParams
) -> dict[str, dict[str, float | None]]:
    """Loss of each group's predictions less that of the true ones, with its interval; the largest first.

    `rows` has `bar`, `label`, `prediction` and, named like each of `groups`, the prediction without it.
    `kind` of loss is "log_loss" of a direction or "absolute_error" of a strength. Out-of-sample rows.
    """
    if rows.empty:
        return {}
    intervals = Intervals(rows["bar"].to_numpy(), params.level)
    label = rows["label"].to_numpy()
    losses = absolute_errors if kind == "absolute_error" else log_losses
    whole = losses(rows["prediction"].to_numpy(), label)
    added, worth = {}, {}
    for group in groups:
        without = losses(rows[group].to_numpy(), label)
        low, high = intervals.interval_of_difference(without, whole)
        added[group] = float(np.mean(without - whole))
        worth[group] = {f"added_{kind}": added[group], "low": low, "high": high}
    return {group: worth[group] for group in sorted(added, key=lambda group: -added[group])}
