"""Write `models/registry.json` from the git tags alone, and print it as a table."""

import sys
from pathlib import Path

from tapeline.errors import TapelineError, printable
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.production import INDEX, write_index
from tapeline.reports.versions_table import versions_table


def main() -> None:
    """Write and print."""
    try:
        registry = write_index(Path(), ARTIFACTS)
    except (TapelineError, OSError) as error:
        sys.exit(" ".join(str(error).split()))
    table = versions_table(registry)
    print("nothing was promoted yet" if table.empty else printable(table.to_string(index=False)))
    for tag, why in registry.ignored.items():
        print(printable(f"tag {tag}: left alone, {why}"))
    print(f"written: {INDEX}")


if __name__ == "__main__":
    main()
