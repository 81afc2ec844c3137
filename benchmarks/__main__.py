"""Run benchmarks one after the other; beside each figure what it is of the one kept in `kept.txt`.

python -m benchmarks [--keep] [NAME ...]: without a name all that take minutes, not hours; what is kept of
those that did not run stays. What one machine takes says little of another: ratios inside a line are what
counts, and those to what was kept tell a change of the code only on the machine that `kept.txt` names.
"""

import argparse
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tapeline.ending import run_command
from tapeline.errors import ArgumentError
from tapeline.outputs import whole_file
from tapeline.serving.candidates import processor

NAMES = (
    "simulation",
    "ingest",
    "features",
    "expectations",
    "store",
    "training",
    "prediction",
    "backtest",
    "sweep",
)
KEPT = Path(__file__).with_name("kept.txt")
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\d)")
TITLE = "== "


def numbers_of(line: str) -> list[float]:
    """Numbers that stand in a line by themselves, thousands with commas."""
    return [float(found.replace(",", "")) for found in NUMBER.findall(line)]


def wording(line: str) -> str:
    """A line without its numbers and spaces: by it lines of two runs are told to be of the same figure."""
    return "".join(NUMBER.sub("#", line).split())


def by_wording(lines: Iterable[str]) -> dict[tuple[str, str, int], list[float]]:
    """Numbers of each line by benchmark, wording, and which of those lines of one wording it is."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for key, line in keyed(lines):
        found[key] = numbers_of(line)
    return found


def keyed(lines: Iterable[str]) -> Iterator[tuple[tuple[str, str, int], str]]:
    """Each line with its key in `by_wording`."""
    title = ""
    seen: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.startswith(TITLE):
            title = line.removeprefix(TITLE)
        key = title, wording(line)
        seen[key] = seen.get(key, -1) + 1
        yield (*key, seen[key]), line


def beside(line: str, kept: list[float] | None) -> str:
    """The line, and each number that is another now as a multiple of the kept one."""
    now = numbers_of(line)
    if kept is None or len(kept) != len(now):
        return line
    ratios = [f"{new / old:.2f}" for new, old in zip(now, kept, strict=True) if new != old and old]
    return f"{line}   [{', '.join(ratios)}]" if ratios else line


def lines_of(names: Iterable[str]) -> Iterator[str]:
    """What the benchmarks print, each below its title; ArgumentError names one that failed."""
    for name in names:
        yield TITLE + name
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                yield line.rstrip()
        if process.returncode:
            raise ArgumentError(
                f"benchmark {name} ended with status {process.returncode}; its reason is above"
            )


def sections(lines: Iterable[str]) -> dict[str, list[str]]:
    """Lines of each benchmark by its name, its title among them; those before the first are left out."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith(TITLE):
            found[line.removeprefix(TITLE)] = []
        if found:
            next(reversed(found.values())).append(line)
    return found


def machine() -> str:
    """What figures were taken on."""
    return f"{processor()}, Python {platform.python_version()}"


def main() -> None:
    """Print every line beside what was kept of it; with --keep, keep these."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} or another benchmark"
    )
    parser.add_argument(
        "--keep", action="store_true", help=f"write what they print into {KEPT.name}, in place of the same"
    )
    given = parser.parse_args()
    unknown = [name for name in given.names if not KEPT.with_name(f"{name}.py").is_file()]
    if unknown:
        raise ArgumentError(f"no benchmark {unknown[0]}; there are {', '.join(NAMES)}")
    old = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.is_file() else []
    if old and given.keep and given.names and old[0] != machine():
        raise ArgumentError(f"{KEPT.name} is of {old[0]}, this is {machine()}: keep all, without names")
    if old:
        print(
            f"figures in brackets are multiples of those kept, taken on {old[0]}; this is {machine()}",
            flush=True,
        )
    kept, taken = by_wording(old), []
    for key, line in keyed(lines_of(given.names or NAMES)):
        taken.append(line)
        print(beside(line, kept.get(key)), flush=True)
    if given.keep:
        with whole_file(KEPT) as aside:
            by_name = sections(old if given.names else ()) | sections(taken)
            lines = [machine(), *(line for of_name in by_name.values() for line in of_name)]
            aside.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
