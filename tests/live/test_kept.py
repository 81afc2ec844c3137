"""What is kept of candles is the end of each symbol, and comes back in step."""

from tapeline.live.kept import Kept


def row(time):
    """A candle."""
    return {"timestamp": time, "close": float(time)}


def test_the_last_of_each_symbol_come_back_bar_by_bar():
    """Symbols of a bar in the order they came in, bars rising, whatever the order of arrival."""
    kept = Kept(3)
    for symbol, times in (("B", (1, 2, 3, 4)), ("A", (2, 4))):
        for time in times:
            kept.add(symbol, row(time))
    assert list(kept.bars()) == [
        [("B", row(2)), ("A", row(2))], [("B", row(3))], [("B", row(4)), ("A", row(4))],
    ]  # fmt: skip
    kept.resize(1)
    assert list(kept.bars()) == [[("B", row(4)), ("A", row(4))]]
    kept.add("A", row(5))
    assert list(kept.by_symbol["A"]) == [row(5)]


def test_what_is_not_after_the_last_is_not_kept():
    """Of a candle that was refused the time is noted, nothing else."""
    kept = Kept(3)
    assert kept.newest("A") is None
    kept.add("A", row(5))
    kept.add("A", row(4))
    assert kept.newest("A") == 5
    kept.note("A", 7)
    assert kept.newest("A") == 7
    assert (kept.at("A", 5), kept.at("A", 7), kept.at("B", 5)) == (row(5), None, None)
    assert list(kept.bars()) == [[("A", row(5))]]
