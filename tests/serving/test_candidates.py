"""What latency is measured on, and what of the time is whose."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ArtifactError
from tapeline.outputs import write_table
from tapeline.serving.candidates import latency_records, newest_candles, open_candidates
from tapeline.serving.timing import Timed, Timings
from tests.candles import random_candles


def stream_of(*names):
    """A stream whose bundles are of these networks; the first symbol is B."""
    contract = SimpleNamespace(input=SimpleNamespace(symbols=("B", "A")))
    bundles = (SimpleNamespace(contract=contract, model=SimpleNamespace(network=name)) for name in names)
    predictors = [SimpleNamespace(bundle=bundle) for bundle in bundles]
    return SimpleNamespace(predictors=predictors, lookback=30, length=12)


def test_without_a_bundle_there_is_a_sentence(tmp_path):
    """What is missing and what makes it."""
    with pytest.raises(ArtifactError, match="holds no bundle; `dvc repro promote` packs them"):
        open_candidates(tmp_path, allow_simulated=True)


def test_the_newest_real_candles_of_the_longest_segment_are_fed(tmp_path):
    """As many as warm-up, context and predictions take; none that was filled."""
    table = random_candles(300, gap_at=220)
    table.loc[[100, 150, 219], "is_filled"] = True
    write_table(tmp_path / "B.parquet", table)
    symbol, candles = newest_candles(tmp_path, stream_of("lstm"), n_predicted=20)
    kept = [row for row in range(220) if row not in (100, 150, 219)][-62:]
    assert symbol == "B"
    assert candles["timestamp"].tolist() == table["timestamp"].iloc[kept].tolist()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_network_alone_takes_all_but_the_others_own_time(n):
    """In milliseconds: its own and what is common to all; together they are what a candle took."""
    names = ["lstm", "transformer", "gru"][:n]
    own = [np.full(5, 1e6 * (k + 1)) for k in range(n)]
    total = np.full(5, 2e6 + sum(range(1, n + 1)) * 1e6)
    wall = Timings(total, np.full(5, 1.5e6), own)
    cpu = Timings(total - 1e6, np.full(5, 1.5e6), own)
    metrics, detail = latency_records(stream_of(*names), Timed(wall, cpu))
    for k, name in enumerate(names):
        assert metrics[f"{name}_latency_p99_ms"] == pytest.approx(2 + k + 1)
        assert metrics[f"{name}_cpu_p99_ms"] == pytest.approx(1 + k + 1)
        assert detail[name]["p50_ms"] == pytest.approx(k + 1)
    assert metrics["all_latency_p50_ms"] == pytest.approx(2 + sum(range(1, n + 1)))
    assert (metrics["candles"], detail["rest"]["p50_ms"]) == (5, pytest.approx(0.5))
    assert detail["waiting"]["p99_ms"] == pytest.approx(1)
    assert pd.notna(detail["machine"]["processor"])
