"""The newest rows of a symbol: what was read of them stays as it was."""

import numpy as np
import pytest

from tapeline.serving.rows import ROOM, Rows

LENGTH = 3


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_a_list_whatever_is_put_back(seed):
    """Rows added, dropped, forgotten and put back as they were: each reading stays, across every new room."""
    rng, rows, plain = np.random.default_rng(seed), Rows(LENGTH), {"A": [], "B": []}
    read = []
    for k in range(40 * ROOM * LENGTH):
        symbol, what = str(rng.choice(["A", "B"])), rng.random()
        kept = rows.get(symbol)
        if what < 0.05:
            rows.put(symbol, None)
            plain[symbol] = []
        elif what < 0.1 and kept is not None and len(kept) > 1:
            rows.put(symbol, kept[:-1])
            plain[symbol] = plain[symbol][:-1]
        elif what < 0.15 and read:
            symbol, former, values = read[int(rng.integers(max(0, len(read) - 5), len(read)))]
            rows.put(symbol, former)
            plain[symbol] = values
        else:
            rows.add(symbol, np.array([k, -k], np.float32))
            plain[symbol] = [*plain[symbol], [k, -k]][-LENGTH:]
        found = rows.get(symbol)
        assert ([] if found is None else found.tolist()) == plain[symbol]
        if found is not None:
            assert found.flags.c_contiguous
            read.append((symbol, found, plain[symbol]))
    for _, former, values in read:
        assert former.tolist() == values
