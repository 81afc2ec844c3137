"""Every run of this repository in one table: `runs/index.csv`, and the most telling columns printed."""

import sys

from tapeline.ending import run_command
from tapeline.errors import ArtifactError, printable
from tapeline.outputs import write_csv
from tapeline.release.deflated import note_trials
from tapeline.reports.runs import INDEX, find_runs, index, overfitting


def main() -> None:
    """Write the index and print its main columns."""
    try:
        runs = find_runs()
    except ArtifactError as error:
        sys.exit(str(error))
    if not runs:
        sys.exit("no run yet: `make repro` makes the first one, and a commit keeps it")
    table = index(runs)
    write_csv(INDEX, table.lines.drop(columns="is_commit"))
    print(printable(table.printed()))
    print(f"written: {INDEX}, {len(table.lines)} lines, {len(table.lines.columns) - 1} columns")
    print(overfitting(run.daily_pnl() for run in runs))
    try:
        if new_trials := note_trials():
            print(new_trials)
    except ArtifactError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run_command(main)
