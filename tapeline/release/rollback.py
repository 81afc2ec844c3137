"""Put an earlier version back into production, or any into the shadow environment; or take it out.

Files come from DVC, byte for byte; history is only added to.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tapeline.checks.dvc_lock import mend_rwlock
from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import Delivery, carry_out, one_at_a_time
from tapeline.promotion.pending_tags import assignment, withdrawals
from tapeline.promotion.production import FOLDERS
from tapeline.promotion.registry import PROD, SHADOW, Registry, Release
from tapeline.promotion.repository import require_identity
from tapeline.promotion.versions import Version
from tapeline.release.fetch import fetched

ROOT = Path()
Tell = Callable[[str], None]


def rollback(artifact: str, to: str, why: str, tell: Tell) -> Release:
    """Put version `to`, or the one in production before this one, into production; return it."""
    return _assign(artifact, PROD, partial(choose, artifact=artifact, to=to), why or "rolled back", tell)


def shadow(artifact: str, to: str, why: str, tell: Tell) -> Release:
    """Put version `to`, or the highest, into the shadow environment; return it."""
    return _assign(artifact, SHADOW, partial(choose_shadow, artifact=artifact, to=to), why, tell)


def withdraw(artifact: str, environment: str, why: str, tell: Tell) -> Release:
    """Take what is in `environment` out of it, so that nothing of `artifact` is; return what was."""
    require_known(artifact)
    with one_at_a_time(ROOT, ARTIFACTS, tell):
        require_identity(ROOT)
        registry = _read_registry(tell)
        release = registry.in_environment(artifact, environment)
        if release is None:
            raise ArtifactError(f"{artifact}: nothing is in {_called(environment)}")
        tags = withdrawals(ROOT, artifact, registry, environment, why or "withdrawn")
        carry_out(ROOT, ARTIFACTS, tags, [Delivery(FOLDERS[environment] / artifact)])
    return release


def require_known(artifact: str) -> None:
    """Raise ArtifactError unless a model has the bundle's name `artifact`, which MODEL= gives."""
    if artifact not in ARTIFACTS:
        raise ArtifactError(f"MODEL is {artifact!r}: must be one of {', '.join(ARTIFACTS)}")


def choose(registry: Registry, artifact: str, to: str) -> Release:
    """Find the version to go to; ArtifactError if there is none, or if it is in production already."""
    current, history = registry.production(artifact), registry.history.get(artifact, [])
    if not history:
        raise ArtifactError(f"{artifact}: nothing is in production")
    left = current.version if current else history[-1].version
    if not to:
        earlier = [a.version for a in history if a.version != left]
        served = [v for v in earlier if registry.release(artifact, v).tag not in registry.deprecated]
        if not served:
            raise ArtifactError(
                f"{artifact}: {left} is the only version that was in production; `make "
                f"withdraw MODEL={artifact}` takes it out and puts nothing in its place"
            )
        return registry.release(artifact, served[-1])
    version = Version.parse(to)
    if current and version == current.version:
        raise ArtifactError(f"{artifact}: {version} is in production already; `make restore` mends its files")
    return _servable(registry, registry.release(artifact, version))


def choose_shadow(registry: Registry, artifact: str, to: str) -> Release:
    """Find the version to serve beside production; ArtifactError if there is none, or it is there already."""
    releases = registry.releases.get(artifact, [])
    if not releases:
        raise ArtifactError(f"{artifact}: no version is registered")
    release = registry.release(artifact, Version.parse(to)) if to else releases[-1]
    if registry.shadow(artifact) == release:
        raise ArtifactError(f"{artifact}: {release.version} is in the shadow already")
    return _servable(registry, release)


def _assign(
    artifact: str, environment: str, choice: Callable[[Registry], Release], why: str, tell: Tell
) -> Release:
    require_known(artifact)
    with one_at_a_time(ROOT, ARTIFACTS, tell):
        require_identity(ROOT)
        mend_rwlock(ROOT, tell)
        release = choice(_read_registry(tell))
        with fetched(ROOT, artifact, release) as source:
            tag = assignment(ROOT, artifact, release.version, release.commit, why, environment)
            delivery = Delivery(FOLDERS[environment] / artifact, source, release.record.bundle_id)
            carry_out(ROOT, ARTIFACTS, [tag], [delivery])
    return release


def _read_registry(tell: Tell) -> Registry:
    registry = Registry(ROOT, ARTIFACTS)
    for note in registry.notes():
        tell(note)
    return registry


def _servable(registry: Registry, release: Release) -> Release:
    if release.tag in registry.deprecated:
        raise ArtifactError(f"{release.tag}: is deprecated by tag {registry.deprecated[release.tag]}")
    return release


def _called(environment: str) -> str:
    return "production" if environment == PROD else "the shadow"
