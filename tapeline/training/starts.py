"""What weights each fold begins with: another model's where all that it learned from lies far enough back."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tapeline.models.start import Start
from tapeline.row_records import BUNDLE
from tapeline.splits.folds import TimeFold


@dataclass(frozen=True)
class Begun:
    """Weights that a fold begins with.

    of : BUNDLE, or the name of the fold before
    bundle : id of the bundle that they descend from; None where there is none
    span : of a bundle, by part, open times of the first and the last row that it learned from
    """

    of: str
    bundle: str | None = None
    span: dict[str, list[str]] | None = None


def begin_folds(
    names: Sequence[str], folds: Sequence[TimeFold], start: Start | None, is_warm: bool
) -> tuple[list[Begun | None], list[str]]:
    """What each fold begins with, None: fresh weights; and a line of each that is asked to begin otherwise.

    start : begins every fold that may begin with it, where `is_warm` the first of them alone: those after it
    go on from the fold before. Without a start they do from the first fold on.
    """
    begun: list[Begun | None] = []
    lines = []
    for k, (name, fold) in enumerate(zip((name.replace("_", " ") for name in names), folds, strict=True)):
        found = None
        if start and not (is_warm and any(each and each.bundle for each in begun)):
            if may_begin(start.end, fold):
                found = Begun(BUNDLE, start.bundle_id, _span_of(start))
                lines.append(f"{name}: begins with the weights of {start}")
            else:
                lines.append(f"{name}: can't begin with {start}, {_too_late(start.last, fold)}")
        if found is None and is_warm and k:
            before, end = begun[k - 1], folds[k - 1].validation[1]
            if may_begin(end, fold):
                found = Begun(names[k - 1], before.bundle if before else None)
            else:
                lines.append(f"{name}: can't begin with the one before, {_too_late(end, fold)}")
        begun.append(found)
    return begun, lines


def may_begin(end: pd.Timestamp, fold: TimeFold) -> bool:
    """Whether a model whose rows, labelled as the fold's are, end before `end` may teach the fold's.

    Its last row could then be one of the fold's own training: a label and the embargo before validation.
    """
    return bool(end <= fold.train[1])


def _span_of(start: Start) -> dict[str, list[str]]:
    span = start.model.span
    parts = {"train": span.train, "validation": span.validation}
    return {part: [time.isoformat() for time in rows] for part, rows in parts.items()}


def _too_late(last: pd.Timestamp, fold: TimeFold) -> str:
    return (
        f"which has learned from candles up to {last:%Y-%m-%d %H:%M}: must be before "
        f"{fold.train[1]:%Y-%m-%d %H:%M}, a label and the embargo ahead of its validation"
    )
