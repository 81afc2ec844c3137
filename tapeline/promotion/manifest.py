"""The manifest of a bundle: the hash of every file, and the id that the bundle is named by."""

import hashlib
import json
from pathlib import Path

from tapeline.documents import Document
from tapeline.errors import ArtifactError

MANIFEST = "manifest.json"


class Manifest(Document):
    """manifest.json: the hash of every file, what the bundle was made from, and its id, a hash of both."""

    bundle_id: str
    fingerprints: dict[str, str]
    sha256: dict[str, str]


def verify_bundle(folder: Path) -> Manifest:
    """Return the manifest after comparing every file with it; ArtifactError names the first difference."""
    if not (folder / MANIFEST).is_file():
        raise ArtifactError(f"{folder / MANIFEST}: is missing, so there is no whole bundle")
    manifest = Manifest.read_file(folder / MANIFEST)
    hashes = manifest.sha256
    if bundle_id_of(hashes, manifest.fingerprints) != manifest.bundle_id:
        raise ArtifactError(f"{folder / MANIFEST}: bundle_id does not match its hashes")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in hashes and name != MANIFEST:
            raise ArtifactError(f"{path}: is foreign: the manifest does not know it")
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():  # a link into DVC's cache is one: what counts is its content
            raise ArtifactError(f"{path}: is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise ArtifactError(f"{path}: content differs from the manifest")
    return manifest


def bundle_id_of(hashes: dict[str, str], fingerprints: dict[str, str]) -> str:
    """Id of a bundle: a hash of its files' hashes and of its fingerprints."""
    text = json.dumps({"sha256": hashes, "fingerprints": fingerprints}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
