"""Export and pack the candidates, hold every gate against them. Refused is a result, not a failure."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from stages.runner import run_stage
from tapeline.nets.export import Served, reference_outputs, to_onnx
from tapeline.nets.loading import load_model
from tapeline.nets.models import DESCRIPTION, WEIGHTS
from tapeline.outputs import whole_folder, write_json
from tapeline.params import Params
from tapeline.promotion.bundle import GRAPH, open_bundle, pack
from tapeline.promotion.gates import ARTIFACTS, GateParams, judge

JUDGED = ("data", "lstm", "transformer", "backtest", "ftmo")  # metrics/NAME.json


def main(log: logging.Logger) -> None:
    """Pack the last fold's model of each network and write the verdict."""
    gates = Params.read().section("gates", GateParams)
    metrics = {name: json.loads(Path(f"metrics/{name}.json").read_text()) for name in JUDGED}
    metrics["promotion"], bundles = {}, {}
    with whole_folder("models/candidate") as folder:
        for artifact, network in ARTIFACTS.items():
            bundles[artifact], difference = pack_candidate(folder / artifact, network)
            metrics["promotion"][f"{network}_onnx_difference"] = difference
    verdicts = judge(gates, metrics)
    summary = metrics["promotion"] | {"passed": int(all(v.passed for v in verdicts))}
    for artifact, network in ARTIFACTS.items():
        failed = [v for v in verdicts if v.artifact == artifact and not v.passed]
        summary |= {f"{network}_passed": int(not failed), f"{network}_gates_failed": len(failed)}
        log.info("%s %s: %s", artifact, bundles[artifact], "refused" if failed else "may be promoted")
        for verdict in failed:
            log.info("  %s: %s", verdict.gate, verdict.reason)
    write_json("metrics/promotion.json", summary)
    write_json("metrics/detail/promotion.json", {"bundles": bundles, "gates": [asdict(v) for v in verdicts]})


def pack_candidate(folder: Path, network: str) -> tuple[str, float]:
    """Pack the last fold's model; return its bundle id and the export's largest difference from torch."""
    source = max(Path(f"models/{network}").glob("fold_*"), key=lambda path: int(path.name[5:]))
    model = load_model(source)
    served = Served(model.net, model.calibration)
    shape = (64, model.description.context["sequence_length"], len(model.description.features))
    windows = torch.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    graph = to_onnx(served, *shape[1:])
    kept = {name: (source / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)}
    bundle_id = pack(folder, {GRAPH: graph} | kept)
    from_graph = open_bundle(folder).run(windows.numpy())
    return bundle_id, float(np.abs(from_graph - reference_outputs(served, windows).numpy()).max())


if __name__ == "__main__":
    run_stage("promote", main)
