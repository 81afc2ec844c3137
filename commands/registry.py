"""Write `models/registry.json` from the git tags alone, and print it as a table."""

from pathlib import Path

from tapeline.ending import run_command
from tapeline.errors import printable
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import PATIENCE_S, one_at_a_time
from tapeline.promotion.production import INDEX, write_index
from tapeline.reports.versions_table import versions_table


def main() -> None:
    """Write and print."""
    with one_at_a_time(Path(), ARTIFACTS, print, PATIENCE_S):
        registry = write_index(Path(), ARTIFACTS)
    table = versions_table(registry)
    print("nothing was promoted yet" if table.empty else printable(table.to_string(index=False)))
    for note in registry.notes():
        print(note)
    print(f"written: {INDEX}")


if __name__ == "__main__":
    run_command(main)
