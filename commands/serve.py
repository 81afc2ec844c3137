"""Serve the promoted bundles over HTTP: candles in by POST, predictions out."""

import argparse
import os
import sys
from pathlib import Path

from commands.predict import hold_against_tags
from tapeline.ending import run_command
from tapeline.serving.lines import PROMOTED


def main() -> None:
    """Serve until interrupted; end in one line if that can't be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=PROMOTED, help="folder of bundles, or of one")
    parser.add_argument("--host", default="127.0.0.1", help="other than loopback takes TAPELINE_TOKEN")
    parser.add_argument("--port", default="8000", help="0 takes any that is free")
    chosen = parser.parse_args()
    # Imported here: all but this command does without it.
    try:
        from tapeline.http.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tapeline"):
            raise
        sys.exit(f"{error.name} is missing, by which is served: pip install 'tapeline[http,serve]'")
    serve(chosen.models, chosen.host, chosen.port, os.environ, hold_against_tags, say)


def say(line: str) -> None:
    """Write a line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    run_command(main)
