"""Check params.yaml and the candles that it names; with `--refuse`, speak only where the run has to end."""

import sys
from pathlib import Path

from tapeline.checks.dvc_lock import mend_rwlock
from tapeline.checks.problems import Problem
from tapeline.checks.sections import check
from tapeline.ending import run_command
from tapeline.errors import ParamsError
from tapeline.params import Params
from tapeline.restoring import restore_hint


def main(arguments: list[str]) -> None:
    """Say what is wrong and how it is mended, or what there is; end with a non-zero status if anything is."""
    mend_rwlock(Path(), print)
    refuses_only = arguments == ["--refuse"]
    try:
        problems, lines = check(Params.read())
    except ParamsError as error:
        problems, lines = [Problem(str(error))], []
    if not problems:
        if not refuses_only:
            print("\n".join(lines))
        return
    lines = [problem.message() for problem in problems]
    if refuses_only:
        lines.append(restore_hint(Path()))
    sys.exit("\n".join(lines))


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
