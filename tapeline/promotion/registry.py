"""The registry: git tags in GTO's grammar are the only source, `models/registry.json` is derived from them.

`NAME@v1.2.3` registers a version, its message the release record; `NAME#prod#4` puts a version into
production, its message the reason. Tags of other names are left alone, and so are those of these names that
`make promote` has not made. Git and GTO are touched here and nowhere else.
"""

import json
import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import gto.api
from gto.exceptions import GTOException
from gto.tag import parse_name

from tapeline.documents import Document
from tapeline.errors import ArtifactError
from tapeline.promotion.release_record import AssignmentRecord, ReleaseRecord
from tapeline.promotion.versions import Version

ENVIRONMENT = "prod"  # the only environment; GTO calls it a stage


@dataclass(frozen=True)
class Release:
    """A registered version: `record` is its tag's `message` parsed, `commit` the tagged one."""

    version: Version
    tag: str
    commit: str
    time: str
    message: str
    record: ReleaseRecord


@dataclass(frozen=True)
class Assignment:
    """A version put into production; `number` counts up over all assignments of the artifact."""

    number: int
    version: Version
    tag: str
    time: str
    why: str


def git(folder: Path, *command: str) -> str:
    """Run git in `folder`; return its output; ArtifactError holds its error output if it fails."""
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise ArtifactError(f"git {' '.join(command[:2])}: {' '.join(done.stderr.split()) or 'failed'}")
    return done.stdout


class Registry:
    """Releases and assignments of `artifacts`, read from the tags of the repository at `folder`.

    ignored : tag of an artifact that is no release and no assignment, and why
    """

    def __init__(self, folder: Path, artifacts: Collection[str]) -> None:
        self._folder = folder
        self.releases: dict[str, list[Release]] = {}  # by artifact, in order of version
        self.history: dict[str, list[Assignment]] = {}  # by artifact, in order of number
        self.ignored: dict[str, str] = {}
        parts = ("refname:strip=2", "*objectname", "taggerdate:iso-strict", "contents", "contents:signature")
        fields = "".join(f"%({part})%00" for part in parts) + "%01"
        for line in git(folder, "for-each-ref", f"--format={fields}", "refs/tags").split("\0\x01")[:-1]:
            tag, commit, time, message, signature = line.lstrip("\n").split("\0")
            parsed = parse_name(tag, raise_on_fail=False)
            if parsed.get("name") not in artifacts or parsed.get("stage", ENVIRONMENT) != ENVIRONMENT:
                continue
            try:
                self._add(parsed, tag, commit, time, message.removesuffix(signature))
            except ArtifactError as error:
                self.ignored[tag] = str(error)
        for releases in self.releases.values():
            releases.sort(key=attrgetter("version"))
        for assignments in self.history.values():
            assignments.sort(key=attrgetter("number"))

    def _add(self, parsed: dict[str, Any], tag: str, commit: str, time: str, message: str) -> None:
        """Add a tag's release or assignment; ArtifactError if no make target of this project made it."""
        name, action = parsed["name"], parsed["action"].value
        if action == "register":
            record = ReleaseRecord.read(message, "its message is no record of a release")
            release = Release(Version.parse(parsed["version"]), tag, commit, time, message, record)
            self.releases.setdefault(name, []).append(release)
        elif action == "assign" and parsed.get("counter"):
            assigned = AssignmentRecord.read(message, "its message is no record of an assignment")
            version = Version.parse(assigned.version)
            assignment = Assignment(parsed["counter"], version, tag, time, assigned.why)
            self.history.setdefault(name, []).append(assignment)
        else:
            raise ArtifactError("it neither registers nor puts into production as `make promote` does")

    def production(self, artifact: str) -> Release | None:
        """Return the version in production: that of the highest assignment."""
        assigned = self.history.get(artifact)
        return self.release(artifact, assigned[-1].version) if assigned else None

    def release(self, artifact: str, version: Version) -> Release:
        """Return a registered version; ArtifactError lists the registered ones."""
        for release in self.releases.get(artifact, []):
            if release.version == version:
                return release
        existing = ", ".join(str(release.version) for release in self.releases.get(artifact, [])) or "none"
        raise ArtifactError(f"{artifact} {version}: is not registered; there are: {existing}")

    def unfinished(self) -> list[str]:
        """Tags of versions that never went into production: their promotion was cut off."""
        assigned = {(name, entry.version) for name, entries in self.history.items() for entry in entries}
        return [
            release.tag
            for name, entries in self.releases.items()
            for release in entries
            if (name, release.version) not in assigned
        ]

    def index(self) -> dict[str, Any]:
        """Content of `models/registry.json`: by artifact the version in production, all versions, history.

        A version has the whole record of its tag.
        """
        return {
            name: {
                "production": str(release.version) if (release := self.production(name)) else None,
                "versions": [
                    {"version": str(r.version), "tag": r.tag, "commit": r.commit, "time": r.time}
                    | json.loads(r.message)
                    for r in self.releases[name]
                ],
                "history": [
                    {
                        "number": a.number,
                        "version": str(a.version),
                        "tag": a.tag,
                        "time": a.time,
                        "why": a.why,
                    }
                    for a in self.history.get(name, [])
                ],
            }
            for name in sorted(self.releases)
        }


def register(folder: Path, artifact: str, version: Version, record: ReleaseRecord) -> str:
    """Register `version` on HEAD with its record in the tag's message; return the tag."""
    _gto("register", folder, artifact, ref="HEAD", version=str(version), message=_message(record))
    return f"{artifact}@{version}"


def assign(folder: Path, artifact: str, version: Version, why: str) -> str:
    """Put a registered version into production, also one that has been there before; return the tag."""
    message = _message(AssignmentRecord(version=str(version), why=why))
    # GTO asks for force wherever the version was in production before: that is what a rollback is.
    _gto("assign", folder, artifact, stage=ENVIRONMENT, version=str(version), message=message, force=True)
    numbers = [assignment.number for assignment in Registry(folder, [artifact]).history[artifact]]
    return f"{artifact}#{ENVIRONMENT}#{max(numbers)}"


def delete_tags(folder: Path, tags: list[str]) -> None:
    """Delete tags, those of a promotion that could not finish."""
    if tags:
        git(folder, "tag", "--delete", *tags)


def _message(record: Document) -> str:
    return json.dumps(record.plain(), indent=1, sort_keys=True)


def _gto(action: str, folder: Path, artifact: str, **options: Any) -> None:
    name, email = (
        subprocess.run(["git", "config", key], cwd=folder, capture_output=True, text=True).stdout.strip()
        for key in ("user.name", "user.email")
    )
    author = {
        "author": os.environ.get("GIT_COMMITTER_NAME", name) or None,
        "author_email": os.environ.get("GIT_COMMITTER_EMAIL", email) or None,
    }
    try:
        getattr(gto.api, action)(folder, artifact, **options, **author)
    except GTOException as error:
        raise ArtifactError(f"gto {action} {artifact}: {' '.join(str(error).split())}") from error
