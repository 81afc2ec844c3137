"""What a stream will not take: candles still open, strays, symbols and markets that nothing is known of."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ArtifactError, DataError
from tapeline.schema import OHLCV
from tapeline.serving.batch import predict_files
from tapeline.serving.stream import Stream
from tests.serving.bundles import LENGTH, LOOKBACK, MARKET, MAX_FILL, market, of_market

SIMULATED = {"name": "simulated", "source": "simulated"}
NEEDED = LOOKBACK + LENGTH - 1  # candles before the first prediction


def rows_of(symbol, n=NEEDED + 20):
    """Candles of one symbol, as they would arrive."""
    return market(n)[symbol][["timestamp", *OHLCV]].to_dict("records")


def moved(row, **by):
    """The same candle at another time."""
    return row | {"timestamp": row["timestamp"] + pd.Timedelta(**by)}


def test_a_candle_is_refused_until_its_minute_is_over(bundles):
    """By the clock given; then the same candle, closed, is predicted."""
    rows, now = rows_of("AAA-USD", NEEDED), [0.0]
    stream = Stream(*bundles, clock=lambda: now[0])
    for row in rows:
        now[0] = row["timestamp"].timestamp() + 59.999
        early = stream.feed("AAA-USD", row | {"close": row["open"]})
        assert early.status == "refused"
        assert "is still open: it ends at" in early.reason
        now[0] += 0.001
        answer = stream.feed("AAA-USD", row)
    assert answer.status == "predicted"
    calm = Stream(*bundles)
    assert [calm.feed("AAA-USD", row) for row in rows][-1] == answer


def test_an_open_candle_in_a_file_is_refused_and_those_before_it_answered(bundles, tmp_path):
    """The newest `last` are of those that have closed."""
    table = market(NEEDED + 3)["AAA-USD"]
    (tmp_path / "AAA-USD").mkdir()
    table[["timestamp", *OHLCV]].to_csv(tmp_path / "AAA-USD/1m.csv", index=False)
    during = table["timestamp"].iloc[-1].timestamp() + 30
    stream = Stream(*bundles, clock=lambda: during)
    answers = list(predict_files(stream, tmp_path, ("AAA-USD",), last=2))
    assert [answer.status for answer in answers] == ["predicted", "predicted", "refused"]
    times = table["timestamp"].iloc[-3:].tolist()
    assert [pd.Timestamp(answer.timestamp) for answer in answers] == times
    assert "is still open" in answers[-1].reason


@pytest.mark.parametrize("stray", [{"days": 5900}, {"days": 300}, {"minutes": 40}, {"minutes": MAX_FILL}])
@pytest.mark.parametrize("at", [0, NEEDED + 10])
@pytest.mark.parametrize("symbol", ["AAA-USD", pytest.param("BBB-USD", marks=pytest.mark.slow)])
def test_one_candle_of_another_time_is_held_back(bundles, symbol, at, stray):
    """In the future or only far ahead, of leader or follower: the others are answered as without it."""
    rows = {name: rows_of(name) for name in ("AAA-USD", "BBB-USD")}
    disturbed, calm = Stream(*bundles), Stream(*bundles)
    told = {"disturbed": [], "calm": []}
    for i in range(len(rows["AAA-USD"])):
        for name in rows:
            if name == symbol and i == at:
                assert disturbed.feed(name, moved(rows[name][i], **stray)).status != "predicted"
                for minutes in (1, 7):  # what jumps again confirms nothing
                    further = {key: 2 * value for key, value in stray.items()} | {"hours": minutes}
                    assert disturbed.feed(name, moved(rows[name][i], **further)).status != "predicted"
            told["disturbed"].append(disturbed.feed(name, rows[name][i]))
            told["calm"].append(calm.feed(name, rows[name][i]))
    assert told["disturbed"] == told["calm"]
    assert sum(answer.status == "predicted" for answer in told["calm"]) == 2 * 21


def test_a_stray_does_not_hide_that_the_leader_was_late(bundles):
    """Its candles that came late count for the follower as they do without the stray."""
    rows = {name: rows_of(name) for name in ("AAA-USD", "BBB-USD")}
    told = []
    for is_disturbed in (True, False):
        stream, answers = Stream(*bundles), []
        for i in range(NEEDED + 20):
            late = NEEDED + 4 <= i < NEEDED + 8
            due = [] if late else range(NEEDED + 4, i + 1) if i == NEEDED + 8 else [i]
            stray = moved(rows["BBB-USD"][i], minutes=3)
            if is_disturbed and i == NEEDED + 6:
                stream.feed("BBB-USD", stray)
            for k in due:
                stream.feed("AAA-USD", rows["AAA-USD"][k])
            if is_disturbed and i == NEEDED + 8:
                stream.feed("BBB-USD", stray)
            answers.append(stream.feed("BBB-USD", rows["BBB-USD"][i]))
        told.append(answers)
    assert told[0] == told[1]


def test_what_goes_on_after_a_gap_is_no_stray(bundles):
    """A late candle from before it is out of order, and the new stretch stays."""
    rows = rows_of("AAA-USD")
    stream = Stream(bundles[0])
    for row in rows[:10]:
        stream.feed("AAA-USD", row)
    later = [moved(row, days=1) for row in rows[10:]]
    assert [stream.feed("AAA-USD", row).status for row in later[:2]] == ["gap", "warming_up"]
    assert "out of order" in stream.feed("AAA-USD", rows[10]).reason
    assert stream.feed("AAA-USD", later[2]).missing == NEEDED - 3


def test_newest_first_is_out_of_order(bundles):
    """One candle may have been a stray, not every one of them."""
    stream = Stream(bundles[0])
    statuses = [stream.feed("AAA-USD", row).status for row in reversed(rows_of("AAA-USD", 10))]
    assert statuses == ["warming_up", "warming_up", *["refused"] * 8]


def test_unknown_symbols_take_no_memory(bundles):
    """However many names there are, only symbols that were trained on have a buffer."""
    row, stream = rows_of("AAA-USD", 1)[0], Stream(*bundles)
    stream.feed("AAA-USD", row)
    tracemalloc.start()
    for k in range(20_000):
        assert stream.feed(f"X{k}-USD", row).status == "refused"
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000


@pytest.mark.parametrize("name", ["BTC/USDT", "..", "../x", "", "a\nb", "C:x"])
def test_a_symbol_that_names_no_folder_is_refused_in_one_line(bundles, tmp_path, name):
    """Whether others than those trained on are allowed or not."""
    for is_allowed in (False, True):
        stream = Stream(*bundles, allow_untrained=is_allowed)
        with pytest.raises(DataError, match="^SYMBOLS: ") as caught:
            list(predict_files(stream, tmp_path, (name,)))
        assert "\n" not in str(caught.value)


def test_a_symbol_that_was_not_trained_on_is_refused_unless_allowed(bundles, tmp_path):
    """One by one and from files, naming those that were; no memory is kept for it."""
    row = rows_of("AAA-USD", 1)[0]
    stream = Stream(*bundles)
    answer = stream.feed("DOGE-USD", row)
    assert (answer.status, answer.single.probability) == ("refused", None)
    assert "'DOGE-USD' is no symbol that was trained on, AAA-USD, BBB-USD" in answer.reason
    assert stream.feed("AAA-USD", row).status == "warming_up"
    with pytest.raises(DataError, match="SYMBOLS: 'DOGE-USD' is no symbol .*ALLOW_UNTRAINED=1"):
        list(predict_files(stream, tmp_path, ("DOGE-USD",)))
    assert Stream(*bundles, allow_untrained=True).feed("DOGE-USD", row).status == "warming_up"


@pytest.mark.parametrize(
    ("of", "told"), [(SIMULATED, "the simulated market"), (None, "a market that it does")]
)
def test_a_bundle_of_the_simulated_market_or_of_none_known_is_refused(bundles, tmp_path, of, told):
    """Alone and beside one of an exchange, unless the candles are simulated or the user allows it."""
    folder = of_market(bundles[0], tmp_path / "lstm", of)
    for others in ([], bundles[1:]):
        with pytest.raises(ArtifactError, match=f"lstm: was trained on {told}.*ALLOW_SIMULATED=1"):
            Stream(folder, *others)
    stream = Stream(folder, bundles[1], allow_simulated=True)
    assert stream.market == f"{'simulated' if of else 'unknown'}, X"
    assert Stream(*bundles).market == "X"


def test_the_candles_of_a_run_are_predicted_as_they_lie_there(bundles, tmp_path):
    """Filled candles and segments as ingest left them; otherwise filled ones are refused."""
    tables, stream = market(), Stream(*bundles)
    record = MARKET | {"interval": "1m", "symbols": {}, "description": ""}
    (tmp_path / "origin.json").write_text(json.dumps(record | {"max_fill": stream.max_fill}))
    for name, table in tables.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    answers = list(predict_files(stream, tmp_path, ()))
    assert [answer.symbol for answer in answers] == ["AAA-USD"] * 600 + ["BBB-USD"] * 597
    assert all(np.isfinite(answer.single.probability) for answer in answers if answer.status == "predicted")
    assert {answer.status for answer in answers} == {"warming_up", "predicted"}
    assert any("before it were missing and are filled" in answer.reason for answer in answers)
    (tmp_path / "origin.json").write_text(json.dumps(record | {"max_fill": 3}))
    with pytest.raises(DataError, match="data.max_fill was 3, and lstm takes 5"):
        list(predict_files(stream, tmp_path, ()))
