"""Tiers by share know validation alone, fold by fold; a planted look at the test is seen."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

import tapeline.backtest.tiers as tiers
from tapeline.backtest.signals import SignalParams
from tapeline.closure import ROOT
from tapeline.params import Params

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
N, FOLDS = 400, 3


def signals(**changes):
    """The shipped section with changes."""
    return Params({"signals": SHIPPED["signals"] | changes}).section("signals", SignalParams)


def predictions(seed, width=0.2):
    """Of every fold so many rows; each fold's network is surer than the one before."""
    rng = np.random.default_rng(seed)
    fold = np.repeat(np.arange(FOLDS), N)
    spread = width * (1 + fold)
    return pd.DataFrame({"fold": fold, "prediction": 0.5 + spread * rng.uniform(-0.5, 0.5, len(fold))})


def thresholds_stay(add_tiers, seed, row):
    """Whether one test row's tier stays what it is, whatever all other test rows become."""
    by_share, validation = signals(tier_by="share"), predictions(seed)
    test = predictions(seed + 1)
    others = predictions(seed + 2, width=0.3)
    others.loc[row, "prediction"] = test.loc[row, "prediction"]
    found = (add_tiers(rows, by_share, validation)["tier"][row] for rows in (test, others))
    return len(set(found)) == 1


@given(st.integers(0, 1000), st.integers(0, FOLDS * N - 1))
def test_a_tier_does_not_depend_on_other_test_rows(seed, row):
    """They could be anything."""
    assert thresholds_stay(tiers.add_tiers, seed, row)


def test_thresholds_from_the_test_would_be_seen():
    """The same property, with the test handed in for validation: red for some row."""

    def leaking(rows, by_share, validation):
        return tiers.add_tiers(rows, by_share, rows)

    surest = predictions(1)["prediction"].sub(0.5).abs().groupby(predictions(1)["fold"]).nlargest(8)
    assert not all(thresholds_stay(leaking, 0, row) for _, row in surest.index)


def test_every_fold_has_thresholds_of_its_own():
    """Never pooled: each fold's tier A holds a hundredth of its own validation, surer or not."""
    by_share, validation = signals(tier_by="share"), predictions(5)
    found = tiers.add_tiers(validation, by_share, validation)
    assert found.groupby("fold")["tier"].apply(lambda of: (of == 0).sum()).tolist() == [4, 4, 4]
    lows = [tiers.model_ranges(by_share, validation, k)["A"][0] for k in range(FOLDS)]
    assert lows == sorted(lows)
    assert len(set(lows)) == FOLDS


def test_tiers_by_confidence_look_at_no_validation():
    """Ranges as the params have them, the same for every fold."""
    by_confidence, test = signals(tier_by="confidence"), predictions(6)
    assert tiers.model_ranges(by_confidence, None, 0) == by_confidence.ranges
    found = tiers.add_tiers(test, by_confidence, None)
    of = (test["prediction"] - 0.5).abs() + 0.5
    assert ((found["tier"] == 0) == (of >= 0.7)).all()
