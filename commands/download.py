"""Fetch candles of an exchange into data/raw/EXCHANGE/SYMBOL, where ingest reads them."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from tqdm import tqdm

from tapeline.download.history import Request, download, read_time
from tapeline.download.remote import open_exchange
from tapeline.ending import run_command
from tapeline.errors import DataError, TapelineError
from tapeline.schema import INTERVAL_MINUTES

USAGE = (
    "make download EXCHANGE=binance SYMBOLS=BTC/USDT,ETH/USDT SINCE=2024-01-01 [UNTIL=] [INTERVAL=1m] "
    "[STRICT=1]"
)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; optional values may be empty, as make passes them."""
    parser = argparse.ArgumentParser(prog="python -m commands.download", description=__doc__)
    parser.add_argument("exchange", help="as ccxt names it, e.g. binance")
    parser.add_argument("symbols", help="as ccxt writes them, with commas: BTC/USDT,BTC/USDT:USDT")
    parser.add_argument("since", help="first candle: ISO date or time, UTC")
    parser.add_argument("until", nargs="?", default="", help="the first candle not to fetch; by default now")
    parser.add_argument("interval", nargs="?", default="", help="of one candle; by default 1m")
    parser.add_argument("--folder", type=Path, default=Path("data/raw"), help="by default data/raw")
    parser.add_argument(
        "--strict",
        action="store_true",
        default=os.environ.get("STRICT", "") not in ("", "0"),
        help="end with an error unless the exchange served every candle; also by STRICT=1 in the environment",
    )
    return parser.parse_args(arguments)


def read_request(options: argparse.Namespace) -> Request:
    """The request on the command line; DataError for a value that is missing or can't be read."""
    symbols = dict.fromkeys(name.strip() for name in options.symbols.split(",") if name.strip())
    for name, value in (("EXCHANGE", options.exchange), ("SYMBOLS", symbols), ("SINCE", options.since)):
        if not value:
            raise DataError(name, f"is missing: {USAGE}")
    until = read_time("UNTIL", options.until) if options.until else None
    return Request(tuple(symbols), read_time("SINCE", options.since), until, options.interval or "1m")


def main(arguments: list[str] | None = None) -> None:
    """Download, with a line a symbol; end with one line and a non-zero status if anything is wrong."""
    options = parse(arguments)
    say = partial(tqdm.write, file=sys.stderr)
    try:
        request = read_request(options)
        reports = []
        for report in download(open_exchange(options.exchange), request, options.folder, say):
            print(report.describe(INTERVAL_MINUTES[request.interval] * 60_000), flush=True)
            reports.append(report)
    except TapelineError as error:
        sys.exit(str(error))
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped before the first candle", file=sys.stderr)
        sys.exit(130)
    step = INTERVAL_MINUTES[request.interval] * 60_000
    short = {report.symbol: n for report in reports if (n := report.n_missing(step))}
    if options.strict and short:
        missing = ", ".join(f"{n} candles of {symbol}" for symbol, n in short.items())
        sys.exit(f"{options.exchange}: did not serve {missing}, asked twice; the next run asks again")
    if empty := [report.symbol for report in reports if not len(report.times)]:
        sys.exit(f"{options.exchange}: no candles of {', '.join(empty)}")


if __name__ == "__main__":
    run_command(main)
