"""Params and record of a proof that nothing of a run depends on the future."""

from typing import Annotated

from pydantic import Field

from tapeline.documents import Document
from tapeline.params import Section


class ProofParams(Section):
    """Section `proof`."""

    moments: Annotated[int, Field(ge=1, le=1_000_000)]  # tried together, of all symbols


class ProvedPart(Document):
    """One part of a proof. moment : from which candles were replaced, None where each trial has its own."""

    name: str
    moment: str | None
    trials: int
    values: int


class ProofRecord(Document):
    """What was tried and compared, without a difference.

    asked : moments that params asked for, which a short history can't give
    bundles : id of each bundle of the run, by artifact; lock_sha256 : of its dvc.lock; code : hash of the
    sources that ran; proved_on : the fold whose training was repeated; note : what is not shown by it
    """

    seed: int
    asked: int
    moments: int
    values: int
    parts: tuple[ProvedPart, ...]
    proved_on: str
    note: str = ""
    bundles: dict[str, str]
    lock_sha256: str
    code: str
