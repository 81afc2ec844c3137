"""The reports of the latest run: `reports/data.html` about the data, `reports/index.html` about all of it."""

import sys

from tapeline.ending import run_command
from tapeline.errors import QualityError
from tapeline.release.deflated import deflate
from tapeline.release.run_trades import run_trades
from tapeline.reports.data_report import write_data_report
from tapeline.reports.run_report import PAGE, write_report
from tapeline.reports.stale_stages import stale_stages


def main() -> None:
    """Write what the run has left enough for, and say in a line what is missing for the rest.

    Exits non-zero if not even the page about the data could be written.
    """
    try:
        print(f"written: {write_data_report()}")
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there: run `dvc repro` first")
    try:
        print(f"written: {write_report(deflate, run_trades, stale_stages)}")
    except (FileNotFoundError, QualityError) as error:
        reason = f"{error.filename} is not there" if isinstance(error, OSError) else "the data did not pass"
        print(f"{PAGE}: {'left as an earlier run wrote it' if PAGE.exists() else 'not written'}, {reason}")


if __name__ == "__main__":
    run_command(main)
