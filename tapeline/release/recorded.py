"""The run's record of its candidates, judged once more by the params and metrics beside it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tapeline.errors import ArtifactError
from tapeline.params import Params
from tapeline.promotion.gates import RELEASE, GateParams, judge
from tapeline.promotion.release_record import RunRecord

RECORDED = "metrics/detail/promotion.json"
ReadText = Callable[[str], str]  # from a path in the project to the file's content


def read_run(read: ReadText) -> RunRecord:
    """Return bundles and gates of a run; ArtifactError names a gate whose verdict differs when judged anew.

    A frozen stage, or `dvc commit`, can leave verdicts that belong to other params or metrics. Read are the
    metrics that its own gates name: a run of an earlier version has no others.
    """
    recorded = RunRecord.read(read(RECORDED), f"{RECORDED}: can't be read")
    params = Params.parse(read("params.yaml"))
    gates, program = params.section("gates", GateParams), params.value("ftmo.program", str)
    named = {gate.partition(".")[0] for of_artifact in gates.root.values() for gate in of_artifact}
    files = sorted(named - {RELEASE} | {"backtest"})  # the last for its days, which gates may wait for
    metrics = {name: _read_metrics(read, f"metrics/{name}.json") for name in files}
    expected, read_verdicts = (
        # The margin follows from value and limit, and is written with fewer digits.
        {(verdict.artifact, verdict.gate): replace(verdict, margin=None) for verdict in verdicts}
        for verdicts in (judge(gates, metrics, program), recorded.gates)
    )
    for key in [*expected, *read_verdicts]:
        if expected.get(key) != read_verdicts.get(key):
            reasons = (side[key].reason if key in side else "no gate" for side in (read_verdicts, expected))
            raise ArtifactError(
                "{}: {} of {}: {}, and params.yaml with metrics/ say: {}; run `dvc repro`".format(
                    RECORDED, key[1], key[0], *reasons
                )
            )
    return recorded


def _read_metrics(read: ReadText, path: str) -> dict[str, Any]:
    text = read(path)
    try:
        metrics: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise ArtifactError(f"{path}: can't be read: {error}") from error
    return metrics


def read_workspace_file(path: str) -> str:
    """Read a file of the workspace; ArtifactError if it can't be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ArtifactError(f"{path}: can't be read ({error.strerror}); run `dvc repro`") from error
