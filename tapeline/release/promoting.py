"""Promote the candidates of the committed run: every gate, a version, tags, and the bundle in production.

Refuses candidates that are not committed, not up to date, not as they were packed, below a gate, promoted
already, or of a run that knows the future. It either finishes, or leaves no tag and production unchanged.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from dvc.repo import Repo

from tapeline.checks.dvc_lock import mend_rwlock
from tapeline.errors import ArtifactError
from tapeline.models.selected import selection_of
from tapeline.models.table import ARTIFACTS
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.promotion.bundle import FIGURES
from tapeline.promotion.change import Delivery, carry_out, one_at_a_time
from tapeline.promotion.contract import BundleFigures
from tapeline.promotion.gates import Verdict, summary
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.pending_tags import assignment, head, registration
from tapeline.promotion.production import CANDIDATES, PROMOTED
from tapeline.promotion.proofs import ProofRecord
from tapeline.promotion.registry import PROD, Registry
from tapeline.promotion.release_record import PackedBundle, ReleaseRecord, RunRecord
from tapeline.promotion.repository import git, require_identity
from tapeline.promotion.tags import PendingTag
from tapeline.promotion.trials import FILE as TRIALS
from tapeline.promotion.versions import Version
from tapeline.release.deflated import note_trials
from tapeline.release.fetch import remotes
from tapeline.release.instead import others_instead
from tapeline.release.proof import require_proof
from tapeline.release.recheck import Checked, check_run
from tapeline.release.recorded import read_run, read_workspace_file
from tapeline.release.release_gates import judge_release
from tapeline.release.selected import judge_selection_gate
from tapeline.release.succession import decide_version

ROOT = Path()


@dataclass(frozen=True)
class Plan:
    """One promotion that has passed every check; `record` goes into the version's tag."""

    artifact: str
    version: Version
    why: str
    bundle_id: str
    record: ReleaseRecord
    judged: str

    @property
    def tag(self) -> str:
        """Tag of the version."""
        return f"{self.artifact}@{self.version}"


def promote(artifacts: tuple[str, ...], tell: Callable[[str], None]) -> list[Plan]:
    """Promote those of `artifacts` together that are not in the registry yet; TapelineError says why not.

    `tell` is called with messages on the way, and with all gates as tables.
    """
    with one_at_a_time(ROOT, ARTIFACTS, tell):
        require_identity(ROOT)
        mend_rwlock(ROOT, tell)
        require_clean()
        registry, run = Registry(ROOT, ARTIFACTS), read_run(read_workspace_file)
        require_bundles(artifacts, run)
        for note in [*registry.notes(), *warn_of_no_branch(), *warn_of_no_remote()]:
            tell(note)
        versions = {name: promoted_version(name, run.bundles[name], registry) for name in artifacts}
        if all(versions.values()):
            listed = ", ".join(f"{artifact} is {version}" for artifact, version in versions.items())
            raise ArtifactError(f"promoted already: {listed}; `make rollback` goes back and forth")
        for artifact in filter(versions.get, artifacts):
            tell(f"{artifact}: is {versions[artifact]} already, left as it is")
        verdicts = {name: judge_all(name, run, registry) for name in artifacts if not versions[name]}
        if new_trials := note_trials():
            tell(new_trials)
        require_passed(verdicts, run, tell)
        tell("the run is made again, replayed and proven first, unless it was before: each tells its minutes")
        checked = check_run(ROOT, Params.read(), tell)
        proof = require_proof(ROOT, tell)
        plans = [
            make_plan(name, run.bundles[name], registry, judged, checked, proof)
            for name, judged in verdicts.items()
        ]
        require_untagged(plans, registry)
        carry_out(ROOT, ARTIFACTS, *changes(plans))
    return plans


def require_clean() -> None:
    """Raise ArtifactError unless everything is committed and dvc.lock is up to date with the workspace.

    trials.jsonl may have more lines than its commit: promoting writes them, and they are counted either way.
    """
    # Whatever git is configured to leave out of its answer.
    status = git(ROOT, "status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none")
    dirty = [line for line in status.splitlines() if line[3:] != TRIALS]
    # `h` and `S`: git was told to take a file for unchanged.
    tracked = git(ROOT, "ls-files", "-v").splitlines()
    dirty += [f" {line}" for line in tracked if line[0].islower() or line[0] == "S"]
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise ArtifactError(
            f"{dirty[0][3:]}{more}: not committed; a release is of a commit: `git add -A && git commit`"
        )
    with Repo(str(ROOT)) as repo:
        frozen = [stage.addressing for stage in repo.index.stages if stage.frozen and not stage.is_import]
        stale = repo.status()
    if frozen:
        raise ArtifactError(f"dvc.yaml: {frozen[0]} is frozen, so what it made may be old; unfreeze it")
    if stale:
        names = ", ".join(sorted(stale))
        raise ArtifactError(f"dvc.lock: not up to date with {names}; run `dvc repro` and commit")


def require_bundles(artifacts: tuple[str, ...], run: RunRecord) -> None:
    """Raise ArtifactError unless the committed run packed each of `artifacts`; one of former code may not."""
    missing = [name for name in artifacts if name not in run.bundles]
    if missing:
        held = ", ".join(run.bundles) or "none"
        told = f"the committed run packed no {', '.join(missing)}, only {held}"
        raise ArtifactError(f"{told}: name one by MODEL=, or run `dvc repro` and commit")


def warn_of_no_branch() -> list[str]:
    """A line if HEAD is on no branch: DVC leaves it so where an experiment was killed, and nobody says so."""
    if git(ROOT, "branch", "--show-current").strip():
        return []
    return [
        "HEAD is on no branch, as a killed `dvc exp run` leaves it: commits made here are on none either; "
        "`git switch -c NAME` keeps it on a new one"
    ]


def warn_of_no_remote() -> list[str]:
    """A line if the releases lie in this clone's cache alone."""
    if remotes(ROOT):
        return []
    return [
        "DVC has no remote: the bundles of releases lie in this clone's cache alone, and `dvc gc -w` would "
        "remove them; `dvc remote add --local --default NAME URL`, by an address or an absolute path, then "
        "`dvc push --all-tags`"
    ]


def promoted_version(artifact: str, packed: PackedBundle, registry: Registry) -> Version | None:
    """Verify a candidate against what the run recorded; return its version if it was promoted before."""
    bundle_id = verify_bundle(CANDIDATES / artifact).bundle_id
    if bundle_id != packed.bundle_id:
        raise ArtifactError(
            f"{CANDIDATES / artifact}: is bundle {bundle_id}, and the run packed {packed.bundle_id}"
        )
    for name, values in BundleFigures.read_file(CANDIDATES / artifact / FIGURES).metrics.items():
        if values != read_json(f"metrics/{name}.json"):
            raise ArtifactError(f"metrics/{name}.json: is not as {artifact} was packed; run `dvc repro`")
    same = [r.version for r in registry.releases.get(artifact, []) if r.record.bundle_id == bundle_id]
    return same[-1] if same else None


def judge_all(artifact: str, run: RunRecord, registry: Registry) -> list[Verdict]:
    """Gates as the pipeline judged them, and those of the release, its choice among them."""
    bundle = run.bundles[artifact]
    verdicts = run.gates_of(artifact) + judge_release(artifact, bundle, registry)
    selection = selection_of(ARTIFACTS[artifact], bundle.refit)
    return [*verdicts, judge_selection_gate(artifact, verdicts, selection)]


def make_plan(
    artifact: str,
    bundle: PackedBundle,
    registry: Registry,
    verdicts: list[Verdict],
    checked: Checked,
    proof: ProofRecord,
) -> Plan:
    """Decide the version of a candidate that passed, and write its record."""
    version, why = decide_version(artifact, bundle.fingerprints, registry)
    packed = BundleFigures.read_file(CANDIDATES / artifact / FIGURES)
    record = ReleaseRecord(
        artifact=artifact,
        version=str(version),
        why=why,
        bundle_id=bundle.bundle_id,
        fingerprints=bundle.fingerprints,
        refit=bundle.refit,
        market=bundle.market,
        gates=tuple(verdicts),
        candidate=packed.candidate,
        metrics=packed.metrics,
        lock_sha256=hashlib.sha256(Path("dvc.lock").read_bytes()).hexdigest(),
        recheck=checked.recheck,
        replay=checked.replay,
        proof=proof,
    )
    return Plan(artifact, version, why, bundle.bundle_id, record, summary(verdicts))


def changes(plans: list[Plan]) -> tuple[list[PendingTag], list[Delivery]]:
    """Tags and bundles of `plans`."""
    commit, tags = head(ROOT), []
    for plan in plans:
        why = f"promoted; {plan.why}"
        tags += [
            registration(plan.artifact, plan.version, commit, plan.record),
            assignment(ROOT, plan.artifact, plan.version, commit, why, PROD),
        ]
    places = [(plan, PROMOTED / plan.artifact, CANDIDATES / plan.artifact) for plan in plans]
    return tags, [Delivery(place, source, plan.bundle_id) for plan, place, source in places]


def require_untagged(plans: list[Plan], registry: Registry) -> None:
    """Raise ArtifactError if a name is taken by a tag that is no release, or this commit by a version.

    GTO takes one version of an artifact at a commit: an assignment is known by its commit.
    """
    existing, commit = git(ROOT, "tag", "--list").split(), head(ROOT)
    for plan in plans:
        if plan.tag in existing:
            raise ArtifactError(f"tag {plan.tag}: is there already, and no release; delete or rename it")
        for release in registry.releases.get(plan.artifact, []):
            if release.commit == commit:
                raise ArtifactError(f"{release.tag}: is registered at this commit; commit the run first")


def require_passed(verdicts: dict[str, list[Verdict]], run: RunRecord, tell: Callable[[str], None]) -> None:
    """Give `tell` all gates as tables; raise ArtifactError if one blocks, with what may go instead."""
    refused = []
    for artifact, judged in verdicts.items():
        table = pd.DataFrame([asdict(verdict) for verdict in judged])
        table["value"] = ["" if verdict.value is None else f"{verdict.value:.6g}" for verdict in judged]
        table["reason"] = table["reason"].str.ljust(table["reason"].str.len().max())  # begins where others do
        columns = ["gate", "value", "limit", "status", "reason"]
        rows = table[columns].to_string(index=False).splitlines()
        tell("\n".join([artifact, *(row.rstrip() for row in rows), ""]))
        failed = [verdict.gate for verdict in judged if verdict.blocks]
        if failed:
            refused.append(f"{artifact} by {len(failed)} of {len(judged)} gates: {', '.join(failed)}")
    if refused:
        raise ArtifactError(f"refused: {'; '.join(refused + others_instead(verdicts, run))}")
