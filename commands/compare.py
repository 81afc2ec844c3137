"""Two runs side by side: `reports/compare.html`, and the figures that differ surely, printed."""

import sys

from tapeline.ending import run_command
from tapeline.errors import ArtifactError, printable
from tapeline.reports.recorded_run import open_run
from tapeline.reports.run_compare import write_comparison
from tapeline.reports.wording import name_of


def main() -> None:
    """Compare the run A with B: each a commit, a tag or an experiment, B left out the working tree."""
    first, second = ([*sys.argv[1:], "", ""])[:2]
    if not first:
        sys.exit("which run? make compare A=HEAD~1 [B=REV]: a commit, a tag or an experiment")
    try:
        runs = open_run(first), open_run(second)
        page, compared, wording = write_comparison(*runs)
    except ArtifactError as error:
        sys.exit(str(error))
    for letter, run in zip("AB", runs, strict=True):
        print(printable(f"{letter}: {run.name} ({run.what})"))
    for pair in compared.paired:
        first, second, difference, low, high = (
            wording.said(value, pair.key)
            for value in (pair.first, pair.second, pair.difference, pair.low, pair.high)
        )
        interval = "" if pair.low is None else f" [{low}, {high}]"
        print(
            f"{pair.what}, {name_of(pair.key)}: {first} and {second} on the same {pair.number:,} {pair.of}, "
            f"difference {difference}{interval}: {pair.verdict}"
        )
    print(f"what differs: {compared.counts}")
    for line in compared.not_compared:
        print(printable(f"not compared: {line}"))
    print(f"written: {page}")


if __name__ == "__main__":
    run_command(main)
