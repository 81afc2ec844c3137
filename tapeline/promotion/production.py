"""`models/promoted/NAME/`, the bundles in production, and `models/shadow/NAME/`, those served beside them."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.outputs import write_json
from tapeline.promotion.manifest import MANIFEST, verify_bundle
from tapeline.promotion.registry import PROD, SHADOW, Registry

CANDIDATES, INDEX = Path("models/candidate"), Path("models/registry.json")
PROMOTED, SHADOWS = Path("models/promoted"), Path("models/shadow")
FOLDERS = {PROD: PROMOTED, SHADOW: SHADOWS}
COPIES = Path(".dvc/tmp/copies")  # of a run that is checked; git and DVC look past it


def in_production(folder: Path, artifact: str) -> str | None:
    """Id of the whole bundle that lies in production; None where there is none or it is damaged."""
    return bundle_in(folder / PROMOTED / artifact)


def bundle_in(place: Path) -> str | None:
    """Id of the whole bundle at `place`; None where there is none or it is damaged."""
    try:
        return verify_bundle(place).bundle_id
    except (ArtifactError, OSError):
        return None


def stage_bundle(place: Path, source: Path, bundle_id: str) -> None:
    """Copy the bundle at `source` beside `place`, content and not links, and verify the copy."""
    aside = partial(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    for path in (source, *sorted(source.rglob("*"))):
        copy = aside / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
        else:
            shutil.copyfile(path, copy)
    copied_id = verify_bundle(aside).bundle_id
    if copied_id != bundle_id:
        raise ArtifactError(f"{source}: is bundle {copied_id}, not {bundle_id}")
    for path in (*aside.rglob("*"), aside):
        _write_through(path)


def put_in_place(place: Path, bundle_id: str | None) -> bool:
    """Make the staged bundle that at `place`, or with None clear the place; whether that was possible.

    What was there is kept beside until `sweep`. May be called again after a kill at any moment.
    """
    if bundle_id is None:
        if place.exists():
            _move(place, former(place))
        return True
    if bundle_in(place) == bundle_id:
        return True
    if bundle_in(partial(place)) != bundle_id:
        return False
    if place.exists():
        _move(place, former(place))
    os.replace(partial(place), place)
    return True


def bring_back(place: Path, bundle_id: str | None, was_empty: bool) -> None:
    """Undo `put_in_place` of bundle `bundle_id`, as far as it went. May be called again after a kill."""
    if former(place).exists():
        if place.exists():
            _move(place, partial(place))
        os.replace(former(place), place)
    elif was_empty and bundle_id is not None and bundle_in(place) == bundle_id:
        _move(place, partial(place))
    shutil.rmtree(partial(place), ignore_errors=True)


def sweep(folder: Path, artifacts: Collection[str]) -> None:
    """Remove what cut-off commands have left: beside the bundles, and copies of runs that were checked."""
    shutil.rmtree(folder / COPIES, ignore_errors=True)
    for environment in FOLDERS.values():
        for artifact in artifacts:
            place = folder / environment / artifact
            for leftover in (partial(place), former(place)):
                shutil.rmtree(leftover, ignore_errors=True)


def partial(place: Path) -> Path:
    """Where the bundle that is to come to `place` is staged."""
    return place.with_name(f".{place.name}.partial")


def former(place: Path) -> Path:
    """Where the bundle that was at `place` is kept while it may have to come back."""
    return place.with_name(f".{place.name}.before")


def write_index(folder: Path, artifacts: Collection[str]) -> Registry:
    """Write `models/registry.json` from the tags of `artifacts`."""
    registry = Registry(folder, artifacts)
    write_json(folder / INDEX, registry.index())
    return registry


def named_versions(models: Path, artifacts: Collection[str]) -> dict[str, str] | None:
    """Hold the bundles at `models` against the tags; return their versions by id.

    models : the folder of an environment, or one bundle in it

    None where it is not in a repository's project: a bundle alone goes by its manifest. ArtifactError names
    the first bundle that the tags don't, and the first that they name and that is not there.
    """
    models = models.resolve()
    alone = (models / MANIFEST).is_file()
    top = models.parent if alone else models
    project = top.parents[1]
    names = [name for name, path in FOLDERS.items() if project / path == top]
    if not names or not (project / ".git").exists():
        return None
    registry, environment = Registry(project, artifacts), names[0]
    found = {models.name} if alone else {path.parent.name for path in top.glob(f"[!.]*/{MANIFEST}")}
    named = {name for name in artifacts if registry.in_environment(name, environment)}
    versions = {}
    for artifact in sorted(found if alone else found | named):
        release, place = registry.in_environment(artifact, environment), FOLDERS[environment] / artifact
        if release is None:
            raise ArtifactError(f"{place}: no tag puts it there; `make restore` goes by the tags")
        lies_there = verify_bundle(Path(os.path.relpath(top / artifact))).bundle_id
        if lies_there != release.record.bundle_id:
            raise ArtifactError(
                f"{place}: is bundle {lies_there}, and {release.tag} is {release.record.bundle_id}; "
                "`make restore` goes by the tags"
            )
        versions[lies_there] = str(release.version)
    return versions


def _move(place: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    os.replace(place, target)


def _write_through(path: Path) -> None:
    """Have the disk hold what was written: a bundle has to outlast a power cut once a tag names it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
