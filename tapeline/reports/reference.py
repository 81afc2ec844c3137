"""The pages docs/features.md and docs/candles.md: every feature and every layout of candles, as declared."""

from pathlib import Path

from tapeline.features.catalog import FEATURES, GROUPS
from tapeline.features.declare import Feature
from tapeline.market.formats import FORMATS
from tapeline.market.layouts import LAYOUTS, TIMES, WORDS, Layout

CANDLES_TEXT = """# Files of candles

Made by `make docs` from the list in `tapeline/market/layouts.py`; not to be edited by hand.

Files lie under `data.path` as `SYMBOL.csv` or, with whatever names, in a folder `SYMBOL` and folders in it,
all of that perhaps in a folder of the exchange. Formats: {formats}. HDF5 is read as pandas writes it with
`format="table"`, packed by blosc or zlib. Columns may be separated by comma, semicolon, tab or bar; where it
is no comma, decimals may have one.

- A layout is found by the names of the columns, in capitals or not, in any order, or without a header by
  their number and by what every row obeys: low <= open, close <= high. Where two layouts would make
  different candles of the same rows, the file is refused, and `data.layout` names the right one.
- Names that are not in the list are told by `data.columns`, e.g. `{{timestamp: when, volume: Base vol}}`
  (with `-S`: `'+data.columns.volume=Base vol'`); without a header by position, counted from 1, e.g.
  `{{timestamp: 1, open: 4, high: 3, low: 2, close: 5, volume: 6}}`.
- The time is that of the candle's OPEN: an epoch in s, ms, us or ns, or ISO 8601 with its zone. Times
  without zone are refused until `data.timezone` names it; beside an epoch in the same row they are not
  needed. A day and a time of day in two columns, `date` and `time`, are joined.
- The volume is the base currency's, or contracts where the exchange counts them. BASE in a name stands for
  the symbol's base currency: `volume_btc` of BTC-USD.
- Times may be named {times}; an index without a name is one where there is no other.
- Newest first, rows in any order, rows twice: all one. Rows of a time without prices are missing candles.
  Candles that a column (`confirm`, `is_closed`, `complete`) calls unfinished are left out. The card in
  `metrics/data.json` counts them.
- Shorter candles than `data.interval` are joined: an interval is built where each of its shorter candles is
  there or lies in a gap of at most `data.max_fill` of them, in which nobody traded. Intervals that are not
  whole, as at the beginning and the end, are left out and counted, and so are candles missing within.
- Notes (README, LICENSE, Markdown, text without columns), hidden files and sums (`.CHECKSUM`, `.sha256`) are
  passed over and counted; a sum whose file is there is checked.

| layout | written by | names of the columns | without a header |
|---|---|---|---|
"""
PARTS = {"timestamp": "time"}


def features_page() -> str:
    """The page as Markdown: a table per group, made from the declarations."""
    longest = max(FEATURES.values(), key=lambda feature: feature.lookback)
    lines = [
        "# Features",
        "",
        "Made by `make docs` from the declarations in `tapeline/features/`; not to be edited by hand.",
        "",
        f"{len(FEATURES)} features in {len(GROUPS)} groups. Each value is known at the close of its candle",
        "and fixed, to one part in a million, by `lookback` candles, that one included. Switch groups by",
        "`features.groups`, single features by `features.exclude`. The longest lookback,",
        f"{longest.lookback} candles (`{longest.name}`), is the warm-up lost at the start of every segment.",
    ]
    for group in GROUPS:
        lines += ["", f"## {group}", "", "| feature | lookback | range | meaning |", "|---|---|---|---|"]
        lines += [_row(feature) for feature in FEATURES.values() if feature.group == group]
    return "\n".join(lines) + "\n"


def _row(feature: Feature) -> str:
    low, high = ("" if bound is None else f"{bound:g}" for bound in (feature.low, feature.high))
    span = f"{low} .. {high}" if low or high else ""
    meaning = feature.meaning.replace("|", "\\|")
    return f"| `{feature.name}` | {feature.lookback} | {span} | {meaning} |"


def candles_page() -> str:
    """The page on files of candles as Markdown: formats, rules and a row per layout."""
    times = ", ".join(f"`{name}`" for name in TIMES)
    return CANDLES_TEXT.format(formats=FORMATS, times=times) + "\n".join(map(_layout_row, LAYOUTS)) + "\n"


def _layout_row(layout: Layout) -> str:
    named = [f"{PARTS.get(part, part)}: {_names(names)}" for part, names in layout.header.items()]
    orders = [
        f"{len(order)}: " + " ".join(PARTS.get(part, part) for part in order) for order in layout.orders
    ]
    return f"| `{layout.name}` | {layout.source} | {'; '.join(named)} | {'; '.join(orders)} |"


def _names(names: tuple[str, ...]) -> str:
    return "any" if set(WORDS) <= set(names) else ", ".join(f"`{name}`" for name in names)


PAGES = {Path("docs/features.md"): features_page, Path("docs/candles.md"): candles_page}
