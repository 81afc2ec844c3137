"""A start from a checkpoint comes to what a start that reads every record comes to, wherever it was cut."""

import json
import os
import shutil
from collections import deque
from functools import cached_property

import numpy as np
import pytest

from tapeline.evaluation.live import LiveParams
from tapeline.live.checkpoint import CHECKPOINT
from tapeline.live.past import HISTORY
from tapeline.live.plain_state import STATES, bytes_of
from tapeline.live.records import DAY_US, as_table, open_to_write
from tapeline.live.replay import Replay
from tapeline.live.session import Session
from tapeline.outputs import write_table
from tapeline.serving.recorded import Clock
from tests.live.promoted import LIVE, WARM_UP, market, promote, since, write_market

PARAMS = LiveParams(**LIVE)
N = 300


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Bundles in production, what came before, and candles of two days, each of a bar alone."""
    folder = tmp_path_factory.mktemp("checkpoint")
    models, tables = promote(folder / "promoted"), market(WARM_UP + N)
    begin = next(iter(tables.values()))["timestamp"].iloc[0]
    later = begin.ceil("D") - begin - np.timedelta64(WARM_UP + N // 2, "m")  # midnight lies in the middle
    for table in tables.values():
        table["timestamp"] = table["timestamp"] + later
    candles = write_market(folder / "candles", tables)
    clock = Clock()
    with open_to_write(folder / "live") as writer:
        session = Session(writer, models, PARAMS, clock, print, lambda answer: None)
        replay = Replay(session, clock, candles, since(tables), None, float("inf"))
        history, batches = replay.history(), [[each] for batch in replay.batches() for each in batch]
    return models, history, batches


def begun(made, writer, said=None):
    """A session that goes on from what is recorded, or from the history if nothing is."""
    clock = Clock()
    clock.now = made[2][-1][0].arrived / 1e6
    say = [].append if said is None else said.append
    session = Session(writer, made[0], PARAMS, clock, say, lambda answer: None)
    if not session.resume():
        session.learn(made[1])
    return session


def feed(session, batches):
    """Have a session answer, each batch at its time."""
    for batch in batches:
        session._clock.now = batch[0].arrived / 1e6
        session.take(batch)


OF_THE_LAST = "next_order", "n_trades", "n_refused"  # of an account: counts of the stretch traded last
OF_HELD = (
    "mark",
    "half_spread",
    "slippage",
    "trade",
)  # of a position, which a flat one takes when it is opened


def state_of(session):
    """All that is known, as bytes; of the bars that were traded last, as many as chance, how they end."""
    followed = session.followed
    followed.settle()
    if followed.account is None:
        return bytes_of(session._known.parts)
    running = followed.account._account
    held = running._last, running._state
    account, positions = running.account, running.positions
    for name in OF_THE_LAST:
        account[name] = 0
    for name in OF_HELD:
        positions[name][positions["side"] == 0] = 0
    running._last, running._state = None, held[1]._replace(account=account, positions=positions)
    known = bytes_of(session._known.parts)
    running._last, running._state = held
    return known + bytes_of(running.ended()[0])


def as_scratch(made, folder, copy):
    """State and lines of a start over the same records without the checkpoint."""
    shutil.copytree(folder, copy)
    (copy / CHECKPOINT).unlink(missing_ok=True)
    with open_to_write(copy) as writer:
        return state_of(begun(made, writer))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_wherever_it_is_cut_a_start_comes_to_the_same_state(made, tmp_path, seed):
    """Checkpoints in the middle of bars, too, and candles after the last one that it does not know."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.choice(np.arange(1, len(made[2])), 3, replace=False)).tolist()
    folder, taken = tmp_path / "live", 0
    for number, cut in enumerate(cuts):
        said = []
        with open_to_write(folder) as writer:
            session = begun(made, writer, said)
            if number:
                assert said == [], "the checkpoint was taken"
                assert state_of(session) == as_scratch(made, folder, tmp_path / f"copy{number}")
            feed(session, made[2][taken:cut])
            session.checkpoint()
            held = state_of(session)
            more = made[2][cut : cut + int(rng.integers(0, 30))]
            feed(session, more)  # as a kill leaves them
            taken = cut + len(more)
            if not more:
                assert held == as_scratch(made, folder, tmp_path / f"at{number}"), "as it was written"
    with open_to_write(folder) as writer:
        session = begun(made, writer)
        feed(session, made[2][taken:])
        ended = state_of(session)
        trades, _ = session.followed.finish()
    with open_to_write(tmp_path / "whole") as writer:
        session = begun(made, writer)
        feed(session, made[2])
        assert state_of(session) == ended
        expected, _ = session.followed.finish()
    assert len(expected) > 20
    assert bytes_of(trades) == bytes_of(expected)


def left_out(value, path=""):
    """What a checkpoint leaves out of each object of a state: its attributes, shown, by object."""
    found = {}
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple | deque):
        parts = enumerate(value)
    elif type(value) in STATES:
        parts = [(name, getattr(value, name)) for name in STATES[type(value)]]
        others = vars(value).keys() - set(STATES[type(value)])
        others = {
            each for each in others if not isinstance(getattr(type(value), each, None), cached_property)
        }
        found[path] = {name: repr(getattr(value, name)) for name in others}
    else:
        parts = ()
    for name, part in parts:
        found |= left_out(part, f"{path}.{name}")
    return found


def test_what_is_left_out_is_what_a_new_one_has(made, tmp_path):
    """An attribute that records change and no checkpoint holds would be another after a start."""
    with open_to_write(tmp_path / "live") as writer:
        session = begun(made, writer)
        feed(session, made[2])
        session.followed.settle()
        fed, new = session.followed, session._new_followed()
        new.account = new.new_account(session.production.trading, fed.account.first)
        expected, found = left_out(new), left_out(fed)
    assert {"", ".watch", ".account", ".account._account"} <= found.keys()
    for path, attributes in found.items():
        assert attributes == expected.get(path, {}), path


def test_a_day_that_began_behind_it_is_read_too(made, tmp_path, monkeypatch):
    """As a kill leaves it between the first answer of a day and the packing of the one before."""
    folder, said = tmp_path / "live", []
    days = [batch[0].arrived // DAY_US for batch in made[2]]
    midnight = days.index(days[-1])
    with open_to_write(folder) as writer:
        monkeypatch.setattr(writer, "keep", lambda: False)
        session = begun(made, writer)
        feed(session, made[2][: midnight - 10])
        session.checkpoint()
        feed(session, made[2][midnight - 10 : midnight + 10])
        held = state_of(session)
    assert len(list(folder.glob("*.jsonl"))) == 2
    with open_to_write(folder) as writer:
        assert state_of(begun(made, writer, said)) == held
    assert said == [], "the checkpoint was taken"


def test_an_error_between_an_answer_and_its_account_leaves_the_one_before(made, tmp_path, monkeypatch):
    """So that the next start follows from the record what this one has not."""
    folder, said = tmp_path / "live", []

    def fail(record):
        raise MemoryError

    with open_to_write(folder) as writer:
        session = begun(made, writer)
        feed(session, made[2][:100])
        session.checkpoint()
        monkeypatch.setattr(session.followed, "add", fail)
        with pytest.raises(MemoryError):
            feed(session, made[2][100:101])
        session.checkpoint()
    with open_to_write(folder) as writer:
        assert state_of(begun(made, writer, said)) == as_scratch(made, folder, tmp_path / "copy")
    assert said == [], "the checkpoint was taken"


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory):
    """A folder with packed and open days, a checkpoint, and some records after it; the state of all of it."""
    folder = tmp_path_factory.mktemp("whole") / "live"
    with open_to_write(folder) as writer:
        session = begun(made, writer)
        feed(session, made[2][:-40])
        session.checkpoint()
        feed(session, made[2][-40:-1])
    return folder, as_scratch(made, folder, folder.parent / "copy")


@pytest.fixture
def recorded(whole, tmp_path):
    """A copy of it, whose files are as old."""
    return shutil.copytree(whole[0], tmp_path / "live")


def change_a_packed_day(folder):
    """As if somebody had written it anew."""
    path = sorted(folder.glob("*.parquet"))[0]
    os.utime(path, ns=(1, 1))


def change_the_history(folder):
    """What the account's first ranges reckon by."""
    os.utime(folder / HISTORY, ns=(1, 1))


def bring_back_a_day(folder):
    """One from before all others, that had been moved away; no answer is in it."""
    write_table(folder / "2020-01-01.parquet", as_table([]))


def change_a_line(folder):
    """Of those that were read."""
    (path,) = folder.glob("*.jsonl")
    lines = path.read_bytes().split(b"\n")
    row = json.loads(lines[0])
    lines[0] = json.dumps(row | {"is_late": not row["is_late"]}, separators=(",", ":")).encode()
    path.write_bytes(b"\n".join(lines))


def tear(folder):
    """As a disk that was full leaves it."""
    path = folder / CHECKPOINT
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turn_a_bit(folder):
    """In the middle of it."""
    content = bytearray((folder / CHECKPOINT).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / CHECKPOINT).write_bytes(content)


def rewritten(folder, **changed):
    """The checkpoint with other values in its text."""
    with np.load(folder / CHECKPOINT) as stored:
        arrays = dict(stored)
    about = json.loads(arrays["text"].tobytes()) | changed
    arrays["text"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(folder / CHECKPOINT, **arrays)


WRONG = {
    "a day that was packed has changed": (change_a_packed_day, "has changed since"),
    "the history has changed": (change_the_history, "has changed since"),
    "a day before it has come back": (bring_back_a_day, "was not there"),
    "a line has changed": (change_a_line, "has changed since"),
    "it is torn": (tear, "is of no use"),
    "a bit of it is another": (turn_a_bit, "is of no use"),
    "it is missing": (lambda folder: (folder / CHECKPOINT).unlink(), "is not there"),
    "it is of another version": (lambda folder: rewritten(folder, version=0), "it is of other version"),
    "it is of other bundles": (lambda folder: rewritten(folder, bundles="{}"), "it is of other bundles"),
    "it is of other params": (lambda folder: rewritten(folder, params={}), "it is of other params"),
    "it is of other code": (lambda folder: rewritten(folder, code=""), "it is of other code"),
    "it names what this code does not make": (
        lambda folder: rewritten(folder, state={"dict": [["n", {"of": "Popen", "is": []}]]}), "is of no use",
    ),
}  # fmt: skip


# Beside one that is read the same way.
ALIKE = {
    "the history has changed", "a bit of it is another", "it is of other bundles", "it is of other params",
    "it is of other code",
}  # fmt: skip


@pytest.mark.parametrize(
    "what", [pytest.param(name, marks=pytest.mark.slow) if name in ALIKE else name for name in WRONG]
)
def test_one_that_is_of_no_use_is_said_and_passed_over(made, whole, recorded, tmp_path, what):
    """The state is that of all records, whatever was put together before it was seen."""
    spoil, expected = WRONG[what]
    spoil(recorded)
    said = []
    with open_to_write(recorded) as writer:
        state = state_of(begun(made, writer, said))
    assert [line for line in said if expected in line] == said
    assert len(said) == 1
    assert "all records are read" in said[0]
    assert state == whole[1] or spoil is change_a_line
