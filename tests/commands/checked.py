"""A run taken for checked and proven: what a promotion of it takes a second for, and both take minutes."""

from pathlib import Path

from tapeline.outputs import write_json
from tapeline.promotion.proofs import ProofRecord
from tapeline.promotion.release_record import Recheck, Replay
from tapeline.release.proof import identity, proof_path
from tapeline.release.recheck import Checked, content_hash, keep


def take_for_checked(folder: Path) -> None:
    """Leave in `folder`, whose run is committed, what a check and a proof leave."""
    recheck = Recheck(files=0, rounded=0, content=content_hash(folder))
    replay = Replay(part="test", candles=0, of=0, largest_difference=0.0, borderline=0, trades=0)
    keep(folder, Checked(recheck=recheck, replay=replay))
    proved = {"seed": 0, "asked": 10, "moments": 0, "values": 0, "parts": (), "proved_on": "fold_1"}
    proof = ProofRecord(**proved, **identity(folder))
    write_json(proof_path(folder), proof.plain())
