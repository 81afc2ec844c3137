"""Export and pack the candidates, hold every gate against them. Refused is a result, not a failure."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from stages.packing import pack_candidate
from stages.runner import run_stage
from tapeline.outputs import whole_folder, write_json
from tapeline.params import Params
from tapeline.promotion.gates import (
    ARTIFACTS,
    FAILED,
    PASSED,
    GateParams,
    judge,
    summary,
)

SPEAKS_OF = {"lstm": ("lstm", "backtest", "ftmo"), "transformer": ("transformer",)}  # metrics/NAME.json


def main(log: logging.Logger) -> None:
    """Pack the models that are offered and write the verdict."""
    params = Params.read()
    gates = params.section("gates", GateParams)
    metrics = {name: _read(f"metrics/{name}.json") for names in SPEAKS_OF.values() for name in names}
    found, bundles = audit_metrics(), {}
    with whole_folder("models/candidate") as folder:
        for artifact, network in ARTIFACTS.items():
            own = {name: metrics[name] for name in SPEAKS_OF[network]}
            bundles[artifact] = pack_candidate(folder / artifact, artifact, network, params, own)
            found[f"{network}_onnx_difference"] = bundles[artifact].pop("onnx_difference")
    program = params.value("ftmo.program", str)
    verdicts = judge(gates, metrics | {"promotion": found}, program)
    found["passed"] = int(not any(v.blocks for v in verdicts))
    for artifact, network in ARTIFACTS.items():
        own = [v for v in verdicts if v.artifact == artifact]
        n_failed, n_passed = (sum(v.status == status for v in own) for status in (FAILED, PASSED))
        found |= {
            f"{network}_passed": int(not n_failed),
            f"{network}_gates_failed": n_failed,
            f"{network}_gates_not_judged": len(own) - n_failed - n_passed,
        }
        verdict = "refused" if n_failed else "may be promoted"
        log.info("%s %s: %s, %s", artifact, bundles[artifact]["bundle_id"], verdict, summary(own))
    write_json("metrics/promotion.json", found)
    write_json("metrics/detail/promotion.json", {"bundles": bundles, "gates": [asdict(v) for v in verdicts]})


def audit_metrics() -> dict[str, int]:
    """What the leak audits and the critical expectations found; without any the run has ended before."""
    expectations, splits = (_read(f"metrics/detail/{name}.json") for name in ("expectations", "splits"))
    return {
        "leaks": len(expectations["leaks"]) + len(splits["leaks"]),
        "expectations_failed": int(not expectations["passed"]),
    }


def _read(path: str) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    run_stage("promote", main)
