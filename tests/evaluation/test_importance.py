"""Importance: the loss that a group's absence adds, with an interval, largest first."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, mean_absolute_error

from tapeline.evaluation.importance import group_importance
from tapeline.evaluation.params import EvaluationParams

PARAMS = EvaluationParams(
    level=0.95,
    block=20,
    resamples=300,
    bins=10,
    edge_shares=(1.0,),
    edge_holds=(5,),
    seed=3,
)


def rows_table(n=1000):
    """A good prediction, one without a group that matters, one without a group that does not."""
    rng = np.random.default_rng(0)
    p = rng.random(n)
    return pd.DataFrame(
        {
            "bar": np.arange(n), "label": (rng.random(n) < p).astype(float), "prediction": p,
            "idle": np.clip(p + rng.normal(0, 0.001, n), 0, 1), "matters": rng.permutation(p),
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "oracle"), [("log_loss", log_loss), ("absolute_error", mean_absolute_error)]
)
def test_it_is_the_difference_of_the_losses(kind, oracle):
    """Scikit-learn's losses, one less the other; the interval holds it; zero is outside where it matters."""
    rows = rows_table()
    found = group_importance(rows, ["idle", "matters"], kind, PARAMS)
    assert list(found) == ["matters", "idle"]
    for name, figures in found.items():
        expected = oracle(rows["label"], rows[name]) - oracle(rows["label"], rows["prediction"])
        assert figures[f"added_{kind}"] == pytest.approx(expected, abs=1e-6)
        assert figures["low"] <= figures[f"added_{kind}"] <= figures["high"]
    assert found["matters"]["low"] > 0
    assert found["idle"]["high"] < found["matters"]["low"]


def test_nothing_looked_into_is_nothing_found():
    """With `train.importance_rows: 0` there are no rows."""
    assert group_importance(rows_table().iloc[:0], [], "log_loss", PARAMS) == {}
