"""The replayed candles answered as tables, too, as `make predict CANDLES=...` does: the same answers."""

from collections.abc import Sequence

import pandas as pd

from tapeline.release.replay_feed import Feed
from tapeline.release.replay_stretches import Stretch
from tapeline.release.replayed_answers import require_same_answers
from tapeline.serving.batch import answer_table

HOW = "in a table of candles"


def require_same_together(feed: Feed, stretches: Sequence[Stretch], in_step: pd.DataFrame) -> int:
    """How many candles of `stretches` are answered in tables as they were `in_step`, as `Feed.answers` gives.

    ArtifactError names the first candle that is not. A table begins where the feed of its stretch begins.
    """
    stream, records = feed.stream(), []
    for stretch in stretches:
        tables = {symbol: feed.fed(symbol, stretch) for symbol in feed.candles}
        for symbol, table in tables.items():
            n_asked = int((stretch.mask(table["timestamp"]) & ~table["is_filled"]).sum())
            if n_asked:  # none would ask for all
                leading = tables.get(stream.leader or symbol, table)
                answers = answer_table(stream, symbol, table, leading, n_asked)
                records += [feed.record(answer, answer.timestamp) for answer in answers]
    together = feed.table(records)
    require_same_answers(feed.contracts, in_step, together, HOW)
    return len(together)
