"""Predict with the promoted bundles: candles as JSON lines on standard input, or from files.

Needs neither torch nor DVC nor Great Expectations: a bundle, this code and its numeric libraries.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tapeline.errors import TapelineError
from tapeline.serving.stream import Answer, Stream

PROMOTED = Path("models/promoted")


def predict_lines(stream: Stream, lines: TextIO) -> Iterator[dict[str, Any]]:
    """Answer each line, a candle with its `symbol`; what is no candle is answered, too."""
    for line in lines:
        if not line.strip():
            continue
        try:
            candle = json.loads(line)
            symbol = candle["symbol"]
        except (ValueError, KeyError, TypeError, RecursionError):
            symbol = None
        if not isinstance(symbol, str) or not symbol:
            yield as_line(
                Answer("", None, "refused", "not a candle: a JSON object with symbol, timestamp, open...")
            )
            continue
        yield as_line(stream.feed(symbol, candle))


def as_line(answer: Answer) -> dict[str, Any]:
    """What is known of an answer; the rest is left out, but never a number that was predicted."""
    told = vars(answer) | {"missing": answer.missing or None}
    told["timestamp"] = None if answer.timestamp is None else str(answer.timestamp)
    return {name: value for name, value in told.items() if value is not None and value != ""}


def bundles(folder: Path) -> list[Path]:
    """Folders of the bundles in production, or the one bundle that `folder` is."""
    if (folder / "manifest.json").is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob("[!.]*/manifest.json"))
    if not found:
        sys.exit(f"{folder}: holds no bundle; `make promote` puts one there, `make restore` brings it back")
    return found


def main() -> None:
    """Write an answer a candle, as JSON lines; end in one line if the bundles can't be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=PROMOTED, help="folder of bundles, or of one")
    parser.add_argument("--candles", type=Path, help="folder of candle files; else standard input")
    parser.add_argument("--symbols", default="", help="of the files, comma-separated; else those trained on")
    parser.add_argument("--last", type=int, default=0, help="only the newest so many candles of each symbol")
    chosen = parser.parse_args()
    if chosen.last < 0:
        sys.exit(f"LAST is {chosen.last}: must be 0, for all candles, or the number of the newest to predict")
    try:
        stream = Stream(*bundles(chosen.models))
        if chosen.candles is None:
            answers = predict_lines(stream, sys.stdin)
        else:
            # Reading files takes libraries that a stream of candles need not wait for.
            from tapeline.serving.batch import predict_files

            symbols = tuple(name for name in chosen.symbols.split(",") if name)
            answers = map(as_line, predict_files(stream, chosen.candles, symbols, chosen.last))
        for answer in answers:
            print(json.dumps(answer, default=str), flush=True)
    except TapelineError as error:
        sys.exit(" ".join(str(error).split()))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
        sys.exit(130)


if __name__ == "__main__":
    main()
