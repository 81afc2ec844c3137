"""Every gate is on a figure that somebody derives anew, or it is written here why not."""

import numpy as np
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.models.table import MODELS
from tapeline.referee.controls import OF_CONTROLS
from tapeline.referee.figures import OF_TIER_A, Scored, direction_figures, trend_figures
from tapeline.schema import DIRECTION

# Gates on what the referee does not derive, and why a figure there is right all the same.
OF_ACCOUNT = {
    "backtest.trades",
    "backtest.candidate_net_pnl",
    "backtest.net_pnl_low",
    "backtest.probabilistic_sharpe",
    "backtest.max_drawdown_inside",
    "backtest.candidate_max_drawdown_inside",
    "ftmo.breached",
    "ftmo.candidate_breached",
    "ftmo.zero_edge_p_value",
}  # each held in tests of its own beside this one
NOT_DERIVED = {
    "ftmo.is_within_limits": "counts of orders and positions a day, by tests/trading alone",
    "release.deflated_sharpe": "taken at a promotion of the days' PnL, which are derived anew, by its trials",
    "ftmo.pass_probability_gain": "resampled days of accounts whose fills and money are derived anew",
    "promotion.leaks": "counted by the audits, which are made again before a promotion",
    "promotion.expectations_failed": "likewise",
    "promotion.lstm_onnx_difference": "the replay compares what was packed row by row",
    "promotion.transformer_onnx_difference": "likewise",
    "promotion.baseline_direction_onnx_difference": "the replay compares what was packed row by row",
    "promotion.baseline_trend_onnx_difference": "likewise",
    "promotion.ensemble_direction_onnx_difference": "likewise",
}


def test_every_gate_is_on_a_figure_that_is_derived_anew_or_has_a_reason_not_to_be():
    """Of the gates that are shipped; a reason that no gate needs goes."""
    empty, derived = Scored(*(np.empty(0) for _ in range(7))), set(OF_ACCOUNT)
    for model in MODELS:
        is_direction = model.label == DIRECTION
        keys = direction_figures(empty, 2, 0.9) if is_direction else trend_figures(empty, 0.9)
        derived |= {f"{model.name}.{prefix}{key}" for prefix in ("", "candidate_") for key in keys}
        derived |= {f"{model.name}.candidate_is_constant"}
        derived |= {f"{model.name}.{key}" for key in OF_TIER_A if is_direction}
        derived |= {f"{model.name}.{key}" for key in OF_CONTROLS[is_direction]}
    gates = YAML(typ="safe").load((ROOT / "params.yaml").read_text())["gates"]
    named = {gate for of_artifact in gates.values() for gate in of_artifact}
    assert named - derived == set(NOT_DERIVED)
