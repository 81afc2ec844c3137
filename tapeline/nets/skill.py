"""What a network knows that a constant does not: told of its validation, before anything is calibrated."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.losses import log_losses
from tapeline.nets.days import mean_over_days

FloatArray = NDArray[np.float64]
EVEN = 0.5  # what is said of a direction by who knows nothing


def skill_figures(
    losses: FloatArray, labels: FloatArray, day: NDArray[np.int64], training_mean: float, is_direction: bool
) -> dict[str, float | int | None]:
    """Log loss that a network takes off a constant's, paired over UTC days, and whether that is skill.

    losses : (n,) log losses of the network, uncalibrated, on validation with `labels` and UTC `day`, (n,)
    training_mean : mean training label, the constant; of a direction a half is one too, and the better counts

    Skill is a gain whose interval lies above 0.
    """
    constants = {training_mean, EVEN} if is_direction else {training_mean}
    gains = [mean_over_days(log_losses(np.full(len(labels), p), labels) - losses, day) for p in constants]
    least = min(gains, key=lambda gain: gain.value)
    low, high = least.ends
    return {
        "skill": least.value,
        "skill_low": low,
        "skill_high": high,
        "has_skill": int(low is not None and low > 0),
        "validation_days": least.days,
    }


def no_skill(figures: Mapping[str, Any]) -> str | None:
    """A line on a network without skill on validation, of `figures` as above; None where it has some.

    None, too, of a training that an earlier version left, which tells nothing of it.
    """
    if figures.get("has_skill", 1):
        return None
    low, high = figures["skill_low"], figures["skill_high"]
    interval = "no interval" if low is None else f"interval {low:.2g} to {high:.2g}"
    days = "1 day" if figures["validation_days"] == 1 else f"{figures['validation_days']} days"
    return (
        "no skill on validation: uncalibrated, it takes "
        f"{figures['skill']:.2g} off the log loss of a constant ({interval} over {days})"
    )
