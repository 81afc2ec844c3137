"""Lines in and lines out: what is read as a candle, what is written, and which bundles answer."""

import json
import math
from io import BytesIO
from types import SimpleNamespace

import pytest

from tapeline.errors import ArtifactError
from tapeline.serving import lines
from tapeline.serving.answers import Answer, Prediction
from tapeline.serving.lines import LONGEST_LINE, answers, as_line, bundles, predict_lines, read_versions

ABOUT = {"interval": "1m", "market": "X", "bundles": {"up": {"version": "v1.0.0"}, "down": {"version": None}}}
NOON = "2026-01-05T12:00:00Z"


class Stream:
    """Answers every candle, and keeps what it was given."""

    def __init__(self, *folders, **settings):
        self.folders, self.settings, self.fed = folders, settings, []

    def feed(self, symbol, candle):
        """As warming up."""
        self.fed.append((symbol, candle))
        return Answer(symbol, candle.get("timestamp"), "warming_up", missing=3)


def refusal(line):
    """The reason why a line is no candle; the stream was not given it."""
    stream = Stream()
    (answer,) = predict_lines(stream, [line])
    assert (answer.status, answer.symbol, answer.timestamp, stream.fed) == ("refused", "", None, [])
    return answer.reason


def test_a_line_is_a_candle_with_its_symbol():
    """Whatever else it holds goes on to the stream; empty lines are none; a byte order mark is no fault."""
    stream = Stream()
    candle = {"symbol": "AAA-USD", "timestamp": NOON, "note": "é"}
    line = json.dumps(candle).encode()
    found = list(predict_lines(stream, [b"\n", line, b"  \t\n", b"\xef\xbb\xbf" + line]))
    assert stream.fed == [("AAA-USD", candle)] * 2
    assert [answer.missing for answer in found] == [3, 3]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[1, 2]", "(it is [1, 2])"),
        (b"null", "(it is None)"),
        (b"{}", "(symbol is missing)"),
        (b'{"symbol": 7}', "(symbol is 7)"),
        (b'{"symbol": ""}', "(symbol is '')"),
        (b'{"symbol": "A"', "(Expecting ',' delimiter: line 1 column 15 (char 14))"),
        (b'{"symbol": "\xff"}', "(byte 13 is not UTF-8)"),
    ],
)
def test_what_is_no_candle_is_told_what_it_lacks(line, told):
    """With what a candle is."""
    assert refusal(line) == f"not a candle: a JSON object with symbol, timestamp, open... {told}"


def test_the_longest_line_is_still_read_and_one_byte_more_is_not():
    """The line's end counts as a byte of it."""
    candle = json.dumps({"symbol": "AAA-USD", "x": ""}).encode()
    fitting = candle[:-2] + b"x" * (LONGEST_LINE - len(candle)) + b'"}'
    stream = Stream()
    assert len(fitting) == LONGEST_LINE
    assert [answer.status for answer in predict_lines(stream, [fitting])] == ["warming_up"]
    assert "it is longer than 65536 bytes" in refusal(fitting + b"\n")


def test_a_reason_stays_short_whatever_the_line():
    """Of Python's own text a hundred characters."""
    assert len(refusal(b'{"symbol": ["' + b"x" * 9000 + b'"]}')) < 170


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (NOON, NOON),
        ("2026-01-05T13:00:00+01:00", NOON),
        (1767614400000, NOON),
        ("noon", "'noon'"),
        (7, "7"),
        (None, None),
    ],
)
def test_a_time_is_written_in_one_way(given, shown):
    """To the second, in UTC; what is no time as it came, and none at all not."""
    line = as_line(Answer("AAA-USD", given, "refused", "why"), {"bundles": {}})
    assert line.get("timestamp") == shown
    assert ("timestamp" in line) == (shown is not None)


def test_fields_that_say_nothing_are_left_out():
    """No empty reason, no count of nought, no symbol of a line that named none."""
    assert (
        as_line(Answer("", None, "refused", "why"), ABOUT) == {"status": "refused", "reason": "why"} | ABOUT
    )
    line = as_line(Answer("AAA-USD", NOON, "warming_up", missing=0), ABOUT)
    assert line == {"symbol": "AAA-USD", "timestamp": NOON, "status": "warming_up"} | ABOUT
    assert as_line(Answer("AAA-USD", NOON, "gap", missing=2), ABOUT)["missing"] == 2


def test_numbers_of_one_kind_stand_by_their_bundles():
    """And `about`, which every line shares, is not written into."""
    predictions = {"up": Prediction(probability=0.75, tier="A"), "down": Prediction(probability=0.0)}
    before = json.dumps(ABOUT)
    line = as_line(Answer("AAA-USD", NOON, "predicted", predictions=predictions), ABOUT)
    assert line["bundles"] == {
        "up": {"version": "v1.0.0", "probability": 0.75, "tier": "A"},
        "down": {"version": None, "probability": 0.0},
    }
    assert "probability" not in line
    assert json.dumps(ABOUT) == before


@pytest.mark.parametrize("text", ["", "{", '{"up": 1}', '{"up": {"versions": [{"bundle_id": "x"}]}}', "\xff"])
def test_a_broken_index_is_named_with_what_mends_it(tmp_path, text):
    """In one line."""
    (tmp_path / "registry.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ArtifactError, match="registry.json: can't be read .*; `make registry`") as caught:
        read_versions(tmp_path / "registry.json")
    assert "\n" not in str(caught.value)


def made(folder, *names):
    """Folders that hold a manifest."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "manifest.json").write_text("{}")
    return folder


def test_a_folder_is_one_bundle_or_holds_some(tmp_path):
    """In the order of their names; hidden folders, as those being written, and others are none."""
    folder = made(tmp_path, "up", "down", ".up.new")
    (folder / "notes").mkdir()
    assert bundles(folder) == [folder / "down", folder / "up"]
    assert bundles(folder / "up") == [folder / "up"]


def test_without_a_bundle_it_is_said_how_one_comes_there(tmp_path):
    """Whether the folder is there or not."""
    for folder in (made(tmp_path / "a", ".new"), tmp_path / "none"):
        with pytest.raises(ArtifactError, match="holds no bundle; `make promote` .*`make restore`"):
            bundles(folder)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Ask for answers and return the stream that was opened for them."""
    for name in ("ALLOW_SIMULATED", "ALLOW_UNTRAINED"):
        monkeypatch.delenv(name, raising=False)
    opened, folder = [], made(tmp_path / "models/promoted", "up")

    def open_stream(*folders, **settings):
        opened.append(Stream(*folders, **settings))
        return opened[-1]

    def ask(lines_in=(), candles=None, versions=None):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(b"".join(lines_in))))
        given = answers(folder, candles, (), 0, versions)
        return list(given), opened[-1]

    monkeypatch.setattr(lines, "Stream", open_stream)
    monkeypatch.setattr(lines, "about_bundles", lambda stream, versions: {"bundles": {"up": versions}})
    monkeypatch.setattr("tapeline.serving.batch.predict_files", lambda *given: iter(()))
    return ask


def test_candles_from_outside_are_judged_by_the_clock(asked):
    """Nothing is allowed that was not asked for; each line is answered."""
    found, stream = asked([b'{"symbol": "AAA-USD"}\n', b"x\n"], versions={})
    assert [line["status"] for line in found] == ["warming_up", "refused"]
    assert [folder.name for folder in stream.folders] == ["up"]
    assert not stream.settings["allow_simulated"]
    assert not stream.settings["allow_untrained"]
    assert 1.7e9 < stream.settings["clock"]() < math.inf


@pytest.mark.parametrize(("value", "is_allowed"), [("1", True), ("0", False), ("", False)])
def test_what_the_environment_allows_is_allowed(asked, monkeypatch, value, is_allowed):
    """By a 1 alone."""
    monkeypatch.setenv("ALLOW_SIMULATED", value)
    monkeypatch.setenv("ALLOW_UNTRAINED", value)
    _, stream = asked()
    assert [stream.settings[name] for name in ("allow_simulated", "allow_untrained")] == [is_allowed] * 2


@pytest.mark.parametrize("source", ["simulated", "files"])
def test_simulated_candles_may_lie_in_the_future(asked, tmp_path, source):
    """They have no clock, and bundles of their market predict them; an exchange's have one."""
    origin = {"name": "X", "source": source, "interval": "1m", "max_fill": 5, "symbols": {}}
    (tmp_path / "origin.json").write_text(json.dumps(origin | {"description": ""}))
    _, stream = asked(candles=tmp_path)
    assert stream.settings["allow_simulated"] == (source == "simulated")
    assert (stream.settings["clock"]() == math.inf) == (source == "simulated")


def test_versions_are_those_of_the_index_beside_the_models(asked, tmp_path):
    """Unless they are given."""
    index = {"up": {"versions": [{"bundle_id": "abc", "version": "v1.0.0"}]}}
    (tmp_path / "models/registry.json").write_text(json.dumps(index))
    for given, expected in ((None, {"abc": "v1.0.0"}), ({"abc": "v2.0.0"}, {"abc": "v2.0.0"}), ({}, {})):
        (line,), _ = asked([b"{}\n"], versions=given)
        assert line["bundles"] == {"up": expected}
