"""Which calibration a network gets from its validation rows: one that later days bear out, or none."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tapeline.losses import log_losses
from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_maps import isotonic_map, platt_map
from tapeline.nets.days import Estimate, mean_over_days

FloatArray = NDArray[np.float64]
PLAIN = {"kind": "none"}
EARLIER_DAYS = 2  # at least, that a map is fitted on: a single one tells nothing of its error
FITS = {"platt": platt_map, "isotonic": isotonic_map}


@dataclass(frozen=True)
class CalibrationRows:
    """Validation rows, (n,) each, n >= 1: a network's logit, label in 0..1, UTC days of candle and label end.

    is_direction : whether a label is a side, which is then the network's own in any calibration
    """

    logits: FloatArray
    labels: FloatArray
    day: NDArray[np.int64]
    label_day: NDArray[np.int64]
    is_direction: bool

    def where(self, mask: NDArray[np.bool_]) -> "CalibrationRows":
        """The rows where `mask` (n,) is true."""
        return CalibrationRows(
            self.logits[mask], self.labels[mask], self.day[mask], self.label_day[mask], self.is_direction
        )

    def losses(self, record: dict[str, Any]) -> FloatArray:
        """Log loss (n,) of these rows, calibrated as `record` says, in the precision that is served."""
        calibrated = Calibration(record)(torch.from_numpy(self.logits.astype(np.float32)))
        return log_losses(calibrated.numpy().astype(np.float64), self.labels)


def fit_calibration(kind: str, rows: CalibrationRows) -> dict[str, Any]:
    """Fit `kind` on validation `rows`; the record is JSON, and of kind `none` where it is not worth having.

    It is fitted on all rows, and kept where such a map, fitted on the days before each of the later ones,
    lowers the log loss of these beyond the interval over days (`later_gain`).
    """
    if kind == "none":
        return dict(PLAIN)
    gain = later_gain(kind, rows)
    low, high = gain.ends
    if low is None or high is None:
        return PLAIN | {"why": f"{kind}: no interval of what later days gain, of {gain.days} of them"}
    if low == high:
        return PLAIN | {"why": f"{kind}: it stays the plain sigmoid on all {gain.days} later days"}
    told = f"log loss of {gain.days} later days is lower by {gain.value:.3g} [{low:.3g}, {high:.3g}]"
    if low <= 0:
        return PLAIN | {"why": f"{kind}: {told}"}
    return FITS[kind](rows.logits, rows.labels, rows.day, rows.is_direction) | {"why": told}


def later_gain(kind: str, rows: CalibrationRows) -> Estimate:
    """What `kind` takes off the log loss of later days, fitted for each on labels that ended before it."""
    gains, days = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for day in np.unique(rows.day):
        earlier, later = rows.where(rows.label_day < day), rows.where(rows.day == day)
        if len(np.unique(earlier.day)) < EARLIER_DAYS:
            continue
        record = FITS[kind](earlier.logits, earlier.labels, earlier.day, rows.is_direction)
        gains.append(later.losses(PLAIN) - later.losses(record))
        days.append(later.day)
    gain, day = np.concatenate(gains), np.concatenate(days)
    return mean_over_days(gain, day) if gain.size else Estimate(0.0, None, 0)
