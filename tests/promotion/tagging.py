"""Releases and assignments in a repository of a test, made as a promotion makes them."""

import json

from tapeline.promotion.pending_tags import assignment, head, registration, withdrawals
from tapeline.promotion.registry import PROD, Registry
from tapeline.promotion.release_record import ReleaseRecord
from tapeline.promotion.repository import git
from tapeline.promotion.tags import create_tag, date_for


def record(bundle_id="a", why="first"):
    """As little as a release has."""
    return ReleaseRecord(bundle_id=bundle_id, fingerprints={}, gates=(), lock_sha256="0", metrics={}, why=why)


def commit(folder):
    """One more commit."""
    git(folder, "commit", "-q", "--allow-empty", "-m", "c")
    return head(folder)


def new_repository(folder):
    """A repository with one commit."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main", "--template=")
    with (folder / ".git/config").open("a") as file:
        file.write("[user]\n\tname = t\n\temail = t@example.org\n")
    commit(folder)
    return folder


def register(folder, artifact, version, content):
    """Register on HEAD; the tag."""
    tag = registration(artifact, version, head(folder), content)
    create_tag(folder, tag, date_for(folder, [tag]))
    return tag.name


def assign(folder, artifact, version, why, environment=PROD):
    """Put a registered version into an environment; the tag."""
    commit_of = Registry(folder, [artifact]).release(artifact, version).commit
    tag = assignment(folder, artifact, version, commit_of, why, environment)
    create_tag(folder, tag, date_for(folder, [tag]))
    return tag.name


def withdraw(folder, artifact, environment=PROD):
    """Take what is in an environment out of it; the tags."""
    tags = withdrawals(folder, artifact, Registry(folder, [artifact]), environment, "w")
    for tag in tags:
        create_tag(folder, tag, date_for(folder, [tag]))
    return [tag.name for tag in tags]


def raw_tag(folder, name, message, target="HEAD"):
    """An annotated tag of any bytes."""
    commit_id = git(folder, "rev-parse", f"{target}^{{}}").strip()
    kind = git(folder, "cat-file", "-t", commit_id).strip()
    header = f"object {commit_id}\ntype {kind}\ntag {name}\ntagger t <t@example.org> 1900000000 +0000\n\n"
    (folder / ".git/raw").write_bytes(header.encode() + message)
    made = git(folder, "hash-object", "-t", "tag", "-w", "--literally", ".git/raw").strip()
    git(folder, "update-ref", f"refs/tags/{name}", made)


def as_json(**fields):
    """A message."""
    return json.dumps(fields)
