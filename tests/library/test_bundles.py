"""A promoted bundle on own tables says what the stream says, and refuses in a sentence."""

import pandas as pd
import pytest

from tapeline import api
from tapeline.schema import OHLCV
from tapeline.serving.batch import answer_table
from tapeline.serving.stream import Stream
from tests.serving.bundles import market

pytestmark = pytest.mark.slow  # bundles are made by torch


@pytest.fixture(scope="module")
def tables():
    """Canonical candles of the leader and its follower."""
    return market()


def test_it_says_what_serving_says(bundles, tables):
    """Numbers, tiers and reasons of every real candle, from plain candles, filled ones left out."""
    plain = {name: table.loc[~table["is_filled"], ["timestamp", *OHLCV]] for name, table in tables.items()}
    found, stream = api.predict(plain, bundles), Stream(*bundles)
    for symbol, table in tables.items():
        answers = list(answer_table(stream, symbol, table, tables["AAA-USD"]))
        own = found[found["symbol"] == symbol]
        assert list(own["status"]) == [answer.status for answer in answers]
        assert list(own["reason"]) == [answer.reason for answer in answers]
        for name in ("probability", "trend_strength"):
            expected = [getattr(answer.single, name) for answer in answers]
            assert list(own[name].dropna()) == [value for value in expected if value is not None]
        assert list(own["tier"].dropna()) == [a.single.tier for a in answers if a.single.tier is not None]
        assert (own["status"] == "predicted").sum() > 300


def test_the_newest_alone_and_a_candle_that_is_still_open(bundles, tables):
    """`last` counts candles that have closed; the open one is refused, by name."""
    step = pd.Timedelta(minutes=1)
    now = pd.Timestamp.now("UTC").floor("min").as_unit("us")
    moved = {
        name: table.assign(timestamp=table["timestamp"] + (now + step - table["timestamp"].iloc[-1]))
        for name, table in tables.items()
    }
    found = api.predict(moved, bundles[:1], last=2)
    assert set(found.groupby("symbol")["status"].last()) == {"refused"}
    assert "is still open" in found["reason"].iloc[-1]
    assert (found["status"] == "predicted").sum() == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: {"candles": {"CCC-USD": t["AAA-USD"]}}, "CCC-USD'? is no symbol that was trained on"),
        (lambda t: {"candles": {"BBB-USD": t["BBB-USD"]}}, "candles has no AAA-USD: it leads"),
        (lambda t: {"candles": t | {"BBB-USD": t["BBB-USD"][["timestamp"]]}}, "BBB-USD has no column open"),
        (lambda t: {"bundles": []}, "bundles is .*: must be a list of folders"),
        (lambda t: {"bundles": "models"}, "bundles is 'models': must be a list of folders"),
        (lambda t: {"bundles": ["nowhere"]}, "nowhere/manifest.json: is missing"),
        (lambda t: {"last": -1}, "last is -1"),
    ],
)  # fmt: skip
def test_what_cannot_be_predicted_gets_a_sentence(bundles, tables, change, told):
    """What is wrong, as a TapelineError."""
    with pytest.raises(api.TapelineError, match=told):
        api.predict(**{"candles": tables, "bundles": bundles} | change(tables))
