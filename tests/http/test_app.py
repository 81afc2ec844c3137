"""What the service answers: candles as `make predict`, cards by name, and every error in a line of JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.closure import ROOT
from tapeline.http.bodies import LONGEST_SYMBOL, MOST_CANDLES
from tapeline.serving.lines import about_bundles, as_line, predict_lines
from tapeline.serving.stream import Stream
from tests.commands.test_predict import CANDLES, JSON, NEEDED
from tests.http.service import minutes, placed, service, with_card
from tests.serving.bundles import market

CARD = b"# lstm\n\nA card \xc3\xa9\n"


@pytest.fixture(scope="module")
def running(bundles, tmp_path_factory):
    """A service of two bundles, one with a card."""
    models = tmp_path_factory.mktemp("app") / "promoted"
    placed(bundles[1:], models)
    with_card(bundles[0], models / "lstm", CARD)
    with service(models) as started:
        yield started


def predicted(bundles, candles):
    """What `make predict` writes for candles as lines."""
    stream = Stream(*bundles)
    answers = predict_lines(stream, [json.dumps(candle).encode() for candle in candles])
    return [as_line(answer, about_bundles(stream, {})) for answer in answers]


def test_candles_are_answered_as_make_predict_does(bundles, tmp_path):
    """One a request or many, of one symbol or of both: the same numbers, to the last digit, and refusals."""
    candles = list(minutes(market(), 500))
    odd = [
        candles[700] | {"close": "x"}, candles[700], candles[10], candles[700] | {"symbol": "NONE"},
        {"symbol": "AAA-USD"}, candles[701] | {"timestamp": 4e9}, candles[701] | {"high": 0.5},
    ]  # fmt: skip
    candles[702:702] = odd
    expected, found, k, n = predicted(bundles, candles), [], 0, 1
    with service(placed(bundles, tmp_path / "promoted")) as started:
        while k < len(candles):
            posted, k, n = candles[k : k + n], k + n, n % 97 + 6
            symbols = {candle["symbol"] for candle in posted}
            own = [{key: of[key] for key in of if key != "symbol"} for of in posted]
            one = {"symbol": posted[0]["symbol"], "candles": own}
            status, answer = started.post(one if len(symbols) == 1 else {"candles": posted})
            assert status == 200
            found += answer["answers"]
    assert found == expected
    assert {line["status"] for line in found} == {"warming_up", "predicted", "refused"}
    assert sum(line["status"] == "predicted" for line in found) > 400
    assert any("were missing and are filled" in line.get("reason", "") for line in found)


def test_what_is_kept_of_a_symbol_outlasts_requests(bundles, tmp_path):
    """The first candle after those of a whole warm-up is predicted."""
    candles = list(minutes(market(NEEDED), NEEDED))
    with service(placed(bundles, tmp_path / "promoted")) as started:
        _, before = started.post({"candles": candles[:-2]})
        _, after = started.post({"candles": candles[-2:]})
        assert {answer["status"] for answer in before["answers"]} == {"warming_up"}
        assert {answer["status"] for answer in after["answers"]} == {"predicted"}
        status, health = started.get("/health")
    last = after["answers"][0]["timestamp"]
    assert (status, health["status"]) == (200, "ok")
    assert health["last_candles"] == {"AAA-USD": last, "BBB-USD": last}
    assert health["bundles"] == after["answers"][0]["bundles"]


def test_a_card_is_of_what_was_loaded(running):
    """It comes from memory: the file may be gone, and no name reaches a folder."""
    (running.promoted._models / "lstm/model_card.md").unlink()
    status, headers, text = running.ask("GET", "/models/lstm/card")
    assert (status, text) == (200, CARD.decode())
    assert headers["Content-Type"].startswith("text/markdown")
    for name in ("transformer", "nobody", "..", "%2e%2e", "..%2flstm", "lstm%00", "lstm%2f..%2flstm", "%ff"):
        status, found = running.get(f"/models/{name}/card")
        assert (status, list(found)) == (404, ["error"]), name
    assert "has no card here; there is lstm" in running.get("/models/nobody/card")[1]["error"]


WRONG = {
    b"": (422, "the body is None: must be"),
    b"[1]": (422, "the body is [1]: must be"),
    b"7": (422, "the body is 7: must be"),
    b'{"symbol"': (400, "the body is no JSON (Expecting ':' delimiter at character 9): must be"),
    b"\xff\xff": (400, "the body can't be read as JSON"),
    b"[" * 60_000: (400, "the body can't be read as JSON"),
    b'{"symbol": "A"}': (422, "candles is missing"),
    b'{"candles": []}': (422, f"candles is []: must hold 1 to {MOST_CANDLES} candles"),
    b'{"candles": 7}': (422, "candles is 7: must be a list of candles"),
    b'{"candles": [{"a": 1}, 7]}': (422, "candles[1] is 7: must be a candle: an object with timestamp"),
    b'{"candles": [{}]}': (422, "candles[0] is {}: must hold"),
    b'{"candles": [{"a": 1}], "x": 1}': (422, "x is unknown: there are symbol and candles"),
    b'{"symbol": 5, "candles": [{"a": 1}]}': (422, "symbol is 5: "),
    b'{"symbol": "\\ud800", "candles": [{"a": 1}]}': (422, "symbol is '\\ud800': must be text of whole"),
    json.dumps({"symbol": "x" * (LONGEST_SYMBOL + 1), "candles": [{}]}).encode(): (422, "symbol is 'xxx"),
    json.dumps({"candles": [{"a": 1}] * (MOST_CANDLES + 1)}).encode(): (422, "candles is [{'a': 1}"),
}


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_a_body_that_is_none_is_told_in_a_line(running, body):
    """What is wrong with it, where, the value and what to do."""
    status, found = running.post(body)
    expected, words = WRONG[body]
    assert (status, list(found)) == (expected, ["error"])
    assert found["error"].startswith(words)
    assert "\n" not in found["error"]
    assert len(found["error"]) < 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/docs", 404), ("GET", "/candles", 405), ("DELETE", "/health", 405)],
)
def test_what_is_not_there_is_told_with_what_is(running, method, path, status):
    """Nothing that loads scripts from the net is among it."""
    found = running.ask(method, path)
    assert (found[0], list(found[2])) == (status, ["error"])
    assert "there are POST /candles, GET /health" in found[2]["error"]


BODIES = st.fixed_dictionaries(
    {"candles": st.lists(CANDLES | JSON, max_size=3) | JSON}, optional={"symbol": JSON}
)


@settings(max_examples=80)
@given(body=st.binary(max_size=60) | (JSON | BODIES).map(lambda body: json.dumps(body).encode()))
def test_no_body_is_a_defect(running, body):
    """Bytes, JSON and half candles: each is answered, or refused in a line."""
    status, found = running.post(body)
    if status == 200:
        assert [answer["status"] for answer in found["answers"]]
    else:
        assert status in (400, 422)
        assert list(found) == ["error"]
        assert found["error"].isprintable()


def test_a_defect_is_no_traceback_for_whoever_asked(running, monkeypatch):
    """A line; where it happened stands in the service's own log."""
    monkeypatch.setattr(running.promoted, "answer", lambda posted: 1 / 0)
    status, found = running.post({"candles": [{"a": 1}]})
    assert (status, found) == (
        500,
        {"error": "a defect of the service: what it wrote to standard error says more"},
    )


def test_the_page_shows_a_request_and_its_answer(running):
    """Its body is taken, and each path that it names is there."""
    page = (ROOT / "docs/http.md").read_text()
    body = page.split("```json\n")[1].split("```")[0]
    status, found = running.post(body.encode())
    assert status == 200
    assert all("no symbol that was trained on" in answer["reason"] for answer in found["answers"])
    _, _, schema = running.ask("GET", "/openapi.json")
    assert all(path.replace("{name}", "NAME") in page for path in schema["paths"])
