"""Candles one by one: the batch's numbers, warm-up counted, and a clear answer wherever there is none."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.features.table import build_table
from tapeline.schema import OHLCV
from tapeline.serving.answers import Answer, Prediction
from tapeline.serving.batch import answer_table, predict_files
from tapeline.serving.lines import as_line, predict_lines
from tapeline.serving.predictor import Predictor
from tapeline.serving.stream import Stream
from tapeline.serving.timing import time_stream
from tests.candles import with_gaps
from tests.environments import link_packages, run_alone
from tests.serving import bundles as made
from tests.serving.bundles import CHOSEN, LENGTH, LOOKBACK, MAX_FILL, make_baseline, make_bundle, market


def feed_all(stream, tables):
    """Answers by symbol, in the order of time, the leader first; filled candles never arrive."""
    answers = {symbol: [] for symbol in tables}
    for i in range(len(tables["AAA-USD"])):
        for symbol, table in tables.items():
            row = table.iloc[i]
            if not row["is_filled"]:
                answers[symbol].append(stream.feed(symbol, row[["timestamp", *OHLCV]].to_dict()))
    return answers


def same(batch, answers):
    """Both say the same of every candle, numbers to 1e-5."""
    words, numbers = [], []
    for found in (batch, answers):
        words.append([replace(a, predictions={k: of.tier for k, of in a.predictions.items()}) for a in found])
        numbers.append([of.value for a in found for of in a.predictions.values()])
    assert words[0] == words[1]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-5)


def test_one_by_one_gives_the_batchs_numbers(bundles):
    """Probability, tier and trend strength of every candle, across a filled gap, of leader and follower."""
    tables = market()
    stream = Stream(*bundles)
    answers = feed_all(stream, tables)
    for symbol, table in tables.items():
        same(list(answer_table(stream, symbol, table, tables["AAA-USD"])), answers[symbol])
        assert sum(answer.status == "predicted" for answer in answers[symbol]) > 300
    (after,) = [
        a for a in answers["BBB-USD"] if "3 candles before it were missing and are filled" in a.reason
    ]
    # It is scored and traded in a run, so it is served as well.
    assert (after.timestamp, after.status) == (tables["BBB-USD"]["timestamp"][403], "predicted")


def test_two_models_of_one_label_keep_each_its_own_numbers(bundles, tmp_path):
    """What each says alone, tier included, one by one and from tables; in the line each by its bundle."""
    tiers = {"tiers": {"S": [0.5, 1.0]}, "trade_tiers": ["S"]}
    other = make_bundle(tmp_path, "lstm", artifact="other", seed=4, tiers=tiers)
    together, table = Stream(other, *bundles), market(LOOKBACK + LENGTH)["AAA-USD"]
    answer = [together.feed("AAA-USD", row) for row in table.to_dict("records")][-1]
    alone = {}
    for folder in (other, *bundles):
        (found,) = answer_table(Stream(folder), "AAA-USD", table, table, last=1)
        alone |= found.predictions
    same(list(answer_table(together, "AAA-USD", table, table, last=1)), [answer])
    assert {name: of.tier for name, of in answer.predictions.items()} == {
        "other": "S", "lstm": alone["lstm"].tier, "transformer": None,
    }  # fmt: skip
    for name, numbers in alone.items():
        assert answer.predictions[name].value == pytest.approx(numbers.value, abs=1e-5)
    assert answer.predictions["other"].value != pytest.approx(answer.predictions["lstm"].value, abs=1e-4)
    line = as_line(answer, {"bundles": {name: {"horizon": 15} for name in alone}})
    assert not {"probability", "tier"} & set(line)
    assert line["trend_strength"] == answer.predictions["transformer"].trend_strength
    assert line["bundles"] == {
        "other": {"horizon": 15, "probability": answer.predictions["other"].value, "tier": "S"},
        "lstm": {"horizon": 15} | answer.predictions["lstm"].record,
        "transformer": {"horizon": 15},
    }


def test_bundles_of_other_windows_features_and_scalers_are_each_asked_their_own(
    bundles, tmp_path, monkeypatch
):
    """Of the newest rows as many as each takes, its features in its order, scaled as in its training."""
    mean = np.linspace(-1, 1, len(CHOSEN)).tolist()
    scaler = {"mean": mean, "std": [2.0] * len(CHOSEN)}
    scaled = make_bundle(tmp_path, "lstm", artifact="scaled", seed=4, scaler=scaler)
    monkeypatch.setattr(made, "LENGTH", 5)
    monkeypatch.setattr(made, "CHOSEN", CHOSEN[::-2])
    short = make_bundle(tmp_path, "lstm", artifact="short", seed=5)
    folders = (short, *bundles, scaled)
    stream, table = Stream(*folders), market(LOOKBACK + LENGTH + 5)["AAA-USD"]
    answers = [stream.feed("AAA-USD", row) for row in table.to_dict("records")]
    rows = build_table(table, table, CHOSEN, 15, MAX_FILL)
    for predictor in map(Predictor, folders):
        expected = predictor.predict(rows[predictor.features].to_numpy())[-6:]
        found = [answer.predictions[predictor.artifact].value for answer in answers[-6:]]
        assert found == pytest.approx(expected, abs=1e-5)
        assert np.ptp(expected) > 1e-4


def test_two_bundles_of_one_name_are_refused(bundles):
    """Their predictions could not be told apart."""
    with pytest.raises(ArtifactError, match="lstm: is the name of two bundles"):
        Stream(bundles[0], bundles[0])


def without(tables, symbol, missing):
    """The candles `missing` left out, which begins another segment."""
    table = tables[symbol].drop(index=missing).reset_index(drop=True)
    table.loc[missing[0] :, "segment"] = 1
    return tables | {symbol: table}


def arriving(tables):
    """Real candles of `tables` as they close: by time, the leader first."""
    every = pd.concat([table.assign(symbol=name) for name, table in tables.items()])
    every = every[~every["is_filled"]].sort_values(["timestamp", "symbol"])
    return every.to_dict("records")


@pytest.mark.parametrize("symbol", [pytest.param("AAA-USD", marks=pytest.mark.slow), "BBB-USD"])
def test_across_a_long_gap_both_say_the_same(bundles, symbol):
    """Of leader or follower: what the follower knows of the leader before the gap is not forgotten."""
    tables = without(market(900), symbol, range(350, 350 + MAX_FILL + 3))
    stream, answers = Stream(*bundles), {name: [] for name in tables}
    for row in arriving(tables):
        answers[row["symbol"]].append(stream.feed(row["symbol"], row))
    for name, table in tables.items():
        same(list(answer_table(stream, name, table, tables["AAA-USD"])), answers[name])
    assert not any(answer.status == "refused" for found in answers.values() for answer in found)


def test_a_thin_leader_is_never_waited_for(bundles):
    """A fifth of its minutes have no trade: every line is answered, and with the batch's numbers."""
    tables = market(700)
    tables["AAA-USD"] = with_gaps(tables["AAA-USD"], share=0.2, max_fill=MAX_FILL)
    stream, answers = Stream(*bundles), {name: [] for name in tables}
    for row in arriving(tables):
        answers[row["symbol"]].append(stream.feed(row["symbol"], row))
    same(list(answer_table(stream, "BBB-USD", tables["BBB-USD"], tables["AAA-USD"])), answers["BBB-USD"])
    assert {answer.status for answer in answers["BBB-USD"]} == {"warming_up", "predicted"}
    assert sum(answer.status == "predicted" for answer in answers["BBB-USD"]) > 400


def test_a_leader_that_falls_silent_is_told_once_it_is_unknown(bundles):
    """Its last close is carried while it is young enough; then the prediction says that it knows nothing."""
    tables = market(400)
    tables["AAA-USD"] = tables["AAA-USD"].iloc[:350]
    stream, answers = Stream(*bundles), []
    for row in arriving(tables):
        if row["symbol"] == "BBB-USD":
            answers.append(stream.feed("BBB-USD", row))
        else:
            stream.feed("AAA-USD", row)
    same(list(answer_table(stream, "BBB-USD", tables["BBB-USD"], tables["AAA-USD"])), answers)
    assert [bool(answer.reason) for answer in answers[340:]] == [False] * (11 + MAX_FILL) + [True] * (
        49 - MAX_FILL
    )
    assert "as if the leader AAA-USD did not move" in answers[-1].reason


def test_what_is_not_known_of_the_leader_is_told_of_each_symbol_by_itself(bundles):
    """A symbol that ended while the leader was silent says nothing of another that goes on with it."""
    tables, back = market(400), 300 + MAX_FILL + 5
    stream = Stream(*bundles, allow_untrained=True)
    reasons = {}
    for i, rows in enumerate(zip(*(table.to_dict("records") for table in tables.values()), strict=True)):
        leading, own = rows
        if not 300 <= i < back:
            stream.feed("AAA-USD", leading)
        if i < back:
            reasons["CCC-USD", i] = stream.feed("CCC-USD", own).reason
        reasons["BBB-USD", i] = stream.feed("BBB-USD", own).reason
    unknown = "as if the leader AAA-USD did not move"
    assert all(unknown in reasons[symbol, back - 1] for symbol in ("BBB-USD", "CCC-USD"))
    assert not reasons["BBB-USD", back + 1]


@pytest.mark.parametrize("late", [2, 4, LENGTH + 4])
def test_a_leaders_candle_that_comes_late_counts_from_then_on(bundles, late):
    """The followers' rows are computed again, so that the next prediction is the batch's."""
    tables = market(400)
    own, leading = (tables[name].to_dict("records") for name in ("BBB-USD", "AAA-USD"))
    stream, followed = Stream(*bundles), []
    for i, row in enumerate(own):
        arrived = [] if 350 <= i < 350 + late else leading[350 : i + 1] if i == 350 + late else [leading[i]]
        for candle in arrived:
            stream.feed("AAA-USD", candle)
        followed.append(stream.feed("BBB-USD", row))
    batch = list(answer_table(stream, "BBB-USD", tables["BBB-USD"], tables["AAA-USD"]))
    same(batch[351 + late :], followed[351 + late :])
    assert batch[350 + late - 1].single.probability != followed[350 + late - 1].single.probability


def test_a_stray_changes_nothing_of_what_the_leader_is_late_for(bundles):
    """The leader's candles come late before a follower's stray and after it, then the candle that was due."""
    own, leading = (market(352)[name].to_dict("records") for name in ("BBB-USD", "AAA-USD"))
    stray = own[-1] | {"timestamp": own[-1]["timestamp"] + pd.Timedelta("1h")}
    answers = []
    for is_strayed in (False, True):
        stream = Stream(*bundles)
        for i in range(350):
            if i < 345:
                stream.feed("AAA-USD", leading[i])
            stream.feed("BBB-USD", own[i])
        stream.feed("AAA-USD", leading[345])
        if is_strayed:
            assert stream.feed("BBB-USD", stray).status == "gap"
        for i in range(346, 350):
            stream.feed("AAA-USD", leading[i])
        answers.append(stream.feed("BBB-USD", own[350]))
    assert answers[0].status == "predicted"
    same(answers[:1], answers[1:])


def test_a_follower_of_a_leader_that_has_a_long_gap(bundles):
    """It is predicted through the gap, with the batch's numbers, the leader's old closes among them."""
    tables = without(market(900), "AAA-USD", range(450, 450 + MAX_FILL + 3))
    stream, follower = Stream(*bundles), []
    for row in arriving(tables):
        answer = stream.feed(row["symbol"], row)
        follower += [answer] if row["symbol"] == "BBB-USD" else []
    same(list(answer_table(stream, "BBB-USD", tables["BBB-USD"], tables["AAA-USD"])), follower)
    assert sum(answer.status == "predicted" for answer in follower) > 500


def test_a_leader_too_far_ahead_is_named(bundles):
    """Its old candles are gone, and without them a follower's features would be others."""
    tables = market(900)
    stream, table = Stream(*bundles), tables["BBB-USD"]
    rows = table[["timestamp", *OHLCV]].to_dict("records")
    for row, leading in zip(rows[:350], tables["AAA-USD"].to_dict("records"), strict=False):
        stream.feed("AAA-USD", leading)
        known = stream.feed("BBB-USD", row)
    assert known.status == "predicted"
    for leading in tables["AAA-USD"].to_dict("records")[350:]:
        stream.feed("AAA-USD", leading)
    answer = stream.feed("BBB-USD", rows[350])
    assert (answer.status, answer.single.probability) == ("refused", None)
    assert "the leader AAA-USD is too far ahead: its candle of" in answer.reason
    assert stream.feed("BBB-USD", rows[-1]).status == "gap"  # begun anew, in step again


def test_warm_up_counts_down_to_the_first_prediction(bundles):
    """One fewer with each candle; the first prediction comes with the last of them."""
    tables = market(LOOKBACK + LENGTH)
    answers = feed_all(Stream(bundles[0]), tables)["AAA-USD"]
    needed = LOOKBACK + LENGTH - 1
    assert [answer.missing for answer in answers[: needed - 1]] == list(range(needed - 1, 0, -1))
    assert {answer.status for answer in answers[: needed - 1]} == {"warming_up"}
    assert answers[needed - 1].status == "predicted"
    assert answers[needed - 1].single.trend_strength is None  # of the other bundle


def test_a_long_gap_begins_anew(bundles):
    """No prediction until the warm-up has passed again."""
    tables = market(LOOKBACK + LENGTH + 20)
    stream, table = Stream(bundles[0]), tables["AAA-USD"]
    rows = table[["timestamp", *OHLCV]].to_dict("records")
    answers = [stream.feed("AAA-USD", row) for row in rows[:-10]]
    assert answers[-1].status == "predicted"
    late = rows[-1] | {"timestamp": rows[-11]["timestamp"] + pd.Timedelta(minutes=MAX_FILL + 2)}
    answer = stream.feed("AAA-USD", late)
    assert (answer.status, answer.missing) == ("gap", LOOKBACK + LENGTH - 2)
    following = late | {"timestamp": late["timestamp"] + pd.Timedelta(minutes=1)}
    assert stream.feed("AAA-USD", following).missing == LOOKBACK + LENGTH - 3


@pytest.mark.parametrize(("share", "status"), [(0.25, "predicted"), (0.24, "gap")])
def test_a_window_may_be_filled_up_to_its_share(tmp_path, share, status):
    """Three of twelve candles: a quarter is allowed to be, less is a gap; both ways agree."""
    limits = {"max_fill": MAX_FILL, "max_filled_share": share, "columns": ["timestamp", *OHLCV]}
    known = {"interval": "1m", "leader": "AAA-USD", "symbols": ["AAA-USD", "BBB-USD"]}
    rule = make_baseline(tmp_path, "direction", "rule", input=limits | known)
    tables = {name: table.iloc[:405] for name, table in market().items()}
    stream = Stream(rule)
    answers = feed_all(stream, tables)["BBB-USD"]
    assert answers[-1].status == status
    same(list(answer_table(stream, "BBB-USD", tables["BBB-USD"], tables["AAA-USD"])), answers)


def test_a_refused_candle_leaves_the_stream_as_it_was(bundles):
    """NaN, out of order, off the grid: named, and the next good candle is predicted as ever."""
    tables = market(LOOKBACK + LENGTH + 5)
    rows = tables["AAA-USD"][["timestamp", *OHLCV]].to_dict("records")
    disturbed, calm = Stream(bundles[0]), Stream(bundles[0])
    for row in rows[:-1]:
        disturbed.feed("AAA-USD", row)
        calm.feed("AAA-USD", row)
    for bad, word in (
        (rows[-1] | {"close": float("nan")}, "close is nan"),
        (rows[-3], "out of order"),
        (rows[-1] | {"timestamp": rows[-1]["timestamp"] + pd.Timedelta(seconds=7)}, "grid"),
    ):
        answer = disturbed.feed("AAA-USD", bad)
        assert (answer.status, answer.single.probability) == ("refused", None)
        assert word in answer.reason
    assert disturbed.feed("AAA-USD", rows[-1]) == calm.feed("AAA-USD", rows[-1])


def test_features_that_this_code_computes_otherwise_are_refused(tmp_path):
    """By the hash of their code."""
    folder = make_bundle(tmp_path, "lstm", made_from={"features": "0" * 16})
    with pytest.raises(ArtifactError, match="lstm: this code computes features otherwise"):
        Stream(folder)


def test_lines_are_answered_one_by_one(bundles):
    """JSON in, JSON out; what is no candle is answered, too."""
    table = market(5)["AAA-USD"]
    lines = [
        json.dumps({"symbol": "AAA-USD"} | row, default=str).encode()
        for row in table[["timestamp", *OHLCV]].to_dict("records")
    ]
    answers = list(predict_lines(Stream(*bundles), [b"nonsense\n", b"[]\n", b"\n", *lines]))
    assert [answer.status for answer in answers] == ["refused"] * 2 + ["warming_up"] * 5
    assert "not a candle" in answers[0].reason


def test_a_line_keeps_a_prediction_of_zero():
    """Nought is a number; what is not there is left out."""
    predictions = {"trend": Prediction(trend_strength=0.0)}
    answer = Answer("AAA-USD", pd.Timestamp("2026-01-05T12:00Z"), "predicted", predictions=predictions)
    assert as_line(answer, {"market": "X", "bundles": {"trend": {"horizon": 15}}}) == {
        "symbol": "AAA-USD", "timestamp": "2026-01-05T12:00:00Z", "status": "predicted",
        "trend_strength": 0.0, "market": "X", "bundles": {"trend": {"horizon": 15}},
    }  # fmt: skip


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"symbol": null}', '{"symbol": {}}', '{"symbol": ""}', '{"symbol": "A"', "NaN"]
)
def test_a_line_that_is_no_candle_ends_nothing(bundles, line):
    """It is answered, and so is the next."""
    answers = list(predict_lines(Stream(*bundles), [line.encode(), b'{"symbol": "AAA-USD"}']))
    assert [answer.status for answer in answers] == ["refused"] * 2
    assert "not a candle" in answers[0].reason


def test_a_prediction_that_is_no_number_is_refused(bundles, monkeypatch):
    """By stream and batch alike."""
    table = market(LOOKBACK + LENGTH)["AAA-USD"]
    stream = Stream(*bundles)
    graph = stream.predictors[1].bundle
    monkeypatch.setattr(type(graph), "run", lambda self, x: np.full(len(x), np.nan))
    streamed = [stream.feed("AAA-USD", row) for row in table.to_dict("records")][-1]
    assert (streamed.status, streamed.single.trend_strength) == ("refused", None)
    assert "out of any range" in streamed.reason
    assert list(answer_table(stream, "AAA-USD", table, table, last=1)) == [streamed]


def test_the_newest_candles_are_answered_whatever_there_is(bundles, tmp_path):
    """`last` speaks of real candles; with too few it says how many are missing."""
    table = market()["BBB-USD"]
    stream, leader = Stream(*bundles), market()["AAA-USD"]
    whole = list(answer_table(stream, "BBB-USD", table, leader))
    assert list(answer_table(stream, "BBB-USD", table, leader, last=7)) == whole[-7:]
    (tmp_path / "AAA-USD").mkdir()
    few = leader.head(50)
    few[["timestamp", *OHLCV]].to_csv(tmp_path / "AAA-USD/1m.csv", index=False)
    answers = list(predict_files(stream, tmp_path, ("AAA-USD",), last=2))
    assert [(answer.status, answer.missing) for answer in answers] == [
        ("warming_up", LOOKBACK + LENGTH - 1 - 49), ("warming_up", LOOKBACK + LENGTH - 1 - 50)
    ]  # fmt: skip


def test_parts_add_up_to_less_than_the_whole_and_all_is_timed(bundles):
    """One line a predicted candle after the warm-up."""
    table = market(LOOKBACK + LENGTH + 30)["AAA-USD"]
    timed = time_stream(Stream(*bundles), "AAA-USD", table, warm_up=10)
    assert (timed.cpu.total > 0).all()
    taken = timed.wall
    assert taken.total.shape == taken.features.shape == (22,)
    assert len(taken.networks) == 2
    assert np.median(taken.features) < np.median(taken.total)


def test_timing_changes_no_answer(bundles):
    """The newest candle's rows are computed once more to be timed, and are not there twice."""
    timed, plain = Stream(*bundles), Stream(*bundles)
    rows = market(LOOKBACK + LENGTH + 3)["AAA-USD"].to_dict("records")
    for row in rows:
        expected = plain.feed("AAA-USD", row)
        found = timed.feed("AAA-USD", row)
        assert found == expected
        if found.status == "predicted":
            timed.time_parts("AAA-USD")
    assert found.status == "predicted"


@pytest.mark.slow
def test_serving_needs_neither_torch_nor_dvc_nor_great_expectations(bundles, tmp_path):
    """Candles from standard input and from files, with only a bare install and the extra `serve`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["serve"]]
    packages = link_packages(asked, tmp_path / "packages")
    table = market(LOOKBACK + LENGTH + 2)["AAA-USD"]
    (tmp_path / "files/AAA-USD").mkdir(parents=True)
    table[["timestamp", *OHLCV]].to_csv(tmp_path / "files/AAA-USD/1m.csv", index=False)
    rows = table[["timestamp", *OHLCV]].to_dict("records")
    candles = "".join(json.dumps({"symbol": "AAA-USD"} | row, default=str) + "\n" for row in rows)
    code = (
        "import importlib.util\n"
        "assert not any(importlib.util.find_spec(name) for name in ('torch', 'dvc', 'great_expectations'))\n"
        "from commands.predict import main; main()"
    )
    for more in ([], ["--candles", str(tmp_path / "files"), "--symbols", "AAA-USD", "--last", "2"]):
        arguments = ["predict", "--models", str(bundles[0].parent), *more]
        done = run_alone(f"sys.argv = {arguments!r}\n{code}", [ROOT, packages], tmp_path, input=candles)
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert [answer["status"] for answer in answers[-2:]] == ["predicted"] * 2
        assert all(0 <= answer["probability"] <= 1 for answer in answers[-2:])


def test_a_minute_of_many_symbols_is_answered_as_one_candle_after_the_other(bundles):
    """Of candles fed at once, gaps, refusals and a symbol that comes twice among them."""
    tables = {
        symbol: table[~table["is_filled"]][["timestamp", *OHLCV]].to_dict("records")
        for symbol, table in market().items()
    }
    fed = [
        (symbol, row)
        for rows in zip(*tables.values(), strict=False)
        for symbol, row in zip(tables, rows, strict=True)
    ]
    fed += [("NONE", fed[0][1]), fed[-1]]
    one_by_one, at_once = Stream(*bundles), Stream(*bundles)
    expected = [one_by_one.feed(symbol, row) for symbol, row in fed]
    found = [answer for k in range(0, len(fed), 7) for answer in at_once.feed_all(fed[k : k + 7])]
    same(found, expected)
    assert {answer.status for answer in found} >= {"predicted", "warming_up", "refused"}
    assert at_once.feed_all([]) == []
