"""Looking every minute makes no more false alarms than said, and what has gone bad is found."""

import numpy as np
import pytest

from tapeline.evaluation.sequential import STAKES, Purse, delay

YEAR = 35_040  # rounds of 15 minutes


def richest(values, bound, is_floor=True, rounds=YEAR):
    """By path, (n_paths, n): the most that the purse ever held; all at once, by the definition."""
    mean = bound if is_floor else 1 - bound
    values = values if is_floor else 1 - values
    stakes = STAKES / (1 - mean)
    money = np.full((len(values), len(STAKES)), 0.5)
    most = np.zeros(len(values))
    for column in values.T:
        money = (money + 0.5 / rounds) * (1 + stakes * (mean - column[:, None]))
        most = np.maximum(most, money.mean(axis=1))
    return most


def test_the_purse_is_that_of_its_definition():
    """Of a floor and of a ceiling."""
    rng = np.random.default_rng(0)
    for is_floor in (True, False):
        purse, values = Purse(0.6, is_floor, YEAR), rng.random(200)
        most = max(purse.update(value) for value in values)
        assert most == pytest.approx(richest(values[None], 0.6, is_floor)[0])


@pytest.mark.parametrize(
    "kind",
    [
        "moods",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("five symbols", "moods of all symbols")),
    ],
)
def test_a_year_at_the_bound_rarely_alarms(kind):
    """In 400 years whose mean is the bound itself, at most the promised share reaches 1 / a at any time.

    Moods: four hours long, in which the accuracy is five points above its mean or below it.
    """
    rng, n, mean = np.random.default_rng(1), 400, 0.65
    mood = np.repeat(rng.choice([-0.05, 0.05], (n, YEAR // 16)), 16, axis=1)
    values = {
        "five symbols": lambda: rng.binomial(5, mean, mood.shape) / 5,
        "moods": lambda: rng.binomial(3, mean + mood) / 3,
        "moods of all symbols": lambda: (rng.random(mood.shape) < mean + mood).astype(float),
    }[kind]()
    rounds = values[:, : values.shape[1] // 32 * 32].reshape(n, -1, 32).mean(axis=2)  # of eight hours
    most = richest(rounds, mean, rounds=rounds.shape[1])
    for level in (0.2, 0.05):
        share = (most >= 1 / level).mean()
        assert share <= level + 3 * np.sqrt(level * (1 - level) / n)


def test_what_has_gone_bad_is_found_late_as_well():
    """A model that was fine for half a year and lost five points is found, whatever it had won before."""
    rng = np.random.default_rng(2)
    fine = rng.binomial(3, 0.70, YEAR // 2) / 3
    bad = rng.binomial(3, 0.62, YEAR // 2) / 3
    purse = Purse(0.67, True, YEAR)
    assert max(purse.update(value) for value in fine) < 100
    found = next(k for k, value in enumerate(bad) if purse.update(value) >= 600)
    assert found < 96 * 30


def test_turned_labels_are_found_within_hours():
    """Where every answer is turned around, a few rounds are enough."""
    rng = np.random.default_rng(3)
    purse = Purse(0.66, True, YEAR)
    found = next(k for k, value in enumerate(rng.binomial(3, 0.3, YEAR) / 3) if purse.update(value) >= 600)
    assert found < 40


def test_evidence_stays_a_number():
    """A model that is always wrong for a year, whose money would be no number any more."""
    purse = Purse(0.99, True, 100)
    for _ in range(10_000):
        purse.update(0.0)
    assert np.isfinite(purse.evidence)


def test_the_delay_is_that_of_the_purse():
    """The median of what a purse takes, for what has fallen; nothing is found where nothing has."""
    rng, rounds = np.random.default_rng(5), 1095
    took = []
    for _ in range(60):
        purse = Purse(0.62, True, rounds)
        found = (k + 1 for k in range(rounds) if purse.update(np.clip(rng.normal(0.55, 0.06), 0, 1)) >= 600)
        took.append(next(found, rounds))
    assert delay(0.62, 0.55, 0.06, rounds, 600, is_floor=True) == pytest.approx(np.median(took), rel=0.25)
    turned = delay(0.38, 0.45, 0.06, rounds, 600, is_floor=False)
    assert turned == pytest.approx(np.median(took), rel=0.25)
    assert delay(0.62, 0.66, 0.06, rounds, 600, is_floor=True) == -1
