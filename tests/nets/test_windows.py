"""Which rows have candles enough behind them, against the definition row by row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tapeline.nets.windows import has_context


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    length=st.integers(1, 9),
    minimum=st.integers(1, 9),
    share=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_a_row_has_context_where_the_definition_says(sizes, length, minimum, share, seed):
    """Enough rows of its segment up to it, and of the last `length` few enough filled."""
    minimum = min(minimum, length)
    segment = np.repeat(np.arange(len(sizes)), sizes)
    filled = np.random.default_rng(seed).random(segment.size) < 0.3
    found = has_context(segment, filled, length, minimum, share)
    for row in range(segment.size):
        past = [k for k in range(row + 1) if segment[k] == segment[row]]
        last = past[-length:]
        assert found[row] == (len(past) >= minimum and filled[last].sum() <= share * len(last))
