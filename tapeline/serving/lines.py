"""Predict with the promoted bundles: candles as JSON lines on standard input, or from files.

Needs neither torch nor DVC nor Great Expectations: a bundle, this code and its numeric libraries.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tapeline.errors import ArtifactError
from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.serving.answers import REFUSED, Answer
from tapeline.serving.candles import CandleError, brief, read_time, show
from tapeline.serving.stream import Stream

PROMOTED = Path("models/promoted")
INDEX = "registry.json"  # beside the folder of bundles: which version each of them is
LONGEST_REASON = 100  # characters of Python's error on a line that is no candle
LONGEST_LINE = 65_536  # bytes; a candle takes some 150


def read_lines(source: BinaryIO) -> Iterator[bytes]:
    """Lines of `source` in bounded memory: a longer one is cut one byte after LONGEST_LINE."""
    while line := source.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = source.readline(LONGEST_LINE + 1)


def predict_lines(stream: Stream, lines: Iterable[bytes]) -> Iterator[Answer]:
    """Answer each line, a candle with its `symbol`; a line that is no candle is answered, too."""
    for line in lines:
        if not line.strip():
            continue
        try:
            if len(line) > LONGEST_LINE:
                raise ValueError(f"it is longer than {LONGEST_LINE} bytes")
            candle = json.loads(line.decode("utf-8-sig"))
            if not isinstance(candle, dict):
                raise ValueError(f"it is {brief(candle)}")
            if "symbol" not in candle:
                raise ValueError("symbol is missing")
            symbol = candle["symbol"]
            if not isinstance(symbol, str) or not symbol:
                raise ValueError(f"symbol is {brief(symbol)}")
        except (ValueError, RecursionError) as error:
            complaint = "not a candle: a JSON object with symbol, timestamp, open..."
            why = (
                f"byte {error.start + 1} is not UTF-8"
                if isinstance(error, UnicodeDecodeError)
                else str(error)
            )
            yield Answer("", None, REFUSED, f"{complaint} ({why[:LONGEST_REASON]})")
            continue
        yield stream.feed(symbol, candle)


def as_line(answer: Answer, about: dict[str, Any]) -> dict[str, Any]:
    """Fields of an answer, and `about` the bundles; every predicted number is kept.

    A number that several bundles predict is written under each bundle, every other beside the candle.
    """
    fields = {"symbol": answer.symbol, "timestamp": answer.timestamp, "status": answer.status}
    fields |= {"reason": answer.reason, "missing": answer.missing or None, **answer.single.record}
    if answer.timestamp is not None:
        try:
            fields["timestamp"] = show(read_time(answer.timestamp))
        except CandleError:
            fields["timestamp"] = brief(answer.timestamp)
    line = {name: value for name, value in fields.items() if value is not None and value != ""} | about
    own = {artifact: prediction.record for artifact, prediction in answer.several.items()}
    return line | {"bundles": {name: bundle | own.get(name, {}) for name, bundle in about["bundles"].items()}}


def about_bundles(stream: Stream, versions: dict[str, str]) -> dict[str, Any]:
    """Fields of the bundles that every answer carries; `versions` by id."""
    records = {}
    for predictor in stream.predictors:
        bundle = predictor.bundle
        records[bundle.contract.artifact] = {
            "version": versions.get(str(bundle.bundle_id)),
            "bundle_id": bundle.bundle_id,
            "horizon": bundle.model.horizon,
        }
    return {"interval": stream.interval, "market": stream.market, "bundles": records}


def read_versions(index: Path) -> dict[str, str]:
    """Version by bundle's id, as `make registry` wrote them; empty if it has not."""
    try:
        registry = json.loads(index.read_text(encoding="utf-8"))
        return {
            each["bundle_id"]: each["version"] for entry in registry.values() for each in entry["versions"]
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{index}: can't be read ({error}); `make registry` writes it anew") from error


def bundles(folder: Path) -> list[Path]:
    """Folders of the bundles in production, or the one bundle that `folder` is."""
    if (folder / "manifest.json").is_file():
        return [folder]
    folders = sorted(path.parent for path in folder.glob("[!.]*/manifest.json"))
    if not folders:
        raise ArtifactError(
            f"{folder}: holds no bundle; `make promote` puts one there, `make restore` brings it back"
        )
    return folders


def answers(
    models: Path,
    folder: Path | None,
    symbols: tuple[str, ...],
    last: int,
    versions: dict[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Answers to all candles asked for, as they are written; TapelineError if the bundles can't be used.

    models : folder of bundles, or of one
    folder : of candle files; None: standard input
    symbols : of the files, those trained on if empty; last : only the newest so many candles of each
    versions : by bundle's id; None: as the index beside `models` says
    """
    folders = bundles(models)
    is_simulated = folder is not None and is_of_simulation(read_origin(folder))
    stream = Stream(
        *folders,
        clock=(lambda: math.inf) if is_simulated else time.time,  # simulated candles may lie in the future
        allow_simulated=is_simulated or os.environ.get("ALLOW_SIMULATED") == "1",
        allow_untrained=os.environ.get("ALLOW_UNTRAINED") == "1",
    )
    if versions is None:
        versions = read_versions(folders[0].parent.parent / INDEX)
    about = about_bundles(stream, versions)
    if folder is None:
        stream_answers = predict_lines(stream, read_lines(sys.stdin.buffer))
    else:
        # Imported here: reading files needs slow imports that a stream of candles does not.
        from tapeline.serving.batch import predict_files

        stream_answers = predict_files(stream, folder, symbols, last)
    for answer in stream_answers:
        yield as_line(answer, about)
