"""Tags that a promotion, a rollback or a withdrawal is to make, with their messages."""

import json
from pathlib import Path

from tapeline.documents import Document
from tapeline.promotion.registry import Registry, Release
from tapeline.promotion.release_record import AssignmentRecord, ReleaseRecord
from tapeline.promotion.repository import git
from tapeline.promotion.tags import PendingTag, next_number
from tapeline.promotion.versions import Version


def head(folder: Path) -> str:
    """The commit that is checked out."""
    return git(folder, "rev-parse", "HEAD").strip()


def registration(artifact: str, version: Version, commit: str, record: ReleaseRecord) -> PendingTag:
    """Register `version` at `commit`, with its record."""
    return PendingTag(name=f"{artifact}@{version}", commit=commit, message=_message(record))


def assignment(
    folder: Path, artifact: str, version: Version, commit: str, why: str, environment: str
) -> PendingTag:
    """Put the version that is registered at `commit` into `environment`."""
    return PendingTag(
        name=f"{artifact}#{environment}#{next_number(folder, artifact)}",
        commit=commit,
        message=_message(AssignmentRecord(version=str(version), why=why)),
    )


def withdrawals(
    folder: Path, artifact: str, registry: Registry, environment: str, why: str
) -> list[PendingTag]:
    """Take every version out of `environment` that is assigned to it, the one that serves last.

    Those before it, too: taking out the last alone would bring the one before it back.
    """
    first = next_number(folder, artifact)
    releases: list[Release] = registry.active(artifact, environment)[::-1]
    return [
        PendingTag(
            name=f"{artifact}#{environment}!#{first + k}",
            commit=release.commit,
            message=_message(AssignmentRecord(version=str(release.version), why=why)),
        )
        for k, release in enumerate(releases)
    ]


def _message(record: Document) -> str:
    return json.dumps(record.plain(), indent=1, sort_keys=True)
