"""Every experiment and commit in one table: `runs/index.csv`, and the most telling columns printed."""

import re
import sys
from collections.abc import Iterable

from tapeline.ending import run_command
from tapeline.errors import ArtifactError, printable
from tapeline.outputs import write_csv
from tapeline.release.deflated import note_trials
from tapeline.reports.runs import INDEX, PRINTED, daily_pnl, index, overfitting, read_experiments


def main() -> None:
    """Write the index and print its main columns."""
    table = index(read_experiments())
    write_csv(INDEX, table)
    printed = table[[name for name in PRINTED if name in table.columns]]
    rounded = printed.map(lambda text: f"{float(text):.4g}" if re.fullmatch(r"-?\d+\.\d+", text) else text)
    print(printable(rounded.to_string(index=False)))
    print(f"written: {INDEX}, {len(table)} lines, {len(table.columns)} columns")
    finished: Iterable[str] = table.loc[table["verdict"] != "", "commit"] if "verdict" in table else []
    print(overfitting({commit: daily_pnl(commit) for commit in finished}))
    try:
        if new_trials := note_trials():
            print(new_trials)
    except ArtifactError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run_command(main)
