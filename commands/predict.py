"""Predict with the promoted bundles: candles as JSON lines on standard input, or from files."""

import argparse
import json
import re
import sys
from pathlib import Path

from tapeline.ending import INTERRUPTED, run_command
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
        versions = hold_against_tags(chosen.models)
        for line in answers(chosen.models, folder, symbols, int(chosen.last), versions):
            print(json.dumps(line), flush=True)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
        sys.exit(INTERRUPTED)


def hold_against_tags(models: Path) -> dict[str, str] | None:
    """Versions by bundle's id, after finishing what was cut off; None where there is no git repository."""
    projects = [folder for folder in models.resolve().parents[:3] if (folder / ".git").exists()]
    if not projects:
        return None
    # Imported here: a bundle alone is served without GTO.
    try:
        from tapeline.models.table import ARTIFACTS
        from tapeline.promotion.change import settle
        from tapeline.promotion.production import named_versions
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is missing, by which git's tags are read: pip install 'tapeline[release]'")
    settle(projects[0], ARTIFACTS, lambda line: print(line, file=sys.stderr))
    return named_versions(models, ARTIFACTS)


if __name__ == "__main__":
    run_command(main)
