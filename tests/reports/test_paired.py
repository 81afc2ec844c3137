"""Two runs on the same rows: only what both have and label alike is compared; chance is not called sure."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.models.table import MODELS, TRADED
from tapeline.reports.paired import pair_days, pair_models, pair_rows, same_labels

DIRECTION, STRENGTH = TRADED
N, LEVEL = 600, 0.95
TIMES = pd.date_range("2024-01-01", periods=N, freq="min", tz="UTC")


def table(prediction, symbol="A", times=TIMES):
    """Predictions of one symbol."""
    return pd.DataFrame({"symbol": symbol, "timestamp": times, "prediction": prediction})


def labels(values, symbol="A", times=TIMES):
    """Labels of one symbol."""
    return pd.DataFrame({"symbol": symbol, "timestamp": times, "label": values})


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_difference_is_of_the_means_and_turns_round_with_the_runs(seed, is_direction):
    """Means by an own formula; B against A is A against B with the other sign, interval and all."""
    rng = np.random.default_rng(seed)
    model = DIRECTION if is_direction else STRENGTH
    true = rng.integers(0, 2, N).astype(float) if is_direction else rng.random(N)
    one, other = table(rng.random(N)), table(rng.random(N))
    there = pair_rows(model, one, other, labels(true), 1, LEVEL)
    back = pair_rows(model, other, one, labels(true), 1, LEVEL)
    p, q = one["prediction"].to_numpy(), other["prediction"].to_numpy()
    if is_direction:
        chosen = [np.where(true == 1, x, 1 - x) for x in (p, q)]
        expected = {
            "accuracy_all": [np.mean((x >= 0.5) == (true == 1)) for x in (p, q)],
            "log_loss": [-np.mean(np.log(x)) for x in chosen],
            "brier": [np.mean((1 - x) ** 2) for x in chosen],
        }
    else:
        expected = {"mae": [np.mean(np.abs(x - true)) for x in (p, q)]}
    assert {pair.key: [pair.first, pair.second] for pair in there} == {
        key: pytest.approx(values) for key, values in expected.items()
    }
    for forth, reverse in zip(there, back, strict=True):
        assert forth.low < forth.difference < forth.high
        assert (forth.low, forth.high) == pytest.approx((-reverse.high, -reverse.low))


def test_a_better_run_differs_and_two_coins_hardly_ever_do():
    """Four in five right against one half; of forty pairs of coins two are expected to seem to differ."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, N).astype(float)
    better = np.where(rng.random(N) < 0.8, 0.3 + 0.4 * true, 0.7 - 0.4 * true)
    pairs = [
        pair_rows(DIRECTION, table(rng.random(N)), table(rng.random(N)), labels(true), 1, LEVEL)[0]
        for _ in range(40)
    ]
    assert sum(pair.verdict == "differs" for pair in pairs) <= 7
    assert (
        pair_rows(DIRECTION, table(rng.random(N)), table(better), labels(true), 1, LEVEL)[0].verdict
        == "differs"
    )
    same = pair_rows(DIRECTION, table(better), table(better), labels(true), 1, LEVEL)
    assert {pair.verdict for pair in same} == {"the same"}


def test_only_candles_of_both_runs_are_compared():
    """One run has an hour that the other lacks, and a symbol; neither moves a figure."""
    true = np.tile([0.0, 1.0], N // 2)
    one = pd.concat([table(0.9 * true), table(1 - true, symbol="B")])
    other = table(0.8 * true[60:], times=TIMES[60:])
    known = pd.concat([labels(true), labels(true, symbol="B")])
    pairs = pair_rows(DIRECTION, one, other, known, 1, LEVEL)
    assert {pair.number for pair in pairs} == {N - 60}
    assert pairs[0].first == pairs[0].second == 1.0
    nothing = pair_rows(DIRECTION, one, table(true, symbol="C"), known, 1, LEVEL)
    assert "predicted by both" in nothing


def test_days_are_those_of_both_accounts():
    """Net PnL of a day that only one account was open, or that has none, is left out."""
    days = [f"2024-01-{day:02}" for day in range(1, 11)]
    one = pd.DataFrame({"day": days, "net_pnl": np.arange(10.0)})
    other = pd.DataFrame({"day": days[2:], "net_pnl": [*np.arange(2.0, 9.0) + 5, np.nan]})
    (pair,) = pair_days(one, other, LEVEL)
    assert (pair.number, pair.first, pair.second) == (7, sum(range(2, 9)), sum(range(2, 9)) + 35)
    assert "share no day" in pair_days(one, other.assign(day="2025"), LEVEL)


class Run:
    """Stands for a run: its params, and tables by path."""

    def __init__(self, tables, **params):
        self.tables, self.given = tables, {"data.interval": "1m", "labels.horizon": 15} | params

    def params(self):
        """Params by dotted key."""
        return self.given

    def parquet(self, path, columns):
        """A table."""
        return self.tables[path][columns]


def test_labels_of_another_meaning_are_not_paired():
    """Fifteen candles ahead and thirty: a candle that both call right says nothing of either."""
    (why,) = pair_models(Run({}), Run({}, **{"labels.horizon": 30}), LEVEL)
    assert "labels.horizon" in why


def test_runs_of_two_markets_share_no_candle():
    """Without a symbol in common each model ends in a line, as it does without a time in common."""
    features = pd.DataFrame({"timestamp": TIMES, "is_filled": False, "direction": 1.0, "trend_strength": 0.5})

    def run(symbol):
        predictions = {f"data/predictions/{m.name}.parquet": table(0.6, symbol) for m in MODELS}
        return Run({f"data/features/{symbol}.parquet": features} | predictions)

    lines = list(pair_models(run("BTC-USD"), run("BTC-USDT"), LEVEL))
    assert lines == [f"{m.title}: no candle with a label was predicted by both" for m in MODELS]


def test_a_candle_that_is_labelled_otherwise_or_filled_in_one_run_is_left_out():
    """Corrected candles change labels: what is compared must be the same question."""
    features = pd.DataFrame({"timestamp": TIMES[:5], "is_filled": False, "direction": [1.0, 0, 1, 0, np.nan]})
    other = features.assign(direction=[1.0, 1, 1, 0, 1], is_filled=[False, False, False, True, False])
    path = "data/features/A.parquet"
    found = same_labels(Run({path: features}), Run({path: other}), "direction", ["A"])
    assert found["timestamp"].tolist() == [TIMES[0], TIMES[2]]
    assert found["label"].tolist() == [1.0, 1.0]
