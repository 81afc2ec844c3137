"""Which rows a training used, as a record that others can hold against their own count of them."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.documents import Document

BUNDLE = "bundle"  # of which weights are, in place of the name of a fold


class RowRecord(Document):
    """Rows of one symbol: how many, the open times of the first and the last, and a digest of all.

    mean_label, label_moment : means of the labels y, and of y times the row's place among them, 0..1, which
    tell labels that were shifted; None where rows have none
    """

    rows: int
    first: str | None
    last: str | None
    digest: str
    mean_label: float | None = None
    label_moment: float | None = None


class StartRows(Document):
    """What weights that a training began with have learned from before.

    of : the name of the fold before, whose rows are recorded as its own, or BUNDLE
    bundle : id of the bundle that they descend from
    span : of a bundle, by part, open times of the first and the last row
    """

    of: str
    bundle: str | None = None
    span: dict[str, tuple[str, str]] | None = None


class LearnedRows(Document):
    """Rows that one model has learned from, by symbol.

    scaled : that the scaler is fitted on; trained : whose labels are trained on; stopped : whose loss decides
    when to stop; span_firsts, span_lasts : first and last rows of what chunks are cut from
    minimum_context : rows that lead up to the first label of a chunk
    start : of weights that were another model's; None where they were fresh
    """

    scaled: dict[str, RowRecord]
    trained: dict[str, RowRecord]
    stopped: dict[str, RowRecord]
    span_firsts: dict[str, RowRecord]
    span_lasts: dict[str, RowRecord]
    minimum_context: int
    start: StartRows | None = None


class FittedRows(Document):
    """Rows that one baseline has learned from, by symbol.

    scaled, trained : as of LearnedRows; chosen : whose loss decides between hyperparameters
    """

    scaled: dict[str, RowRecord]
    trained: dict[str, RowRecord]
    chosen: dict[str, RowRecord]


def row_record(times: NDArray[np.int64], labels: NDArray[np.floating[Any]] | None = None) -> RowRecord:
    """Record of rows by their open `times` (n,), microseconds since 1970, and their `labels` (n,)."""
    stamps = [str(times[at].astype("datetime64[us]")) + "Z" for at in (0, -1)] if times.size else [None, None]
    digest = hashlib.sha256(np.ascontiguousarray(times, dtype="<i8").tobytes()).hexdigest()[:16]
    record: dict[str, Any] = {"rows": times.size, "first": stamps[0], "last": stamps[1], "digest": digest}
    if labels is not None and labels.size:
        exact = labels.astype(np.float64)
        position = np.arange(1, labels.size + 1) / labels.size
        record |= {"mean_label": float(exact.mean()), "label_moment": float((exact * position).mean())}
    return RowRecord(**record)
