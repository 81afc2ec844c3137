"""Predict with the promoted bundles: candles as JSON lines on standard input, or from files."""

import argparse
import json
import re
import sys
from pathlib import Path

from tapeline.errors import TapelineError
from tapeline.serving.lines import PROMOTED, answers


def main() -> None:
    """Write an answer a candle, as JSON lines; end in one line if the bundles can't be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=PROMOTED, help="folder of bundles, or of one")
    parser.add_argument("--candles", default="", help="folder of candle files; else standard input")
    parser.add_argument("--symbols", default="", help="of the files, comma-separated; else those trained on")
    parser.add_argument("--last", default="0", help="only the newest so many candles of each symbol")
    chosen = parser.parse_args()
    if not re.fullmatch(r"\d{1,9}", chosen.last, re.ASCII):
        sys.exit(
            f"LAST is {chosen.last!r}: must be 0, for all candles, or the number of the newest to predict"
        )
    folder = Path(chosen.candles) if chosen.candles else None
    symbols = tuple(name for name in chosen.symbols.split(",") if name)
    try:
        for line in answers(chosen.models, folder, symbols, int(chosen.last)):
            print(json.dumps(line), flush=True)
    except TapelineError as error:
        sys.exit(" ".join(str(error).split()))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
        sys.exit(130)


if __name__ == "__main__":
    main()
