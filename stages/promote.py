"""Export and pack the candidates, hold every gate against them. Refused is a result, not a failure."""

import logging

from tapeline.models.metrics import PromotionMetrics, gate_metrics
from tapeline.models.table import ARTIFACTS, OF_MODELS, TRADED
from tapeline.outputs import read_json, whole_folder, write_json
from tapeline.params import Params
from tapeline.promotion.gates import GateParams, gate_counts, judge, summary
from tapeline.promotion.release_record import PackedBundle, RunRecord
from tapeline.release.packing import pack_candidate
from tapeline.release.summary import summarize
from tapeline.stage import run_stage


def main(log: logging.Logger) -> None:
    """Pack the models that are offered and write the verdict."""
    params = Params.read()
    gates, program = params.section("gates", GateParams), params.value("ftmo.program", str)
    for mistake in gates.unknown(ARTIFACTS, gate_metrics()):
        raise mistake
    metrics = {name: read_json(f"metrics/{name}.json") for name in OF_MODELS}
    bundles: dict[str, PackedBundle] = {}
    figures: dict[str, float] = {**audit_metrics()}
    with whole_folder("models/candidate") as folder:
        for artifact, model in ARTIFACTS.items():
            own = {name: metrics[name] for name in model.metrics}
            bundles[artifact], difference = pack_candidate(folder / artifact, model, params, own)
            figures[f"{model.name}_onnx_difference"] = difference
    verdicts = judge(gates, metrics | {"promotion": figures}, program)
    figures["passed"] = int(not any(v.blocks for v in verdicts))
    for artifact, model in ARTIFACTS.items():
        own_verdicts = [v for v in verdicts if v.artifact == artifact]
        counts = gate_counts(own_verdicts)
        figures |= {f"{model.name}_{name}": count for name, count in counts.items()}
        verdict = "may be promoted" if counts["passed"] else "refused"
        log.info("%s %s: %s, %s", artifact, bundles[artifact].bundle_id, verdict, summary(own_verdicts))
    n_failed = sum(verdict.blocks for verdict in verdicts)
    write_json("metrics/summary.json", summarize(TRADED[0].name, metrics, n_failed).plain())
    write_json("metrics/promotion.json", PromotionMetrics(**figures).plain())
    write_json("metrics/detail/promotion.json", RunRecord(bundles=bundles, gates=tuple(verdicts)).plain())


def audit_metrics() -> dict[str, int]:
    """What the leak audits and the critical expectations found; without any the run has ended before."""
    expectations, splits = (read_json(f"metrics/detail/{name}.json") for name in ("expectations", "splits"))
    return {
        "leaks": len(expectations["leaks"]) + len(splits["leaks"]),
        "expectations_failed": int(not expectations["passed"]),
    }


if __name__ == "__main__":
    run_stage("promote", main)
