"""What a candidate was chosen on: the searches on record, held against the tests that its run reports.

A search by `make tune` leaves `tuning/NETWORK-KEY.json`, in git, and so does a sweep on inner folds. Where
the last candle that any of its trials has seen lies before the first reported test, every reported figure is
still out of sample. Where it does not,
figures of all folds are of candles that params were chosen on, and only the candidate's own test judges it.
"""

from pathlib import Path
from typing import Final, Literal

import pandas as pd
from pydantic import JsonValue

from tapeline.documents import Document

RECORDS = Path("tuning")
SIMULATED = "simulated"  # how the name of such a market begins: these share no day with any other
WALK_FORWARD: Final = "walk_forward"
OWN_TEST: Final = "candidate"
NOTHING: Final = "nothing"


class TunedTrial(Document):
    """One finished trial. score : mean log loss on inner tests, None of one that was ended early; of a sweep,
    low end of net PnL

    why : that one could not go on, where it was not pruned
    """

    number: int
    params: dict[str, JsonValue]
    score: float | None
    why: str | None = None


class TuningRecord(Document):
    """One search. study : the hash that it is named by; market : whose candles

    scored : first and last UTC day that trials were scored on
    last_candle : open time of the last candle that any trial can have seen, ends of labels and positions too
    first_test : when the first test began that runs of these splits report
    tried : trials where only the best are among `trials`
    """

    network: str
    study: str
    market: str
    scored: tuple[str, str]
    last_candle: str
    first_test: str
    trials: tuple[TunedTrial, ...]
    tried: int | None = None

    @property
    def n_trials(self) -> int:
        """How many were tried."""
        return len(self.trials) if self.tried is None else self.tried

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.network}-{self.study}.json"


class Selection(Document):
    """Searches that a candidate may have been chosen by, and what judges it then.

    judged_on : walk_forward, the tests of all folds; candidate, the last fold's alone; nothing
    early, late : trials of searches that end before the first reported test, and of others
    """

    judged_on: Literal["walk_forward", "candidate", "nothing"]
    early: int
    late: int
    records: tuple[str, ...]
    statement: str


def read_records(folder: Path, network: str) -> list[TuningRecord]:
    """Searches of `network` on record in `folder`, by name; ArtifactError names one that can't be read."""
    found = sorted((folder / RECORDS).glob("*.json"))
    records = [TuningRecord.read_file(path) for path in found]
    return [record for record in records if record.network == network]


def no_selection() -> Selection:
    """That of a candidate for whose network no search is on record."""
    return Selection(judged_on=WALK_FORWARD, early=0, late=0, records=(), statement="no search is on record")


def judge_selection(
    records: list[TuningRecord], market: str, first_test: pd.Timestamp, own_test: pd.Timestamp | None
) -> Selection:
    """Say what a candidate of `market` was chosen on, whose folds' tests begin at `first_test`.

    own_test : when the candidate's own test begins; None of a refitted model, which has none. Every search
    counts whatever its params: one that was looked at was part of the choice. Real markets share their days,
    so one venue's search has seen another's; a simulated market is seen by its own searches alone.
    """
    ours = [record for record in records if _shares_days(record.market, market)]
    late = [record for record in ours if pd.Timestamp(record.last_candle) >= first_test]
    n_late = sum(record.n_trials for record in late)
    n_early = sum(record.n_trials for record in ours) - n_late
    names = tuple(f"{RECORDS}/{record.name}" for record in ours)
    if not ours:
        return no_selection()
    if not late:
        told = (
            f"chosen on inner folds that end before the first test, {_day(first_test)}: {n_early} trials of "
            f"{', '.join(names)} have seen candles up to "
            f"{_day(max(pd.Timestamp(record.last_candle) for record in ours))}"
        )
        return Selection(judged_on=WALK_FORWARD, early=n_early, late=0, records=names, statement=told)
    last = max(pd.Timestamp(record.last_candle) for record in late)
    seen = (
        f"chosen later than the first test, {_day(first_test)}: {n_late} trials of "
        f"{', '.join(f'{RECORDS}/{record.name}' for record in late)} have seen candles up to {_day(last)}"
    )
    if own_test is None or last >= own_test:
        own = "it has no test of its own" if own_test is None else f"inside its own test, {_day(own_test)}"
        return Selection(
            judged_on=NOTHING, early=n_early, late=n_late, records=names,
            statement=f"{seen}; {own}: nothing is left to judge it, run on later candles",
        )  # fmt: skip
    return Selection(
        judged_on=OWN_TEST, early=n_early, late=n_late, records=names,
        statement=f"{seen}; judged on the candidate's own test alone, from {_day(own_test)}",
    )  # fmt: skip


def _shares_days(one: str, other: str) -> bool:
    return one == other or not (one.startswith(SIMULATED) or other.startswith(SIMULATED))


def _day(time: pd.Timestamp | str) -> str:
    return f"{pd.Timestamp(time):%Y-%m-%d %H:%M}"
