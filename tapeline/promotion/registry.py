"""The registry: git tags in GTO's grammar are the only source, `models/registry.json` is derived from them.

`NAME@v1.2.3` registers a version, its message the release record; `NAME#prod#4` puts a version into
production, its message the reason, `NAME#prod!#5` takes it out again. As GTO does, tags go by their dates,
and one that assigns is of the version registered at its commit, so what GTO itself tags is obeyed. Tags of
other names are left alone; those of these names that say nothing are passed over, with the reason.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from tapeline.errors import ArtifactError, printable
from tapeline.promotion.release_record import AssignmentRecord, ReleaseRecord
from tapeline.promotion.tags import Tag, read_tags
from tapeline.promotion.versions import Version

PROD, SHADOW = "prod", "shadow"  # environments; GTO calls them stages


@dataclass(frozen=True)
class Release:
    """A registered version: `record` is its tag's `message` parsed, `commit` the tagged one."""

    version: Version
    tag: str
    commit: str
    time: str
    message: str
    record: ReleaseRecord
    seconds: int = 0  # of `time`, since 1970


@dataclass(frozen=True)
class Assignment:
    """A version put into an environment, or taken out of it if it `withdraws`.

    number : counts up over all assignments of the artifact; None in a tag without one
    """

    number: int | None
    version: Version
    tag: str
    time: str
    why: str
    withdraws: bool = False


class Registry:
    """Releases and assignments of `artifacts`, read from the tags of the repository at `folder`.

    releases : by artifact, in order of version
    history : of production by artifact, in order of time; shadows : the same of the shadow environment
    deprecated : by tag of a release, or by artifact, the tag that deprecates it
    ignored : tag of an artifact that says nothing, and why
    """

    def __init__(self, folder: Path, artifacts: Collection[str]) -> None:
        self.releases: dict[str, list[Release]] = {}
        self.history: dict[str, list[Assignment]] = {}
        self.shadows: dict[str, list[Assignment]] = {}
        self.deprecated: dict[str, str] = {}
        self.ignored: dict[str, str] = {}
        tags = read_tags(folder, artifacts)
        # Dates of two repositories may cross: what is assigned has to be known whenever it was registered.
        for tag in sorted(tags, key=lambda tag: tag.action != "register"):
            if tag.environment not in (None, PROD, SHADOW):
                continue
            try:
                self._add(tag)
            except ArtifactError as error:
                self.ignored[tag.name] = str(error)
        for releases in self.releases.values():
            releases.sort(key=attrgetter("version"))

    def _add(self, tag: Tag) -> None:
        """Add what a tag says; ArtifactError if it says nothing."""
        if tag.flaw:
            raise ArtifactError(tag.flaw)
        if tag.action == "register":
            record = ReleaseRecord.read(tag.message, "its message is no record of a release")
            release = Release(
                Version.parse(str(tag.version)),
                tag.name,
                tag.commit,
                tag.time,
                tag.message,
                record,
                tag.seconds,
            )
            _require_printable(json.loads(tag.message))
            self.releases.setdefault(tag.artifact, []).append(release)
        elif tag.action == "deregister":
            release = self.release(tag.artifact, Version.parse(str(tag.version)))
            if tag.seconds < release.seconds:
                raise ArtifactError("it is dated before the version was registered")
            self.deprecated[release.tag] = tag.name
        elif tag.action == "deprecate":
            self.deprecated[tag.artifact] = tag.name
        elif tag.action in ("assign", "unassign"):
            events = self.history if tag.environment == PROD else self.shadows
            events.setdefault(tag.artifact, []).append(self._assignment(tag))
        else:
            raise ArtifactError("it neither registers a version nor assigns one")

    def _assignment(self, tag: Tag) -> Assignment:
        """Read an assignment, of the version registered at its commit, which a record has to agree to."""
        there = [r.version for r in self.releases.get(tag.artifact, []) if r.commit == tag.commit]
        why, version = " ".join(tag.message.split())[:200], None
        if tag.message.lstrip().startswith(("{", "[")):  # GTO's own message is a sentence
            record = AssignmentRecord.read(tag.message, "its message is no record of an assignment")
            why, version = record.why, Version.parse(record.version)
            _require_printable(why)
        if version is None and len(there) == 1:
            version = there[0]
        if version not in there or version is None:
            named = ", ".join(map(str, there)) or "no version"
            says = f"says {version}" if version else "does not say which it means"
            raise ArtifactError(f"at its commit {tag.commit[:7]} {named} is registered, and it {says}")
        return Assignment(tag.number, version, tag.name, tag.time, why, tag.action == "unassign")

    def production(self, artifact: str) -> Release | None:
        """Return the version in production."""
        return self._assigned(artifact, self.history)

    def shadow(self, artifact: str) -> Release | None:
        """Return the version in the shadow environment."""
        return self._assigned(artifact, self.shadows)

    def in_environment(self, artifact: str, environment: str) -> Release | None:
        """Return the version in `environment`, PROD or SHADOW."""
        return self.production(artifact) if environment == PROD else self.shadow(artifact)

    def active(self, artifact: str, environment: str) -> list[Release]:
        """Versions assigned to `environment` and not taken out, the last first; the first of them serves."""
        events = (self.history if environment == PROD else self.shadows).get(artifact, [])
        versions: dict[Version, Assignment] = {}
        for event in events:
            versions.pop(event.version, None)
            if not event.withdraws:
                versions[event.version] = event
        releases = [self.release(artifact, version) for version in reversed(versions)]
        return [release for release in releases if release.tag not in self.deprecated]

    def _assigned(self, artifact: str, events: dict[str, list[Assignment]]) -> Release | None:
        active = self.active(artifact, PROD if events is self.history else SHADOW)
        return active[0] if active else None

    def release(self, artifact: str, version: Version) -> Release:
        """Return a registered version; ArtifactError lists the registered ones."""
        for release in self.releases.get(artifact, []):
            if release.version == version:
                return release
        existing = ", ".join(str(release.version) for release in self.releases.get(artifact, [])) or "none"
        raise ArtifactError(f"{artifact} {version}: is not registered; there are: {existing}")

    def notes(self) -> list[str]:
        """Lines on tags that say nothing, and on what is deprecated."""
        passed_over = [f"tag {tag}: left alone, {why}" for tag, why in self.ignored.items()]
        deprecated = [f"{what}: deprecated by tag {tag}" for what, tag in self.deprecated.items()]
        return [printable(line) for line in passed_over + deprecated]

    def index(self) -> dict[str, Any]:
        """Content of `models/registry.json`: by artifact the version in production, all versions, history.

        A version has the whole record of its tag.
        """
        return {
            name: {
                "production": str(release.version) if (release := self.production(name)) else None,
                "shadow": str(release.version) if (release := self.shadow(name)) else None,
                "versions": [
                    {"version": str(r.version), "tag": r.tag, "commit": r.commit, "time": r.time}
                    | ({"deprecated": self.deprecated[r.tag]} if r.tag in self.deprecated else {})
                    | json.loads(r.message)
                    for r in self.releases[name]
                ],
                "history": [_entry(event) for event in self.history.get(name, [])],
                "shadows": [_entry(event) for event in self.shadows.get(name, [])],
            }
            for name in sorted(self.releases)
        }


def _entry(event: Assignment) -> dict[str, Any]:
    entry = {"number": event.number, "version": str(event.version), "tag": event.tag, "time": event.time}
    return entry | {"why": event.why} | ({"withdrawn": True} if event.withdraws else {})


def _require_printable(value: Any) -> None:
    """Raise ArtifactError if a text of `value` holds half a character, which JSON's escapes can spell."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ArtifactError("its message holds half a character, so it can't be written") from None
