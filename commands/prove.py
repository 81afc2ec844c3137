"""Prove that nothing of the latest run depends on the future; SEED repeats an earlier proof."""

import sys
from pathlib import Path

from tapeline.ending import run_command
from tapeline.release.proof import LARGEST_SEED, lines, prove


def main() -> None:
    """Prove, and print what was compared; end with the first value that knows the future."""
    given = next((argument for argument in sys.argv[1:] if argument), "")
    if given and not (given.isascii() and given.isdigit() and int(given) < LARGEST_SEED):
        sys.exit(f"SEED is {given!r}: must be a whole number from 0 to {LARGEST_SEED - 1}")
    record = prove(Path(), int(given) if given else None, print)
    print("\n".join(lines(record)))


if __name__ == "__main__":
    run_command(main)
