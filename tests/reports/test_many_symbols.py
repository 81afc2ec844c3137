"""Tables by symbol: whole while they are short, both ends and quartiles when they are long."""

import pytest

from tapeline.reports.many_symbols import EACH, MOST, few, told_of_few


def made(n):
    """Records of `n` symbols, in no order of their figure; of the last it is not defined."""
    return {f"S{k:02}": {"net_pnl": float(k * 7 % n), "trades": k, "name": "x"} for k in range(n - 1)} | {
        "LAST": {"net_pnl": None, "trades": n - 1, "name": "x"}
    }


def test_a_short_table_is_as_it_is():
    """In its own order, and nothing is said of it."""
    records = made(MOST)
    assert few(records, "net_pnl") == records
    assert told_of_few(records, "net PnL") == ""


def test_a_long_table_has_both_ends_and_quartiles_of_all():
    """Highest first; what is not defined comes last; a figure that one symbol lacks has no quartile."""
    records = made(51)
    shown = few(records, "net_pnl")
    symbols = list(shown)[:-3]
    assert len(symbols) == 2 * EACH
    every = sorted((r["net_pnl"] for r in records.values() if r["net_pnl"] is not None), reverse=True)
    assert [records[symbol]["net_pnl"] for symbol in symbols[:EACH]] == every[:EACH]
    assert [records[symbol]["net_pnl"] for symbol in symbols[EACH:]] == [*every[-EACH + 1 :], None]
    assert list(shown)[-3:] == ["a quarter is below, of 51", "median, of 51", "a quarter is above, of 51"]
    assert [shown[name]["trades"] for name in list(shown)[-3:]] == [12.5, 25, 37.5]
    assert shown["median, of 51"]["net_pnl"] is None
    assert shown["median, of 51"]["name"] is None
    assert (
        told_of_few(records, "net PnL")
        == "; of 51 the 10 with the highest and the 10 with the lowest net PnL"
    )


@pytest.mark.parametrize("n", [MOST + 1, 2 * EACH])
def test_between_both_all_are_there_once_with_their_quartiles(n):
    """No symbol stands twice, none is left out."""
    shown = few(made(n), "net_pnl")
    assert len(shown) == n + 3
    assert told_of_few(made(n), "net PnL") == ""
