"""What is in production answers, and nothing else: taken over as it changes, with what it needs to go on."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from commands.predict import hold_against_tags
from tapeline.errors import ArtifactError
from tapeline.http import promoted
from tapeline.promotion.change import Delivery, carry_out, one_at_a_time
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.pending_tags import assignment, registration
from tapeline.promotion.production import PROMOTED
from tapeline.promotion.registry import PROD
from tapeline.promotion.versions import Version
from tapeline.serving.lines import about_bundles, as_line
from tapeline.serving.stream import Stream
from tests.commands.test_predict import NEEDED
from tests.http.service import minutes, placed, service
from tests.promotion.tagging import commit, new_repository, record
from tests.serving.bundles import make_bundle, market


@pytest.fixture(scope="module")
def next_lstm(tmp_path_factory):
    """Another bundle of the same name."""
    return make_bundle(tmp_path_factory.mktemp("next"), "lstm", seed=4)


@pytest.fixture
def models(bundles, tmp_path):
    """Two bundles in production, outside of any repository."""
    return placed(bundles, tmp_path / "models/promoted")


def put(bundle, models):
    """Replace a bundle as a promotion does, by a rename."""
    shutil.copytree(bundle, models / ".next")
    if (models / bundle.name).exists():
        os.replace(models / bundle.name, models / ".before")
    os.replace(models / ".next", models / bundle.name)
    shutil.rmtree(models / ".before", ignore_errors=True)


def test_a_promotion_is_taken_over_as_if_it_had_been_there(models, bundles, next_lstm):
    """At the next request, by what was fed before: with a gap, a stray and a late leader amid it."""
    candles = list(minutes(market(), 440))
    stray = candles[830] | {"timestamp": candles[830]["timestamp"] + 3_600_000}
    candles[700], candles[701], candles[702] = candles[701], candles[702], candles[700]
    before, after = [*candles[:830], stray], candles[830:]
    stream = Stream(next_lstm, bundles[1])
    expected = [as_line(stream.feed(of["symbol"], of), about_bundles(stream, {})) for of in (*before, *after)]
    with service(models) as started:
        first = started.post({"candles": before})[1]["answers"]
        put(next_lstm, models)
        second = started.post({"candles": after})[1]["answers"]
        _, metrics = started.get("/metrics")
    assert second == expected[len(before) :]
    assert sum(answer["status"] == "predicted" for answer in second) >= 45
    assert first[-3]["bundles"]["lstm"] != second[0]["bundles"]["lstm"]
    ids = [answers[0]["bundles"]["lstm"]["bundle_id"] for answers in (first, second)]
    (line,) = started.lines
    assert line.startswith(f"taken over: lstm of no version ({ids[1]}), transformer")
    assert f"; before: lstm of no version ({ids[0]}), transformer" in line
    assert "tapeline_takeovers_total 1.0" in metrics
    assert f'bundle_id="{ids[1]}"' in metrics
    assert ids[0] not in metrics


def test_what_was_dropped_is_not_fed_to_what_comes(bundles):
    """Candles of another interval leave nothing behind, neither here nor there."""
    (first, *_) = minutes(market(1), 1)
    wide = [first | {"timestamp": first["timestamp"] + 300_000 * k} for k in range(6)]
    stream, following = promoted.KeptStream(*bundles), promoted.KeptStream(*bundles)
    statuses = [stream.feed("AAA-USD", candle).status for candle in wide[:5]]
    assert statuses[-1] == "refused"
    following.go_on_from(stream)
    assert following.last_opens() == stream.last_opens() == {}
    assert following.feed("AAA-USD", wide[5]).missing == NEEDED - 1


def test_what_is_handed_on_comes_in_its_order(bundles):
    """A follower that stopped long ago is behind its leader now, and was not when its candles came."""
    candles = list(minutes(market(), 380))
    fed = [of for k, of in enumerate(candles) if k < 60 or of["symbol"] == "AAA-USD"]
    stream, following = promoted.KeptStream(*bundles), promoted.KeptStream(*bundles)
    for candle in fed:
        stream.feed(candle["symbol"], candle)
    following.go_on_from(stream)
    (again,) = [of for of in candles[-2:] if of["symbol"] == "BBB-USD"]
    answer = following.feed("BBB-USD", again)
    assert answer == stream.feed("BBB-USD", again)
    assert answer.status == "gap"


def test_a_new_version_of_the_same_bundle_is_said(models):
    """The index beside the bundles changes with every tag."""
    with service(models) as started:
        bundle_id = started.get("/health")[1]["bundles"]["lstm"]["bundle_id"]
        index = {"lstm": {"versions": [{"bundle_id": bundle_id, "version": "v1.0.1"}]}}
        (models.parent / "registry.json").write_text(json.dumps(index))
        assert started.get("/health")[1]["bundles"]["lstm"]["version"] == "v1.0.1"
        assert "transformer" in started.get("/metrics")[1]
        shutil.rmtree(models / "transformer")
        assert "transformer" not in started.get("/metrics")[1]
    assert started.lines[0].startswith(f"taken over: lstm v1.0.1 ({bundle_id})")


def test_what_was_withdrawn_answers_no_more(models, tmp_path, monkeypatch):
    """It is said why, on every path that answers by it; when it is back all goes on where it was."""
    monkeypatch.setattr(promoted, "PAUSE_S", 0)
    candles = list(minutes(market(NEEDED), NEEDED))
    with service(models) as started:
        started.post({"candles": candles[:-2]})
        os.replace(models, tmp_path / "away")
        reason = f"{models}: holds no bundle; `make promote` puts one there, `make restore` brings it back"
        assert started.post({"candles": candles[-2:]}) == (503, {"error": reason})
        status, health = started.get("/health")
        assert (status, health["status"], health["reason"]) == (503, "failing", reason)
        assert "bundles" not in health
        assert "tapeline_healthy 0.0" in started.get("/metrics")[1]
        assert started.get("/models/lstm/card")[0] == 503
        os.replace(tmp_path / "away", models)
        status, found = started.post({"candles": candles[-2:]})
        assert started.get("/health")[1]["status"] == "ok"
    assert {answer["status"] for answer in found["answers"]} == {"predicted"}
    assert [line.split(":")[0] for line in started.lines] == ["nothing is answered", "answering again"]


def test_a_damaged_bundle_does_not_leave_the_former_at_work(models, next_lstm, monkeypatch):
    """What is in production can't be used, and what can is not in production."""
    with service(models) as started:
        shutil.copytree(next_lstm, models / ".next")
        (models / ".next/model.onnx").write_bytes(b"")
        shutil.rmtree(models / "lstm")
        os.replace(models / ".next", models / "lstm")
        status, found = started.post({"candles": [{"a": 1}]})
        assert (status, found) == (
            503,
            {"error": f"{models}/lstm/model.onnx: content differs from the manifest"},
        )
        put(next_lstm, models)
        assert started.post({"candles": [{"a": 1}]})[0] == 200


def test_tags_that_say_otherwise_are_believed(models, next_lstm):
    """A bundle that they do not name answers nothing, at the start and while it runs; nor after a defect."""
    wrong = [None]

    def versions(folder):
        if wrong[0]:
            raise wrong[0]

    with service(models, name_versions=versions) as started:
        wrong[0] = ArtifactError("models/promoted/lstm: no tag puts it there")
        put(next_lstm, models)
        assert started.post({"candles": [{"a": 1}]}) == (503, {"error": str(wrong[0])})
    with pytest.raises(ArtifactError, match="no tag puts it there"), service(models, name_versions=versions):
        pass
    wrong[0] = None
    with service(models, name_versions=versions) as started:
        wrong[0] = ZeroDivisionError("a defect")
        put(next_lstm, models)
        assert started.post({"candles": [{"a": 1}]})[0] == 500
        assert started.post({"candles": [{"a": 1}]}) == (503, {"error": "a defect"})


@pytest.mark.slow
def test_untrained_symbols_are_kept_to_a_bound(models, monkeypatch):
    """Where they are allowed: of any number of names, memory is not; those trained on are answered ever."""
    monkeypatch.setenv("ALLOW_UNTRAINED", "1")
    monkeypatch.setattr(promoted, "MOST_SYMBOLS", 3)
    (candle, *_) = minutes(market(1), 1)
    with service(models) as started:
        posted = [candle | {"symbol": name} for name in ("A", "B", "A" * 61, "C", "D", "BBB-USD")]
        answers = started.post({"candles": posted})[1]["answers"]
        is_refused = [answer["status"] == "refused" for answer in answers]
        assert is_refused == [False, False, True, False, True, False]
        assert answers[4]["reason"].startswith("3 symbols are kept already")
        stream = started.promoted._loaded.stream
        assert len(stream._buffers) <= 5
        n = 3 * stream._n_kept
        many = [
            candle | {"symbol": "A", "timestamp": candle["timestamp"] + 60_000 * (k + 1)} for k in range(n)
        ]
        for k in range(0, n, 1000):
            started.post({"candles": many[k : k + 1000]})
        assert len(stream._kept["A"]) == stream._n_kept


def test_a_release_in_a_repository_is_taken_over_while_candles_come(bundles, tmp_path):
    """By tags and bundle together, never half of it: each answer is of one version and its bundle."""
    name, artifacts = "lstm-direction", ["lstm-direction"]
    sources = [make_bundle(tmp_path / f"v1.{k}.0", "lstm", name, seed=3 + k) for k in (0, 1)]
    project = new_repository(tmp_path / "project")
    ids = [verify_bundle(source).bundle_id for source in sources]

    def promote(k):
        version = Version(1, k, 0)
        with one_at_a_time(project, artifacts, print):
            made = registration(name, version, commit(project), record(ids[k]))
            put_there = assignment(project, name, version, made.commit, "w", PROD)
            carry_out(project, artifacts, [made, put_there], [Delivery(PROMOTED / name, sources[k], ids[k])])

    promote(0)
    (candle, *_) = minutes(market(1), 1)
    with (
        service(project / PROMOTED, name_versions=hold_against_tags) as started,
        ThreadPoolExecutor(1) as pool,
    ):
        running, answers = pool.submit(promote, 1), []
        while not running.done():
            answers.append(started.post({"candles": [candle]}))
        running.result()
        answers.append(started.post({"candles": [candle]}))
    assert {status for status, _ in answers} == {200}
    found = [answer["answers"][0]["bundles"][name] for _, answer in answers]
    pairs = list(dict.fromkeys((about["version"], about["bundle_id"]) for about in found))
    assert pairs == [("v1.0.0", ids[0]), ("v1.1.0", ids[1])]
    (line,) = started.lines
    assert line == f"taken over: {name} v1.1.0 ({ids[1]}); before: {name} v1.0.0 ({ids[0]})"
