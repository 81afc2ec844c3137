"""Which pushed candles have closed: none that is open or stale, whatever is pushed, dropped or lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.download.closing import Served
from tapeline.download.pushing import Heard, Lost
from tapeline.live.pushed import Pushed, is_sound

STEP = 60_000
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 25_000),  # milliseconds that pass
        st.sampled_from(["push", "push", "push", "skip", "lose", "silence", "repeat"]),
    ),
    min_size=20,
    max_size=120,
)


def whole(bar):
    """A candle as it is once it has closed."""
    return (10.0 + bar, 12.0 + bar, 9.0 + bar, 11.0 + bar, 100.0 + bar)


def grown(bar, share):
    """The candle of a bar as it is when a share of it has passed."""
    opened, high, low, close, volume = whole(bar)
    return whole(bar) if share >= 1 else (opened, high - 0.5, low + 0.5, close - 0.25, volume * share)


class FakePushing:
    """Hands on what it is given, as one connection after the other."""

    def __init__(self):
        self.heard, self.lost, self.opened, self.dropped, self.waited = [], None, 0, 0, []

    def open(self):
        """Count it."""
        self.opened += 1

    def drop(self):
        """Forget what was not taken."""
        self.dropped += 1
        self.heard, self.lost = [], None

    def take(self, seconds):
        """What there is."""
        self.waited.append(seconds)
        (heard, self.heard), (lost, self.lost) = (self.heard, []), (self.lost, None)
        return heard, lost

    def close(self):
        """Nothing to end."""


def believed(pushing, says_closed=True, step=STEP):
    """A socket that is open and was once the same as REST; its clock is a list of one time."""
    now, said = [10 * step], []
    pushed = Pushed(pushing, step, lambda: now[0], said.append)
    first = 9 * step
    pushed.wait(0)
    pushing.heard = [
        Heard("A", {first - step: whole(-2), first: whole(-1)}, {first - step} if says_closed else None)
    ]
    pushed.wait(0)
    pushed.compare(Served("A", np.array([first - step]), np.array([whole(-2)])))
    assert pushed.serves("A")
    pushing.heard = [Heard("A", {first: whole(-1)}, set() if says_closed else None)]
    pushed.wait(0)
    return pushed, now, said


@pytest.mark.parametrize("says_closed", [True, False])
@settings(max_examples=settings.default.max_examples * 3 // 5)
@given(events=EVENTS)
def test_what_is_handed_on_has_closed_and_is_what_it_was_at_its_close(says_closed, events):
    """Of messages in order that are lost, repeated, and connections that end: no open and no stale candle."""
    pushing = FakePushing()
    pushed, now, _ = believed(pushing, says_closed)
    begun, handed, last, unsaid = now[0], {}, None, set()
    for passed, what in events:
        before, now[0] = now[0], now[0] + passed
        bar, share = divmod(now[0] - begun, STEP)
        unsaid |= set(range((before - begun) // STEP, bar))  # each that closed meanwhile
        if what == "push":
            candles = {begun + bar * STEP: grown(bar, share / STEP)}
            candles |= {begun + each * STEP: whole(each) for each in unsaid}
            closed = {begun + each * STEP for each in unsaid}
            last, unsaid = Heard("A", candles, closed if says_closed else None), set()
            pushing.heard = [last]
        elif what == "repeat" and last is not None:
            pushing.heard = [last]
        elif what == "skip" and says_closed:
            unsaid = set()
        elif what == "lose":
            pushing.lost, last, unsaid = Lost("gone", is_lasting=False), None, set()
        for served in pushed.wait(0):
            for opened, values in zip(served.times.tolist(), served.candles.tolist(), strict=True):
                assert opened + STEP <= now[0], "open"
                assert tuple(values) == whole((opened - begun) // STEP), "stale"
                assert opened not in handed, "twice"
                handed[opened] = values


def test_what_was_open_when_the_connection_ended_is_not_handed_on():
    """The next candle comes on another connection: what the last one was at its close, nobody said."""
    pushing = FakePushing()
    pushed, now, _ = believed(pushing, says_closed=False)
    bar = now[0]
    pushing.heard = [Heard("A", {bar: grown(0, 0.5)}, None)]
    assert pushed.wait(0)[0].times[-1] == bar - STEP
    pushing.lost = Lost("gone", is_lasting=False)
    pushed.wait(0)
    now[0] += STEP + 1
    pushing.heard = [Heard("A", {bar + STEP: grown(1, 0.1)}, None)]
    assert pushed.wait(0) == []


def test_a_candle_before_a_gap_is_not_handed_on():
    """The next one is missing, and with it, perhaps, the last message of this one."""
    pushing = FakePushing()
    pushed, now, _ = believed(pushing, says_closed=False)
    bar = now[0]
    pushing.heard = [Heard("A", {bar: grown(0, 0.5)}, None)]
    pushed.wait(0)
    now[0] += 2 * STEP + 1
    pushing.heard = [Heard("A", {bar + 2 * STEP: grown(2, 0.1)}, None)]
    assert pushed.wait(0) == []


def test_a_close_that_is_said_early_waits_for_the_clock():
    """By a second it is handed on at its close; by more it is no close."""
    for early_ms, expected in ((1000, 1), (5000, 0)):
        pushing = FakePushing()
        pushed, now, _ = believed(pushing)
        opened = now[0]
        now[0] = opened + STEP - early_ms
        pushing.heard = [Heard("A", {opened: whole(0)}, {opened})]
        assert pushed.wait(0) == []
        now[0] = opened + STEP
        assert len(pushed.wait(0)) == expected


def test_pauses_double_until_it_is_heard_again():
    """1, 2, 4 ... 600 seconds; said once; after a message they begin anew."""
    pushing = FakePushing()
    pushed, now, said = believed(pushing)
    for _ in range(2):
        pauses, n = [], len(said)
        for _ in range(12):
            pushing.lost, opened = Lost("refused", is_lasting=False), pushing.opened
            pushed.wait(0)
            lost_at = now[0]
            while pushing.opened == opened:
                now[0] += 500
                pushed.wait(0)
            pauses.append((now[0] - lost_at) / 1000)
        assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
        assert said[n:] == ["the socket: refused; candles are asked for by REST until it is open again"]
        pushing.heard = [Heard("A", {now[0] // STEP * STEP: grown(0, 0.5)}, set())]
        pushed.wait(0)
        assert said[-1] == "the socket is open again"
    assert pushed.counts["lost"] == 24


def test_it_is_woken_in_time():
    """By the end of a silence that is too long, by the end of a pause, or as was asked."""
    pushing = FakePushing()
    pushed, now, _ = believed(pushing)
    pushed.wait(1000)
    pushing.lost = Lost("gone", is_lasting=False)
    pushed.wait(3)
    pushed.wait(3)
    assert pushing.waited[-3:] == [65, 3, 1]
    now[0] += 2000
    pushed.wait(7)
    now[0] += 65_000
    pushed.wait(7)
    assert (pushing.waited[-2:], pushing.dropped) == ([7, 0], 1)


def test_what_is_lost_for_good_is_not_tried_again():
    """Said, and from then on it only sleeps."""
    pushing, slept = FakePushing(), []
    pushed, _, said = believed(pushing)
    pushed._sleep = slept.append
    pushing.lost = Lost("not offered", is_lasting=True)
    pushed.wait(1)
    pushed.wait(5)
    assert said == ["the socket: not offered; candles are asked for by REST from now on"]
    assert (slept, pushing.opened, pushed.serves("A")) == ([5], 1, False)


def test_memory_does_not_grow():
    """Of thousands of bars a handful is kept."""
    pushing = FakePushing()
    pushed, now, _ = believed(pushing)
    for bar in range(2000):
        opened = now[0] // STEP * STEP
        pushing.heard = [Heard("A", {opened: whole(bar)}, {opened})]
        now[0] += STEP
        assert len(pushed.wait(0)) == 1
    kept = pushed._candles["A"], pushed._closed["A"], pushed._handed["A"]
    assert max(map(len, kept)) < 8


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.0, 2.0, 0.5, 1.5, 0.0), True),
        ((1.0, 1.0, 1.0, 1.0, 3.0), True),
        ((1.0, 0.9, 0.5, 0.7, 3.0), False),
        ((1.0, 2.0, 1.1, 1.5, 3.0), False),
        ((1.0, 2.0, 0.5, 2.5, 3.0), False),
        ((1.0, 2.0, 0.5, 0.4, 3.0), False),
        ((1.0, 2.0, 0.0, 1.5, 3.0), False),
        ((1.0, 2.0, 0.5, 1.5, -1.0), False),
        ((1.0, float("inf"), 0.5, 1.5, 3.0), False),
        ((1.0, 2.0, float("nan"), 1.5, 3.0), False),
        ((1.0, 2.0, 0.5, 1.5, float("nan")), False),
    ],
)
def test_what_can_be_a_candle(values, expected):
    """Prices in order and above nothing, a volume, all of them numbers."""
    assert is_sound(values) == expected
