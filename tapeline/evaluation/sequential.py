"""A test that may be looked at every minute: whether means have fallen below what was promised.

It bets against the promise. With X in 0..1 and a mean that is at least m whatever came before, nobody can
expect to win by staking a share l of his money on m - X: each round multiplies it by 1 + l (m - X), on
average by no more than 1 (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
betting"). Because a model may go bad late, money is put in again and again (the Shiryaev-Roberts e-detector
of Shin, Ramdas and Rinaldo 2024). By Doob's inequality the chance that the purse ever holds 1 / a within a
year is at most a times the money put in within that year, which is 1 here: no matter how often one looks.

"Whatever came before" is more than "on average". A model is right more often in one market's mood than in
another, and hits of one mood come in a row: at rounds of a quarter of an hour, moods of four hours that move
the accuracy by five points alarm 20 times as often as allowed, at rounds of eight hours no more than allowed.
So a round is the mean of some hours; only what has no moods, the difference of confidence and hit of a
calibrated model, is looked at by the hour.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
STAKES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])  # of the most that may be staked; a purse for each
FIRST = 0.5  # of the year's money, put in before the first round; the rest in equal parts
RICHEST = 1e300  # beyond which nothing is added
PATHS = 200  # of a simulated delay


class Purse:
    """Evidence that the mean of numbers in 0..1 has left its bound; each update takes the next number.

    bound : that the mean keeps, if all is well; is_floor : it lies above the bound, else below
    rounds : numbers that a year brings; money is put in by it
    """

    def __init__(self, bound: float, is_floor: bool, rounds: int) -> None:
        self._mean = bound if is_floor else 1 - bound  # of X, or of 1 - X: that it falls is what is bet on
        self._is_floor, self._part = is_floor, (1 - FIRST) / max(1, rounds)
        self._stakes = STAKES / max(1 - self._mean, 1e-9)
        self._money = np.full(len(STAKES), FIRST)
        self.n = 0

    @property
    def evidence(self) -> float:
        """Money in the purse, the average of all stakes; 1 / a is evidence at level a."""
        return float(self._money.mean())

    def update(self, value: float) -> float:
        """Take a number of 0..1, and return the evidence after it."""
        value = value if self._is_floor else 1 - value
        grown = (self._money + self._part) * (1 + self._stakes * (self._mean - value))
        self._money = np.minimum(grown, RICHEST)
        self.n += 1
        return self.evidence


def delay(
    figure_bound: float, mean: float, deviation: float, rounds: int, evidence: float, is_floor: bool
) -> int:
    """Median rounds until numbers of that mean and deviation give the `evidence`; -1: not within a year.

    By simulation, the same for the same arguments: rounds are independent and nearly normal.
    """
    rng = np.random.default_rng(0)
    drawn = np.clip(rng.normal(mean, deviation, (PATHS, rounds)), 0, 1)
    values, bound = (drawn, figure_bound) if is_floor else (1 - drawn, 1 - figure_bound)
    stakes = STAKES / max(1 - bound, 1e-9)
    money, part = np.full((PATHS, len(STAKES)), FIRST), (1 - FIRST) / max(1, rounds)
    found = np.full(PATHS, rounds)
    for k, column in enumerate(values.T):
        money = np.minimum((money + part) * (1 + stakes * (bound - column[:, None])), RICHEST)
        is_found = (money.mean(axis=1) >= evidence) & (found == rounds)
        found[is_found] = k + 1
        if (found < rounds).sum() > PATHS / 2:
            break
    median = int(np.median(found))
    return median if median < rounds else -1
