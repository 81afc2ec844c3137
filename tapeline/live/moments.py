"""One bar of predictions: those that wait for their label, and what those that have one say."""

import math

import numpy as np

from tapeline.evaluation.promise import direction_values, trend_values
from tapeline.promotion.contract import Contract, Tiers
from tapeline.schema import DIRECTION
from tapeline.tiers import in_tiers


class Moment:
    """The symbols of one bar: predictions that wait for their label, and those that have one."""

    def __init__(self) -> None:
        self.waiting: dict[str, float] = {}
        self.predicted: list[float] = []
        self.labels: list[float] = []

    def values(self, contract: Contract) -> dict[str, float]:
        """By figure, the mean over the symbols; NaN where none says anything."""
        predicted, labels = np.array(self.predicted), np.array(self.labels)
        if contract.label.name == DIRECTION:
            tiers = contract.tiers or Tiers(tiers={}, trade_tiers=())
            of = direction_values(predicted, labels, in_tiers(predicted, tiers.tiers, tiers.trade_tiers))
        else:
            of = trend_values(predicted, labels)
        known = {name: values[~np.isnan(values)] for name, values in of.items()}
        return {name: float(values.mean()) if values.size else math.nan for name, values in known.items()}
