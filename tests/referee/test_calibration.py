"""Calibrations that were fitted on other rows, leave their days' interval or turn calls round are found."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_fit import PLAIN, fit_calibration
from tapeline.referee.calibration import DAY, check_calibration
from tapeline.referee.findings import Findings
from tapeline.referee.learned import Predictions
from tests.nets.validation import validation

MINUTE = 60_000_000


def claim(rows, record, loss=None):
    """Findings on a validation of one symbol calibrated as `record` says, and on the loss told of it."""
    number = np.arange(rows.day.size) % np.bincount(rows.day)[0]
    time = (rows.day + 19_000) * DAY + number * MINUTE
    values = Calibration(record)(torch.tensor(rows.logits, dtype=torch.float32)).numpy().astype(float)
    stamps = pd.to_datetime(time, unit="us", utc=True).as_unit("us")
    table = pd.DataFrame({"symbol": "AAA", "timestamp": stamps, "fold": 0, "prediction": values})
    label = "direction" if rows.is_direction else "trend_strength"
    market = [SimpleNamespace(symbol="AAA", time=time, label=lambda name: rows.labels)]
    findings = Findings()
    loss = rows.losses(record).mean() if loss is None else loss
    check_calibration(Predictions("one", label, table, table), record, loss, 0, market, findings)
    return findings


@pytest.mark.parametrize("kind", ["none", "platt", "isotonic"])
@pytest.mark.parametrize("is_direction", [True, False])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_a_training_fits_differs_in_nothing(kind, is_direction, seed):
    """Derived anew from single-precision predictions, by code of its own."""
    shift = 0.0 if is_direction else -1.0
    rows = validation(20, 0.3, seed, shift, is_direction=is_direction)
    record = fit_calibration(kind, rows)
    assert record["kind"] == kind
    findings = claim(rows, record)
    assert findings.differences == []
    assert findings.compared["calibration"] > 0


@pytest.mark.parametrize("is_direction", [True, False])
def test_a_line_fitted_on_other_days_is_found(is_direction):
    """As of the test, though it is as good a line there."""
    shift = 0.0 if is_direction else -1.0
    rows, others = (validation(20, 0.3, seed, shift, is_direction=is_direction) for seed in (0, 1))
    (found, *_) = claim(rows, fit_calibration("platt", others)).differences
    assert (found.check, found.what) == ("calibration", "one's calibration: slope, and shift")


@pytest.mark.parametrize(
    "change",
    [
        {"intercept": 0.02},
        {"kind": "isotonic", "raw": [0.2, 0.8], "calibrated": [0.3, 0.7]},
        {"kind": "isotonic", "raw": [0.5, 0.8], "calibrated": [0.5, 0.5], "is_symmetric": True},
    ],
)
def test_a_direction_that_may_be_turned_round_is_found(change):
    """An intercept, or a map that is not the same for both sides or says a half of a call."""
    rows = validation(20, 0.3)
    record = fit_calibration("platt", rows) | change
    assert "may turn a call round" in str(claim(rows, record).differences[0])


def test_a_slope_of_none_or_a_calibration_that_gains_nothing_is_found():
    """A constant; and a line that its own validation is worse with."""
    rows = validation(20, 1.0)
    level = {"kind": "platt", "slope": 0.0, "intercept": 0.0}
    assert any("slope" in found.what for found in claim(rows, level).differences)
    worse = {"kind": "platt", "slope": 3.0, "intercept": 0.0}
    assert any("takes off" in found.what for found in claim(rows, worse).differences)


def test_another_loss_than_that_of_the_predictions_is_found():
    """As of the network before it was calibrated."""
    rows = validation(20, 0.3)
    (found, *_) = claim(rows, fit_calibration("platt", rows), rows.losses(PLAIN).mean()).differences
    assert found.check == "validation loss"
