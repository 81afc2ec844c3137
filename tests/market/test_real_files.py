"""Real files of exchanges, as they were found; skipped where they are not at hand."""

import shutil
from pathlib import Path

import pytest

from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol

SHARED = Path(__file__).parents[2].parent / "shared"
SAMPLES, MARKET = SHARED / "raw-samples", SHARED / "market"

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no raw samples beside the checkout")
needs_market = pytest.mark.skipif(not MARKET.is_dir(), reason="no market data beside the checkout")


def data(path):
    """The section `data` for the folder `path`; no row may be rejected."""
    return DataParams(
        source="files",
        path=str(path),
        layout="auto",
        columns={},
        timezone=None,
        symbols=["A"],
        interval="1m",
        max_fill=15,
        max_filled_share=0.2,
        max_rejected_share=0.0,
        extra={},
        extra_path="",
        memory_gb=None,
        workers=1,
    )


def assert_sound(candles):
    """Every candle is possible, and every time in a segment a minute after the one before."""
    bodies = candles[["open", "close"]]
    assert (bodies.min(axis=1) >= candles["low"]).all()
    assert (bodies.max(axis=1) <= candles["high"]).all()
    steps = candles["timestamp"].diff().dt.total_seconds().to_numpy()[1:]
    is_cut = candles["segment"].diff().to_numpy()[1:] == 1
    assert (steps[~is_cut] == 60).all()
    assert (steps[is_cut] > 16 * 60).all()


@needs_samples
@pytest.mark.parametrize(
    ("name", "layout", "n_rows", "first", "last"),
    [
        ("bitfinex_LTCUSD_2016_merged.csv", "bitfinex", 41_250, "2016-01-01T00:05", "2016-12-31T22:54"),
        ("freqtrade_binance_XRP_USDT-1m.json", "freqtrade", 43_199, "2023-04-01T21:03", "2023-05-01T21:01"),
        ("NEARUSDT-1m-2026-02.zip", "binance", 40_320, "2026-02-01T00:00", "2026-02-28T23:59"),
    ],
)  # fmt: skip
def test_raw_samples_are_read_as_what_they_are(tmp_path, name, layout, n_rows, first, last):
    """Each layout is found by itself, no row is lost, every candle is possible."""
    (tmp_path / "A").mkdir()
    shutil.copy(SAMPLES / name, tmp_path / "A" / name)
    raw = read_symbol(data(tmp_path), "A")
    cleaned = clean(raw, data(tmp_path))
    assert raw.layout == layout
    assert len(raw.rows) == cleaned.card["rows"] == n_rows
    assert cleaned.findings == []
    assert (cleaned.card["first"], cleaned.card["last"]) == (f"{first}:00Z", f"{last}:00Z")
    assert_sound(cleaned.candles)


@needs_samples
def test_the_first_row_of_a_bitfinex_file_has_its_extremes_right(tmp_path):
    """A row with four different prices, read off the file by eye: 3.4548, 3.4378, 3.4582, 3.4293."""
    shutil.copy(SAMPLES / "bitfinex_LTCUSD_2016_merged.csv", tmp_path / "A.csv")
    row = read_symbol(data(tmp_path), "A").rows.iloc[3]
    assert row[["open", "high", "low", "close"]].tolist() == [3.4548, 3.4582, 3.4293, 3.4378]


@needs_market
@pytest.mark.parametrize(
    ("exchange", "symbol", "n_rows", "n_missing", "n_gaps", "longest", "n_segments", "n_quiet"),
    [
        ("BINANCE-USDM", "BTC-USDT", 43_198, 0, 0, 0, 1, 0),
        ("BINANCE", "SOL-USDT", 66_087, 80, 1, 80, 2, 73),
        ("BITFINEX", "LTC-USD", 427_263, 98_337, 56_326, 181, 33, 0),
    ],
)
def test_cards_agree_with_the_catalogue(
    exchange, symbol, n_rows, n_missing, n_gaps, longest, n_segments, n_quiet
):
    """Rows, gaps and quiet candles are what the catalogue of the files says, counted by others."""
    raw = read_symbol(data(MARKET / exchange), symbol)
    cleaned = clean(raw, data(MARKET))
    card = cleaned.card
    assert raw.layout == "canonical"
    assert (card["rows"], card["gaps"], card["longest_gap"]) == (n_rows, n_gaps, longest)
    assert (card["zero_volume"], card["rejected"], card["duplicates"], card["sorted"]) == (n_quiet, 0, 0, 0)
    assert card["segments"] == n_segments
    assert card["filled"] + card["missing"] == n_missing
    assert_sound(cleaned.candles)


EVERY = sorted(path.parent for path in MARKET.glob("*/*/1m.parquet"))


@needs_market
@pytest.mark.parametrize("folder", EVERY, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_no_real_candles_are_refused(folder):
    """Crashes, gaps of hours and dead minutes included, every row of every symbol is a candle."""
    cleaned = clean(read_symbol(data(folder.parent), folder.name), data(folder.parent))
    assert cleaned.card["rejected"] == cleaned.card["conflicting"] == 0
    assert cleaned.findings == []
    assert (cleaned.candles["file"] == 0).all()


@needs_market
def test_a_real_crash_is_kept():
    """XRP-USD fell from 0.80 to 0.49 inside one minute of 2018-04-25 and came back."""
    candles = clean(read_symbol(data(MARKET / "BITFINEX"), "XRP-USD"), data(MARKET)).candles
    day = candles[candles["timestamp"].dt.strftime("%Y-%m-%d") == "2018-04-25"]
    assert (day["high"] / day["low"]).max() > 1.6
