"""Records: of a run, on the bundles that it packed; of a release, on the bundle that was promoted."""

from tapeline.documents import Document
from tapeline.promotion.contract import FileMetrics, Origin, OwnFigures, Span
from tapeline.promotion.gates import Verdict
from tapeline.promotion.proofs import ProofRecord


class PackedBundle(Document):
    """One bundle of a run. span : of the offered model's training; market : None in former runs."""

    bundle_id: str
    market: Origin | None = None
    fingerprints: dict[str, str]
    span: Span
    refit: bool


class RunRecord(Document):
    """metrics/detail/promotion.json: bundles by artifact, and every gate that the pipeline judged."""

    bundles: dict[str, PackedBundle]
    gates: tuple[Verdict, ...]

    def gates_of(self, artifact: str) -> list[Verdict]:
        """Gates on `artifact`, in order."""
        return [verdict for verdict in self.gates if verdict.artifact == artifact]


class Recheck(Document):
    """The run made again from raw candles and weights. files : compared; rounded : of them equal to 1e-6

    content : hash of everything that the run is made of and came to, the commit's files included
    predictions : stored ones of every fold, computed anew by that fold's stored model, `of` so many
    largest_difference : between one of them and what its model gives
    """

    files: int
    rounded: int
    content: str
    predictions: int | None = None  # None in former releases, as the next two
    of: int | None = None
    largest_difference: float | None = None


class Replay(Document):
    """What was packed, fed the run's candles one by one: its answers are the run's predictions and trades.

    part : the rows, as "test of fold_5"; candles : replayed, `of` so many
    largest_difference : between a stored prediction and the served one
    borderline : predictions too near to a threshold to tell their side of it, for which the run's count
    trades : of the candidate's account, all equal; None for a refitted model, which has none
    together : of the candles, answered the same in tables; late : answered the same behind a late leader
    """

    part: str
    candles: int
    of: int
    largest_difference: float
    borderline: int
    trades: int | None
    together: int | None = None  # None in former releases, as the next
    late: int | None = None


class ReleaseRecord(Document):
    """The message of a version's tag, as JSON."""

    artifact: str | None = None
    version: str | None = None
    why: str
    bundle_id: str
    fingerprints: dict[str, str]
    refit: bool | None = None
    market: Origin | None = None
    gates: tuple[Verdict, ...]
    candidate: OwnFigures | None = None
    metrics: FileMetrics
    lock_sha256: str
    recheck: Recheck | None = None  # None in former releases, as the next two
    replay: Replay | None = None
    proof: ProofRecord | None = None


class AssignmentRecord(Document):
    """The message of a tag that puts a version into production."""

    version: str
    why: str = ""
