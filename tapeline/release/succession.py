"""Which version a candidate is: its fingerprints beside those of the champion and of the highest version.

Former tags record a contract's hash that included its prose. So where a recorded hash differs, it is computed
anew from the contract in the release's bundle.
"""

from collections.abc import Mapping
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.promotion.bundle import CONTRACT
from tapeline.promotion.contract import Contract
from tapeline.promotion.production import PROMOTED, in_production
from tapeline.promotion.registry import Registry, Release
from tapeline.promotion.versions import Version, next_version
from tapeline.release.fetch import fetched

ROOT = Path()
Fingerprints = Mapping[str, str]


def decide_version(artifact: str, candidate: Fingerprints, registry: Registry) -> tuple[Version, str]:
    """Return the version of a candidate with these fingerprints, and why.

    The reason also names releases whose recorded hash is used because their bundle can't be had.
    """
    champion, releases = registry.production(artifact), registry.releases.get(artifact, [])
    fingerprints = {release.version: release.record.fingerprints for release in releases}
    notes = []
    for release in {r.version: r for r in (champion, *releases[-1:]) if r}.values():
        try:
            fingerprints[release.version] = comparable(artifact, release, candidate)
        except ArtifactError as error:
            notes.append(f"; the contract of {release.version} counts as its tag records it: {error}")
    version, why = next_version(candidate, fingerprints[champion.version] if champion else None, fingerprints)
    return version, why + "".join(notes)


def comparable(artifact: str, release: Release, candidate: Fingerprints) -> dict[str, str]:
    """Fingerprints of a release, its contract's computed anew where it is not the candidate's.

    ArtifactError says why its bundle can't be had.
    """
    recorded = release.record.fingerprints
    if recorded.get("contract") == candidate["contract"]:
        return recorded
    return recorded | {"contract": contract_of(artifact, release).fingerprint}


def contract_of(artifact: str, release: Release) -> Contract:
    """The contract in a release's bundle: in production, else in DVC's cache or remote."""
    if in_production(ROOT, artifact) == release.record.bundle_id:
        return Contract.read_file(ROOT / PROMOTED / artifact / CONTRACT)
    with fetched(ROOT, artifact, release) as folder:
        return Contract.read_file(folder / CONTRACT)
