"""Skill on validation: a network against who knows nothing, by days."""

import numpy as np
import pytest

from tapeline.nets.calibration_fit import PLAIN
from tapeline.nets.skill import no_skill, skill_figures
from tests.nets.validation import validation


def figures(rows, training_mean=0.5):
    """Of a network's logits as they are."""
    return skill_figures(rows.losses(PLAIN), rows.labels, rows.day, training_mean, rows.is_direction)


def test_a_network_that_knows_something_has_skill():
    """Its gain is the constant's log loss less its own."""
    rows = validation(6, 1.0)
    found = figures(rows)
    assert found["skill"] == pytest.approx(np.log(2) - rows.losses(PLAIN).mean())
    assert found["has_skill"] == 1
    assert found["validation_days"] == 6
    assert no_skill(found) is None


@pytest.mark.parametrize("slope", [0.0, -1.0])
def test_a_network_that_knows_nothing_is_told(slope):
    """Or the contrary, in a line with interval and days."""
    found = figures(validation(6, slope))
    assert found["has_skill"] == 0
    assert no_skill(found).startswith("no skill on validation: uncalibrated, it takes ")
    assert no_skill(found).endswith("over 6 days)")


def test_a_single_day_shows_no_skill():
    """Nothing is known of its chance."""
    found = figures(validation(1, 2.0))
    assert (found["skill_low"], found["skill_high"], found["has_skill"]) == (None, None, 0)
    assert "no interval over 1 day" in no_skill(found)


def test_the_better_of_two_constants_counts_for_a_direction():
    """A training that rose makes no skill of a half; a strength has its training's mean alone."""
    rows = validation(6, 0.0, drift=0.0, size=0.001)
    assert figures(rows, 0.8)["skill"] == pytest.approx(figures(rows, 0.5)["skill"])
    strength = validation(6, 0.0, drift=0.0, size=0.001, shift=-1.0, is_direction=False)
    assert figures(strength, 0.27)["skill"] < -0.05 < 0 < figures(strength, 0.9)["skill"]


def test_an_older_trainings_figures_tell_nothing():
    """It had no such field."""
    assert no_skill({"epochs": 3}) is None
