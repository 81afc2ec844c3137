"""The close of every symbol as a small chart: gaps are open, the largest moves are marked."""

from pathlib import Path

import altair as alt
import pandas as pd
from markupsafe import Markup

from tapeline.quality.derived import with_candle_columns
from tapeline.reports.colours import BAD, INK
from tapeline.reports.pages import OF_PAGE, svg

N_POINTS = 1500  # of a line, about; hours or longer are drawn as one point
N_MOVES = 5  # marked


def draw_candles(symbols: list[str], folder: Path | str = "data/candles") -> dict[str, Markup]:
    """SVG of the closes of each symbol that has a candle table in `folder`, by symbol."""
    paths = {symbol: Path(folder) / f"{symbol}.parquet" for symbol in symbols}
    return {
        symbol: svg(
            chart_of(pd.read_parquet(path)).properties(title=symbol, config=alt.Config.from_dict(OF_PAGE)),
            symbol,
        )
        for symbol, path in paths.items()
        if path.exists()
    }


def chart_of(candles: pd.DataFrame) -> alt.LayerChart:
    """Draw the closes of canonical candles, a line for each segment, and their largest moves."""
    scale = alt.Scale(zero=False)
    x, y = alt.X("timestamp:T", title=None), alt.Y("close:Q", scale=scale, title=None)
    base = alt.Chart(thin_out(candles), width=430, height=150)
    line = base.mark_line(strokeWidth=1).encode(x, y, detail="segment:N")
    points = alt.Chart(largest_moves(candles))
    marks = points.mark_point(color=BAD, filled=True, size=25).encode(x, y)
    sizes = points.mark_text(color=INK, dy=-9, fontSize=9).encode(x, y, text="label")
    chart: alt.LayerChart = line + marks + sizes
    return chart


def thin_out(candles: pd.DataFrame) -> pd.DataFrame:
    """Keep the last close of every hour of a segment, or of a longer time, so that few points are left."""
    span = candles["timestamp"].max() - candles["timestamp"].min()
    width = max(pd.Timedelta(hours=1), (span / N_POINTS).ceil("h"))
    hour = candles["timestamp"].dt.floor(width)
    kept = candles.groupby([candles["segment"], hour], sort=False).tail(1)
    return kept[["timestamp", "close", "segment"]]


def largest_moves(candles: pd.DataFrame) -> pd.DataFrame:
    """Return the candles with the largest `move`, with a `label` that says how large."""
    moved = with_candle_columns(candles)
    largest = moved[moved["move"].notna()].nlargest(N_MOVES, "move")[["timestamp", "close", "move"]]
    return largest.assign(label=[f"{move:.0f}σ" for move in largest["move"]])
