"""Candles in, answers recorded: equal to the batch, once each whatever happens, an account of their own."""

import json
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tapeline.backtest.portfolio import align_candles, align_predictions
from tapeline.errors import ArtifactError
from tapeline.evaluation.live import LiveParams
from tapeline.live.drift import Drift
from tapeline.live.followed import Followed
from tapeline.live.production import open_production
from tapeline.live.records import Records, open_to_write
from tapeline.live.replay import Replay
from tapeline.live.session import Session
from tapeline.live.state import read_state
from tapeline.live.stops import read_stops
from tapeline.live.told import Candle
from tapeline.schema import OHLCV
from tapeline.serving.batch import predict_files, read_candles
from tapeline.serving.recorded import Clock
from tapeline.tiers import NO_TIER
from tapeline.trading.accounts import TradingInputs
from tests.live.promoted import LIVE, SYMBOLS, WARM_UP, market, promote, since, write_market

PARAMS = LiveParams(**LIVE)
N = WARM_UP + 900
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


@pytest.fixture(scope="module")
def tables():
    """Candles of two symbols."""
    return market(N)


@pytest.fixture(scope="module")
def made(tmp_path_factory, tables):
    """Bundles in production and a folder of candles."""
    folder = tmp_path_factory.mktemp("live")
    return promote(folder / "promoted"), write_market(folder / "candles", tables)


@contextmanager
def session_of(folder, models, params=PARAMS):
    """A session with a clock that is set, and what it said and told."""
    clock, said, told = Clock(), [], []
    with open_to_write(folder) as writer:
        session = Session(writer, models, params, clock, said.append, told.append)
        session.said, session.told, session.clock = said, told, clock
        yield session


def replay(session, candles, begin, until=None, stop_after=None):
    """Feed recorded candles, after what is recorded; return how many batches that were."""
    source = Replay(session, session.clock, candles, begin, until, float("inf"))
    if not session.resume():
        session.learn(source.history())
    for n, batch in enumerate(source.batches(), start=1):
        session.take(batch)
        if n == stop_after:
            break


def recorded(folder):
    """All records."""
    return pd.DataFrame(list(Records(folder).read()))


@pytest.fixture(scope="module")
def whole(made, tables, tmp_path_factory):
    """The records of a replay that nothing interrupted, and its account."""
    folder = tmp_path_factory.mktemp("whole")
    with session_of(folder, made[0]) as session:
        replay(session, made[1], since(tables))
        session.save()
        drift = drift_in(session)
        trades, _ = session.followed.finish()
    return recorded(folder), trades, drift


def drift_in(session):
    """Rows counted by day, feature and tenth."""
    assert session.drift.rows > 0
    return {day: counts.tolist() for day, counts in session.drift._counts.items()}


def test_answers_are_those_of_the_batch(made, tables, whole):
    """Statuses, and numbers to 1e-5, candle by candle; every candle is answered once."""
    production = open_production(made[0], time.time, allow_simulated=False)
    rows, *_ = whole
    key = ["symbol", "timestamp"]
    assert not rows.duplicated(key).any()
    real = pd.concat([table.assign(symbol=symbol) for symbol, table in tables.items()])
    assert len(rows) == (real["timestamp"] >= since(tables)).sum()
    found = {(row["symbol"], row["timestamp"]): row for row in rows.to_dict("records")}
    n = 0
    for answer in predict_files(production.stream, made[1], ()):
        at = answer.symbol, pd.Timestamp(answer.timestamp).value // 1000
        if at not in found:
            continue
        row = found[at]
        assert row["status"] == answer.status
        numbers = json.loads(row["predictions"])
        for artifact, prediction in answer.predictions.items():
            assert numbers[artifact] == pytest.approx(prediction.value, abs=1e-5)
            n += 1
        if answer.predictions:
            assert row["probability"] == numbers["lstm-direction"]
            assert row["trend_strength"] == numbers["transformer-trend"]
            assert len(row["row"]) == 16
    assert n > 1000


def test_the_account_is_the_backtest_of_the_answers(made, tables, whole):
    """By the code of the stage `evaluate`, on the canonical candles of the same files."""
    rows, trades, _ = whole
    production = open_production(made[0], time.time, allow_simulated=False)
    canonical, _ = read_candles(production.stream, made[1], set(SYMBOLS))
    params = production.trading
    market_ = align_candles(
        {symbol: canonical[symbol] for symbol in SYMBOLS}, since(tables), 1,
        params.execution.volatility_candles, params.signals.atr_candles,
    )  # fmt: skip
    told = rows[rows["status"] == "predicted"].copy()
    told["timestamp"] = pd.to_datetime(told["timestamp"], unit="us", utc=True).astype("datetime64[us, UTC]")
    told["tier_number"] = told["tier"].map({"A": 0.0, "B": 1.0})
    assert set(told["tier"]) == {"A", "B"}
    aligned = {
        name: align_predictions(market_, told, name)
        for name in ("probability", "trend_strength", "tier_number")
    }
    tiers = aligned["tier_number"]
    tier = np.where(np.isnan(tiers), NO_TIER, tiers).astype(np.int8)
    inputs = TradingInputs(market_, aligned["probability"], aligned["trend_strength"], tier)
    expected = inputs.trade(params).trades
    assert len(expected) > 20
    for name in ("symbol", "side", "reason", "quantity", "entry_price", "exit_price", "net_pnl"):
        np.testing.assert_array_equal(trades[name], expected[name], err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_begun_again_it_goes_on_where_it_was(made, tables, whole, tmp_path, seed):
    """Ended three times in the middle: the same records, nothing twice, and the same account."""
    rng = np.random.default_rng(seed)
    for stop_after in (*rng.integers(1, 300, 3).tolist(), None):
        with session_of(tmp_path, made[0]) as session:
            replay(session, made[1], since(tables), stop_after=stop_after)
            session.save()
    trades, _ = session.followed.finish()
    expected, whole_trades, whole_drift = whole
    rows = recorded(tmp_path)
    pd.testing.assert_frame_equal(rows, expected)
    np.testing.assert_array_equal(trades["net_pnl"], whole_trades["net_pnl"])
    assert session.drift.rows == (expected["status"] == "predicted").sum()
    assert drift_in(session) == whole_drift


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_it_counts_features_that_were_not_saved(made, tables, whole, tmp_path, seed):
    """As of a run that nothing interrupted, though counts are on disk only now and then."""
    rng = np.random.default_rng(seed)
    n_saved = []
    for stop_after in (*rng.integers(1, 300, 3).tolist(), None):
        with session_of(tmp_path, made[0]) as session:
            save, saved = session.drift.save, []
            session.drift.save = lambda *details, save=save, saved=saved: (saved.append(1), save(*details))
            replay(session, made[1], since(tables), stop_after=stop_after)  # and no session.save()
            n_saved.append(len(saved))
    assert 0 < n_saved[-1] < 100
    assert drift_in(session) == whole[2]


def hasty(folder):
    """Bundles that break their promise within hours, and params by which that is seen."""
    models = promote(folder / "promoted", bounds={"overconfidence": 0.3})
    return models, PARAMS.model_copy(update={"false_stops": 0.5})


def grouped(session, candles, begin, split):
    """Feed recorded candles in groups of those of a bar, as `split` says; the account's trades at the end."""
    source = Replay(session, session.clock, candles, begin, None, float("inf"))
    session.learn(source.history())
    for batch in source.batches():
        for group in split(batch):
            session.take(group)
    return session.followed.finish()[0]


@pytest.mark.slow
def test_how_candles_of_a_bar_are_grouped_changes_nothing(made, tables, tmp_path):
    """All together or each alone: records, tiers, the stop, the account, what is watched, counts of drift."""
    models, params = hasty(tmp_path)
    rng, found = np.random.default_rng(0), {}
    splits = {
        "together": lambda batch: [batch],
        "alone": lambda batch: [[candle] for candle in batch],
        "either": lambda batch: [[candle] for candle in batch] if rng.random() < 0.5 else [batch],
    }
    for name, split in splits.items():
        with session_of(tmp_path / name, models, params) as session:
            trades = grouped(session, made[1], since(tables), split)
            found[name] = session, trades, recorded(tmp_path / name)
    first, trades, rows = found["together"]
    assert rows["is_stopped"].any()
    assert (rows["timestamp"][rows["is_stopped"]].value_counts() == 2).sum() > 100
    for name in ("alone", "either"):
        session, own_trades, own = found[name]
        numbers = ["probability", "trend_strength"]
        np.testing.assert_allclose(own[numbers], rows[numbers], atol=1e-6)
        others = [column for column in rows if column not in (*numbers, "predictions")]
        pd.testing.assert_frame_equal(own[others], rows[others])
        for column in trades.dtype.names:
            np.testing.assert_array_equal(own_trades[column], trades[column], err_msg=column)
        assert drift_in(session) == drift_in(first)
        for line, expected in zip(session.followed.watch.lines, first.followed.watch.lines, strict=True):
            assert line[:2] == expected[:2]
            assert line[4:] == pytest.approx(expected[4:], rel=1e-4)


@pytest.mark.slow
def test_a_stop_holds_whatever_params_say_later(made, tables, tmp_path):
    """Until its file is removed; `make watch` says so too; what was promoted else is not stopped."""
    models, params = hasty(tmp_path)
    lax = PARAMS.model_copy(update={"false_stops": 1e-9})
    with session_of(tmp_path / "live", models, params) as session:
        replay(session, made[1], since(tables))
        (said,) = [line for line in session.said if line.startswith("stop: ")]
    with session_of(tmp_path / "live", models, lax) as session:
        session.resume()
        assert session.followed.watch.is_stopped
        assert session.followed.is_stopped(0)
        assert session.followed.watch.stops == [said.removeprefix("stop: ")]
    with session_of(tmp_path / "live", models, params) as session:
        session.resume()
        (line,) = session.followed.watch.stops
        assert line.startswith("lstm-direction: overconfidence is"), "and what is so now is said as it is"
    state, *_ = read_state(tmp_path / "live", models, lax)
    assert (state.state, state.reasons[0]) == ("stop", said.removeprefix("stop: "))
    assert read_stops(tmp_path / "live", {"lstm-direction": "another"}) == ()
    (tmp_path / "live/stops.json").unlink()
    assert read_state(tmp_path / "live", models, lax)[0].state != "stop"
    with session_of(tmp_path / "live", models, lax) as session:
        session.resume()
        assert not session.followed.watch.is_stopped


def test_a_promotion_is_taken_over_at_the_next_candle(tables, made, tmp_path):
    """Said, recorded with the new ids, warmed up at once; the account of the new pair begins flat."""
    models = promote(tmp_path / "promoted")
    with session_of(tmp_path / "live", models) as session:
        replay(session, made[1], since(tables), stop_after=200)
        before = session.production.ids
        promote(models, seed=11)
        replay_on = Replay(session, session.clock, made[1], since(tables), None, float("inf"))
        for n, batch in enumerate(replay_on.batches()):
            session.take(batch)
            if n == 100:
                break
        after = session.production.ids
        assert before != after
        assert any(line.startswith("taken over: lstm-direction") for line in session.said)
        assert session.followed.span[0] > since(tables)
    rows = recorded(tmp_path / "live")
    assert rows["bundles"].nunique() == 2
    switched = rows[rows["bundles"] == json.dumps(after)]
    assert (switched["status"] == "predicted").mean() > 0.8, "it does not warm up from nothing"


def test_a_bundle_that_is_half_there_is_left_for_the_next_candle(tables, made, tmp_path):
    """What is promoted goes on being served, and a line says why the other is not."""
    models = promote(tmp_path / "promoted")
    with session_of(tmp_path / "live", models) as session:
        replay(session, made[1], since(tables), stop_after=5)
        before = session.production.ids
        (models / "lstm-direction/model.onnx").write_bytes(b"cut")
        manifest = json.loads((models / "lstm-direction/manifest.json").read_text())
        (models / "lstm-direction/manifest.json").write_text(json.dumps(manifest | {"bundle_id": "other"}))
        source = Replay(session, session.clock, made[1], since(tables), None, float("inf"))
        assert session.take(next(source.batches()))[0]["status"] == "predicted"
        assert session.production.ids == before
        batches = iter(source.batches())
        for _ in range(3):
            session.take(next(batches))
        assert len([line for line in session.said if line.startswith("not taken over: ")]) == 1
        whole = promote(tmp_path / "whole", seed=11) / "lstm-direction"
        for path in whole.iterdir():
            (models / "lstm-direction" / path.name).write_bytes(path.read_bytes())
        (models / "lstm-direction/model.onnx").write_bytes(b"still cut")
        session.take(next(batches))
        (models / "lstm-direction/model.onnx").write_bytes((whole / "model.onnx").read_bytes())
        session.take(next(batches))
        assert session.production.ids["lstm-direction"] != before["lstm-direction"]


def test_a_bundle_of_another_interval_is_not_taken_over(tables, made, tmp_path):
    """Said once, with what to do; what is promoted goes on being served."""
    models = promote(tmp_path / "promoted")
    with session_of(tmp_path / "live", models) as session:
        replay(session, made[1], since(tables), stop_after=5)
        before = session.production.ids
        promote(models, seed=11, interval="5m")
        source = Replay(session, session.clock, made[1], since(tables), None, float("inf"))
        for batch, _ in zip(source.batches(), range(3), strict=False):
            assert {each["status"] for each in session.take(batch)} == {"predicted"}
        assert session.production.ids == before
    (line,) = [line for line in session.said if line.startswith("not taken over: ")]
    assert "takes candles of 5m, these are of 1m; end `make live` and begin it anew" in line


DAMAGED = {
    "history.parquet": (b"no table", "can't be read"),
    "2026-02-01.jsonl": (b'{"symbol": 1}\nno record\n{}\n', "line 2 is no record"),
    "2026-02-01.parquet": (b"no table", "can't be read"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_folder_that_is_damaged_is_told_in_a_line(made, tmp_path, name):
    """Candles from before the first answer, lines of a day, a packed day: which file, and what to do."""
    content, told = DAMAGED[name]
    (tmp_path / name).write_bytes(content)
    with (
        session_of(tmp_path, made[0]) as session,
        pytest.raises(ArtifactError, match=f"{name}: {told}[^\n]* away[^\n]*$"),
    ):
        session.resume()
    assert (tmp_path / name).read_bytes() == content, "nothing is written over"


def test_a_broken_promise_stops_it(tables, made, tmp_path):
    """Coins that promised to be right more often than they say: answers without signals, no more trades."""
    models = promote(tmp_path / "promoted", bounds={"overconfidence": 0.3})
    hasty = PARAMS.model_copy(update={"false_stops": 0.5})
    with session_of(tmp_path / "live", models, hasty) as session:
        replay(session, made[1], since(tables))
        session.save()
        trades, _ = session.followed.finish()
        assert session.followed.watch.is_stopped
        (line,) = [line for line in session.said if line.startswith("stop: ")]
        assert "lstm-direction: overconfidence is" in line
        stopped = [answer for answer in session.told if answer["status"] == "stopped"]
    assert stopped
    assert not {"probability", "predictions", "tier"} & set(stopped[0])
    rows = recorded(tmp_path / "live")
    first = rows["is_stopped"].to_numpy().argmax()
    assert rows["is_stopped"][first:][rows["status"] == "predicted"].all()
    assert rows["probability"][rows["is_stopped"]].notna().all(), "it is watched on"
    last = (rows["timestamp"][first] - rows["timestamp"][0]) // 60_000_000
    assert trades["decision_bar"].max() <= last
    with session_of(tmp_path / "live", models, hasty) as session:
        session.resume()
        assert session.followed.watch.is_stopped, "it stays so"
        bad = [path.read_bytes() for path in sorted(models.glob("lstm-direction/*"))]
        names = [path.name for path in sorted(models.glob("lstm-direction/*"))]
        promote(models, seed=11)
        time_us = int(max(session.newest(symbol) for symbol in SYMBOLS))
        session.clock.now = time_us / 1e6 + 86_400

        def answer(minutes):
            fields = dict.fromkeys(OHLCV, 100.0) | {"timestamp": time_us + minutes * 60_000_000}
            session.take([Candle("AAA-USD", fields, 0)])

        answer(1)
        assert not session.followed.watch.is_stopped, "another version has its own promise"
        for name, content in zip(names, bad, strict=True):
            (models / "lstm-direction" / name).write_bytes(content)
        promote(tmp_path / "again", bounds={"overconfidence": 0.3})
        for path in (tmp_path / "again/transformer-trend").iterdir():
            (models / "transformer-trend" / path.name).write_bytes(path.read_bytes())
        answer(2)
        assert session.followed.watch.is_stopped, "promoted again it is what it was"


def test_late_and_corrected_candles_are_counted(tables, made, tmp_path):
    """What is not after the last of its symbol changes nothing that was answered."""
    with session_of(tmp_path, made[0]) as session:
        replay(session, made[1], since(tables), stop_after=50)
        n = len(recorded(tmp_path))
        row = tables["AAA-USD"][tables["AAA-USD"]["timestamp"] >= since(tables)].iloc[3]
        fields = {"timestamp": row["timestamp"].value // 1000} | {name: row[name] for name in OHLCV}
        assert session.take([Candle("AAA-USD", fields, 0)]) == []
        assert session.take([Candle("AAA-USD", fields | {"close": row["close"] * 1.0001}, 0)]) == []
        assert session.passed_over == {"again": 1, "corrected": 1}
        assert len(recorded(tmp_path)) == n


def test_an_answer_that_is_late_does_not_trade(tables, made, tmp_path):
    """A machine that takes a minute to answer: told, counted, and no order follows."""
    with session_of(tmp_path, made[0]) as session:
        source = Replay(session, session.clock, made[1], since(tables), None, float("inf"))
        session.resume()
        session.learn(source.history())
        for n, batch in enumerate(source.batches()):
            session.clock.now += 60
            session.take(batch)
            if n == 200:
                break
        trades, _ = session.followed.finish()
        assert session.followed.counts["late"] > 200
        assert min(session.followed.latency_us) > 60_000_000
    assert not len(trades)


def test_what_is_no_candle_is_answered_and_not_recorded(made, tables, tmp_path):
    """A line without a time, a symbol that nobody trained on, an open candle: each with its reason."""
    with session_of(tmp_path, made[0]) as session:
        replay(session, made[1], since(tables), stop_after=3)
        n, now = len(recorded(tmp_path)), int(session.clock() * 1e6) // 60_000_000 * 60_000_000
        good = dict.fromkeys(OHLCV, 100.0)
        session.take([Candle("AAA-USD", good, 0)])
        session.take([Candle("ZZZ-USD", good | {"timestamp": now - 60_000_000}, 0)])
        session.take([Candle("AAA-USD", good | {"timestamp": now}, 0)])
        reasons = [answer["reason"] for answer in session.told[-3:]]
        assert "timestamp is missing" in reasons[0]
        assert "no symbol that was trained on" in reasons[1]
        assert "is still open" in reasons[2]
        assert len(recorded(tmp_path)) == n + 1
        session.clock.now = now / 1e6 + 61
        assert session.take([Candle("AAA-USD", good | {"timestamp": now}, 0)])[0]["status"] != "refused"


def test_a_candle_twice_among_those_that_came_together_is_answered_once(made, tables, tmp_path):
    """An exchange that serves it twice in one page: one answer, one record, nothing refused."""
    with session_of(tmp_path, made[0]) as session:
        source = Replay(session, session.clock, made[1], since(tables), None, float("inf"))
        session.learn(source.history())
        for batch, _ in zip(source.batches(), range(3), strict=False):
            assert len(session.take([*batch, *batch])) == len(batch)
        assert session.followed.counts["refused"] == 0
    lines = b"".join(path.read_bytes() for path in tmp_path.glob("*.jsonl")).splitlines()
    assert len(lines) == len(session.told)


def test_ended_before_its_first_answer_it_begins_anew(made, tables, tmp_path):
    """The history of the second start is kept, not that of the first, hours ago."""
    later = since(tables) + pd.Timedelta(minutes=300)
    for begin in (since(tables), later):
        with session_of(tmp_path, made[0]) as session:
            source = Replay(session, session.clock, made[1], begin, None, float("inf"))
            assert session.resume() == 0
            session.learn(source.history())
    found = pd.read_parquet(tmp_path / "history.parquet")["timestamp"].max()
    assert found >= (later - pd.Timedelta(minutes=20)).value // 1000


def test_days_of_the_account_are_told_by_what_each_won(made):
    """Equity of three days: what a day came to is its last close less the one of the day before."""
    production = open_production(made[0], time.time, allow_simulated=False)
    followed, told = Followed(production, PARAMS), []
    followed.watch.add_day = lambda artifact, time_us, pnl: told.append((artifact, time_us, pnl))
    followed._day_equity = 100.0
    clock = pd.date_range("2026-02-01T12:00", periods=5, freq="12h", tz="UTC", unit="us")
    bars = np.array([101.0, 103.0, 104.0, 90.0, 95.0], dtype=[("equity", float)])
    stretch = SimpleNamespace(bars={"equity": bars["equity"], "equity_low": bars["equity"]})
    followed._take_days(clock, stretch)
    day = pd.Timestamp("2026-02-01", tz="UTC").value // 1000
    assert told == [
        ("lstm-direction", day, pytest.approx(1.0)),
        ("lstm-direction", day + 86_400_000_000, pytest.approx(3.0)),
    ]
    assert followed.equity_now == 95.0


def test_drift_counts_scaled_rows_in_the_tenths_of_the_raw_ones(made):
    """As the features lay before they were scaled, edge by edge."""
    production = open_production(made[0], time.time, allow_simulated=False)
    predictor = production.stream.predictors[0]
    tenths = production.promises[predictor.artifact].features
    drift, time_us = Drift(production.reference, 7, 60), 1_769_904_000_000_000
    raw = np.random.default_rng(0).normal(size=(200, len(predictor.features))).astype(np.float32)
    scaled = predictor.scale(raw)
    drift.add(("AAA-USD", time_us + k, np.concatenate([row, row])) for k, row in enumerate(scaled))
    # Of the others the scale clips or rounds what lies so far from the training: their edges fall together.
    own = [len(np.unique(each)) == 9 and np.abs(each).max() < 4 for each in drift.reference.edges]
    names = [name for name, is_apart in zip(drift.reference.names, own, strict=True) if is_apart]
    assert len(names) > 3
    for name in names:
        k = predictor.features.index(name)
        edges = np.array(tenths[name].edges, dtype=np.float32)
        expected = np.bincount(np.searchsorted(edges, raw[:, k], side="right"), minlength=10)
        assert drift.rows == len(raw)
        at = drift.reference.names.index(name)
        assert drift._counts[time_us // 86_400_000_000][at].tolist() == expected.tolist()
