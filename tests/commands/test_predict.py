"""`make predict`: a line a candle, whatever the line is, and all that an answer says."""

import io
import json
import os
import re
import subprocess
from copy import copy, deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.schema import OHLCV
from tapeline.serving.lines import (
    LONGEST_LINE,
    about_bundles,
    as_line,
    predict_lines,
    read_lines,
    read_versions,
)
from tapeline.serving.rows import Rows
from tapeline.serving.stream import Stream
from tests.serving.bundles import LENGTH, LOOKBACK, market, of_market
from tests.warm import warm_python

NEEDED = LOOKBACK + LENGTH - 1
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
TIMES = st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z", "2042-01-01T00:00:00Z", "2025-03-29T00:00:00Z", 0,
     1743206400, 1743206400000, -62135596800, 2**63, 1e308]
)  # fmt: skip
CANDLES = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["AAA-USD", "BBB-USD"]) | JSON, "timestamp": TIMES | JSON},
    optional={name: st.sampled_from([1, "1", 1e300, 5e-324]) | JSON for name in OHLCV},
)
LINES = st.binary(max_size=60) | (JSON | CANDLES).map(lambda value: json.dumps(value).encode())


def lines_of(tables, n):
    """The first `n` minutes as lines, the leader first, times in milliseconds."""
    rows = {name: table[["timestamp", *OHLCV]].to_dict("records") for name, table in tables.items()}
    for i in range(n):
        for name in rows:
            row = rows[name][i] | {"timestamp": int(rows[name][i]["timestamp"].timestamp() * 1000)}
            yield json.dumps({"symbol": name} | row).encode() + b"\n"


def answers_to(stream, lines):
    """What is written, as text, for the lines."""
    about = about_bundles(stream, {})
    return [json.dumps(as_line(answer, about), allow_nan=False) for answer in predict_lines(stream, lines)]


def twin(stream):
    """A stream in the same state, whose own changes leave the other as it is."""
    other = copy(stream)
    vars(other).update({key: {k: copy(v) for k, v in value.items()} for key, value in vars(stream).items()
                        if isinstance(value, dict)})  # fmt: skip
    vars(other).update(
        {key: deepcopy(value) for key, value in vars(stream).items() if isinstance(value, Rows)}
    )
    return other


@pytest.fixture(scope="module")
def fresh(bundles):
    """A stream that has seen nothing, and good lines."""
    return Stream(*bundles), list(lines_of(market(6), 6))


@settings(max_examples=settings.default.max_examples * 3 // 5)
@given(odd=st.lists(LINES, min_size=1, max_size=8))
def test_no_line_ends_the_stream_and_none_of_no_candle_changes_an_answer(fresh, odd):
    """Random bytes, JSON and half candles between good ones: each is answered, and the good ones as ever."""
    stream, good = fresh
    mixed = [line for pair in zip(good, [*odd, *[b""] * len(good)], strict=False) for line in pair]
    answers = answers_to(twin(stream), mixed)
    assert len(answers) == sum(bool(line.strip()) for line in mixed)
    assert all(len(answer) < 2 * LONGEST_LINE for answer in answers)


@pytest.fixture(scope="module")
def warm(bundles):
    """A stream warmed up to the minute before the first prediction, good lines that follow, their answers."""
    stream, lines = Stream(*bundles, clock=lambda: 1.78e9), list(lines_of(market(NEEDED + 9), NEEDED + 9))
    answers_to(stream, lines[: 2 * (NEEDED - 1)])
    good = lines[2 * (NEEDED - 1) :]
    return stream, good, answers_to(twin(stream), good)


def stray(line, minutes, factor):
    """A good line's candle at another price, and so many minutes ahead."""
    candle = json.loads(line)
    prices = {name: candle[name] * factor for name in OHLCV}
    return json.dumps(candle | prices | {"timestamp": candle["timestamp"] + 60_000 * minutes}).encode()


@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
@given(
    odd=st.lists(
        LINES | st.tuples(st.integers(1, 40) | st.integers(41, 10**7), st.floats(0.5, 2)),
        min_size=1,
        max_size=18,
    )
)
def test_garbage_changes_no_answer_to_a_good_line(warm, odd):
    """Random bytes, JSON, half candles, and one whole candle ahead of its time before each good line."""
    stream, good, calm = warm
    mixed, places = [], []
    for line, garbage in zip(good, [*odd, *[b""] * len(good)], strict=False):
        mixed += [stray(line, *garbage) if isinstance(garbage, tuple) else garbage, line]
        places.append(sum(bool(each.strip()) for each in mixed) - 1)
    answers = answers_to(twin(stream), mixed)
    assert [answers[place] for place in places] == calm
    assert "predicted" in calm[-1]


ONES = dict.fromkeys(OHLCV, 1.0)
BAD = {
    # But for one byte it is a candle, of the minute of the next good one.
    "bytes that are not UTF-8": json.dumps(
        {"note": "?", "symbol": "BBB-USD", "timestamp": "2025-03-28T20:02:00Z"} | ONES
    )
    .encode()
    .replace(b"?", b"\xff")
    + b"\n",
    "UTF-16": '{"symbol": "AAA-USD"}'.encode("utf-16") + b"\n",
    "year 1": json.dumps({"symbol": "BBB-USD", "timestamp": "0001-01-01T00:00:00Z"} | ONES).encode() + b"\n",
    "year 2042": json.dumps({"symbol": "AAA-USD", "timestamp": "2042-01-01T00:00Z"} | ONES).encode() + b"\n",
    "too long": b'{"symbol": "AAA-USD", "x": "' + b"x" * 3 * LONGEST_LINE + b'"}\n',
    "deep": b"[" * 60_000 + b"\n",
    "zero byte": b"\x00\n",
    "huge number": b'{"symbol": "AAA-USD", "timestamp": ' + b"9" * 6000 + b"}\n",
    "lone surrogate": b'{"symbol": "\\ud800", "timestamp": "\\ud800"}\n',
}


def test_a_bad_line_is_refused_and_1200_good_ones_answered(bundles):
    """Of leader and follower, as if it had not been there."""
    good, clock = list(lines_of(market(600), 600)), lambda: 1.78e9
    whole = list(good)
    for k, bad in enumerate(BAD.values()):
        whole.insert(5 + 100 * k, bad)
    calm = answers_to(Stream(*bundles, clock=clock), good)
    answers = answers_to(Stream(*bundles, clock=clock), read_lines(io.BytesIO(b"".join(whole))))
    assert len(answers) == 1200 + len(BAD)
    for k in reversed(range(len(BAD))):
        assert json.loads(answers.pop(5 + 100 * k))["status"] == "refused", list(BAD)[k]
    assert answers == calm


def test_a_line_longer_than_any_candle_is_one_answer():
    """It is read in pieces, so that memory stays bounded."""
    source = io.BytesIO(b"a\n" + b"x" * (5 * LONGEST_LINE) + b"\nb\n\nc")
    found = list(read_lines(source))
    assert [line[:2] for line in found] == [b"a\n", b"xx", b"b\n", b"\n", b"c"]
    assert max(map(len, found)) == LONGEST_LINE + 1


def test_an_answer_says_of_which_bundles_it_is(bundles, tmp_path):
    """Interval, market, and each bundle's version, id and horizon; no version where no registry is."""
    stream = Stream(*bundles)
    identity = {p.bundle.contract.artifact: p.bundle.bundle_id for p in stream.predictors}
    index = tmp_path / "registry.json"
    assert read_versions(index) == {}
    versions = [{"version": "v1.2.0", "bundle_id": identity["lstm"], "tag": "lstm@v1.2.0"}]
    index.write_text(json.dumps({"lstm": {"production": "v1.2.0", "versions": versions}}))
    assert about_bundles(stream, read_versions(index)) == {
        "interval": "1m",
        "market": "X",
        "bundles": {
            "lstm": {"version": "v1.2.0", "bundle_id": identity["lstm"], "horizon": 15},
            "transformer": {"version": None, "bundle_id": identity["transformer"], "horizon": 15},
        },
    }
    index.write_text("[]")
    with pytest.raises(ArtifactError, match=r"registry.json: can't be read .*`make registry` writes it anew"):
        read_versions(index)


def predict(folder, *more, lines=b"", **environment):
    """Run the command; return its status, answers and what it said."""
    done = subprocess.run(
        [warm_python(), "-m", "commands.predict", "--models", str(folder), *more], cwd=ROOT,
        input=lines, capture_output=True, env=os.environ | environment, check=False,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, answers, done.stderr.decode()


def test_a_bundle_of_the_simulated_market_answers_other_candles_only_where_allowed(bundles, tmp_path):
    """Lines are refused in one line; what lies beside a simulated origin is answered."""
    folder = tmp_path / "models/promoted"
    of_market(bundles[0], folder / "lstm", {"name": "simulated", "source": "simulated"})
    tables = market(NEEDED)
    lines = b"".join(lines_of(tables, 2))
    status, answers, said = predict(folder, lines=lines)
    assert (status, answers, said.count("\n")) == (1, [], 1)
    assert "predicts simulated candles alone" in said
    candles = tmp_path / "candles"
    candles.mkdir()
    for name, table in tables.items():
        table.to_parquet(candles / f"{name}.parquet")
    origin = {"name": "simulated", "source": "simulated", "interval": "1m", "max_fill": 5, "symbols": {}}
    (candles / "origin.json").write_text(json.dumps(origin | {"description": ""}))
    status, answers, said = predict(folder, "--candles", str(candles), "--last", "1")
    assert (status, [answer["status"] for answer in answers]) == (0, ["predicted"] * 2), said
    assert {answer["market"] for answer in answers} == {"simulated"}
    status, answers, said = predict(folder, lines=lines, ALLOW_SIMULATED="1")
    assert (status, [answer["status"] for answer in answers]) == (0, ["warming_up"] * 4), said


def test_the_line_that_the_docs_show_is_one(bundles):
    """Its candle is taken, and its answer has the fields that an answer has, in their order."""
    page = (ROOT / "docs/serving.md").read_text()
    shown_in, shown_out = re.findall(r"```json\n(.*?)\n```", page, flags=re.DOTALL)
    candle, answer = json.loads(shown_in), json.loads(shown_out)
    (known,) = predict_lines(Stream(*bundles, allow_untrained=True), [shown_in.encode()])
    assert known.status == "warming_up"
    *_, line = answers_to(Stream(*bundles), lines_of(market(NEEDED), NEEDED))
    real = json.loads(line)
    assert (answer["symbol"], answer["status"]) == (candle["symbol"], "predicted")
    assert list(answer) == list(real)
    assert [list(entry) for entry in answer["bundles"].values()] == [
        list(entry) for entry in real["bundles"].values()
    ]
