"""A short feed of two small bundles, and what they answer to it in step."""

from tapeline.outputs import write_table
from tapeline.release.replay_feed import Feed
from tapeline.release.replay_stretches import Stretch
from tests.serving.bundles import market

LAST = 50  # candles that are replayed


def make_feed(folder, bundles):
    """The feed, the stretches that are replayed, and the answers in step; a gap is filled in each."""
    for symbol, table in market(500).items():
        if symbol == "BBB-USD":
            table.loc[470:471, ["open", "high", "low", "close"]] = table.loc[469, "close"]
            table.loc[470:471, ["volume", "is_filled"]] = [0.0, True]
        write_table(folder / f"{symbol}.parquet", table)
    feed = Feed(bundles, folder)
    times = feed.candles["AAA-USD"]["timestamp"]
    stretches = (Stretch(times.iloc[-LAST], times.iloc[-1] + feed.step),)
    return feed, stretches, feed.answers(stretches, "", 2 * LAST - 2)
