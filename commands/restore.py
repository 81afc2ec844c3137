"""Bring `models/promoted/` and `models/shadow/` in line with the git tags."""

from tapeline.ending import run_command
from tapeline.release.restore import restore


def main() -> None:
    """Restore and say what was done."""
    if not restore(print):
        print("nothing was promoted yet")


if __name__ == "__main__":
    run_command(main)
