"""The version of a candidate, by the fingerprints that differ from the champion's."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tapeline.errors import ArtifactError

# Level of the next version by the fingerprint that changed; the first that differs decides.
LEVELS = {"contract": "major", "params": "minor", "code": "minor", "data": "patch", "seed": "patch"}
ORDER = ("major", "minor", "patch")


class Version(NamedTuple):
    """A semantic version, as in the tag `NAME@v1.2.3`."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `v1.2.3`; ArtifactError shows the format."""
        match = re.fullmatch(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", text)
        if not match:
            raise ArtifactError(f"version {text!r}: must be like v1.2.3")
        return cls(*map(int, match.groups()))

    def raised(self, level: str) -> "Version":
        """Return the next version at `level`: major, minor or patch."""
        return {
            "major": Version(self.major + 1, 0, 0),
            "minor": Version(self.major, self.minor + 1, 0),
            "patch": Version(self.major, self.minor, self.patch + 1),
        }[level]


FIRST = Version(1, 0, 0)


def fingerprint(value: Any) -> str:
    """Hash of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def changed(candidate: Mapping[str, str], champion: Mapping[str, str]) -> list[str]:
    """Names of the fingerprints that differ, the heaviest level first."""
    return [name for name in LEVELS if candidate.get(name) != champion.get(name)]


def next_version(
    candidate: Mapping[str, str],
    champion: Mapping[str, str] | None,
    versions: Mapping[Version, Mapping[str, str]],
) -> tuple[Version, str]:
    """Return the candidate's version and why: what it changes against the champion decides.

    versions : fingerprints of all versions of the artifact

    After a rollback the next version is still above them all, by the heaviest change against the champion or
    against the highest version.
    """
    if not versions:
        return FIRST, "the first in production"
    highest = max(versions)
    if champion is None:
        return highest.raised("major"), "the first in production"
    differs, since = changed(candidate, champion), changed(candidate, versions[highest])
    if not differs and not since:
        return highest.raised("patch"), "built again from the same"
    levels = [LEVELS[names[0]] if names else "patch" for names in (differs, since)]
    level = min(levels, key=ORDER.index)
    if differs and level == levels[0]:
        return highest.raised(level), f"{level}: {', '.join(differs)} changed"
    return highest.raised(level), f"{level}: {', '.join(since)} changed since {highest}"
