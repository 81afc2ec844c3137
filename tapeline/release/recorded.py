"""What a run recorded of its candidates, once more held against the params and metrics it lies beside."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.models.table import FILES
from tapeline.params import Params
from tapeline.promotion.gates import GateParams, judge
from tapeline.promotion.release_record import RunRecord

RECORDED = "metrics/detail/promotion.json"
ReadText = Callable[[str], str]  # path in the project: what the file holds


def read_run(read: ReadText) -> RunRecord:
    """Return bundles and gates of a run; ArtifactError names a gate that its own files judge otherwise.

    A frozen stage, or `dvc commit`, can leave verdicts that belong to other params or metrics.
    """
    recorded = RunRecord.read(read(RECORDED), f"{RECORDED}: can't be read")
    params = Params.parse(read("params.yaml"))
    gates, program = params.section("gates", GateParams), params.value("ftmo.program", str)
    metrics = {name: json.loads(read(f"metrics/{name}.json")) for name in FILES}
    wanted, found = (
        # The margin follows from value and limit, and is written with fewer digits.
        {(verdict.artifact, verdict.gate): replace(verdict, margin=None) for verdict in verdicts}
        for verdicts in (judge(gates, metrics, program), recorded.gates)
    )
    for key in [*wanted, *found]:
        if wanted.get(key) != found.get(key):
            told = (side[key].reason if key in side else "no gate" for side in (found, wanted))
            raise ArtifactError(
                "{}: {} of {}: {}, and params.yaml with metrics/ say: {}; run `dvc repro`".format(
                    RECORDED, key[1], key[0], *told
                )
            )
    return recorded


def of_the_workspace(path: str) -> str:
    """Read a file as it lies here; ArtifactError if it is not there."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ArtifactError(f"{path}: can't be read ({error.strerror}); run `dvc repro`") from error
