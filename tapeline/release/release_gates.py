"""Gates that only a release can judge: measured latency, the number of trials, the champion."""

from dataclasses import replace

from tapeline.evaluation.latency import LatencyParams
from tapeline.models.table import ARTIFACTS
from tapeline.params import Params
from tapeline.promotion.gates import FAILED, NOT_JUDGED, Gate, Verdict, judge_value
from tapeline.promotion.registry import Registry
from tapeline.promotion.release_record import PackedBundle
from tapeline.release.champion import ChampionRows, Comparison, compare, predict_with_champion
from tapeline.release.champion_account import Accounts, trade_both
from tapeline.release.deflated import judge_deflated_sharpe
from tapeline.serving.candidates import latency_records, time_candidates

REPEAT = "dvc repro --force --single-item latency"  # measures and shows it once more


def judge_release(artifact: str, bundle: PackedBundle, registry: Registry) -> list[Verdict]:
    """Judge the gates that need more than the pipeline's hashed inputs."""
    params = Params.read()
    latency = params.section("latency", LatencyParams)
    metrics, _ = latency_records(
        *time_candidates(latency)
    )  # anew: a file could be edited, and a machine busy
    name = ARTIFACTS[artifact].name
    figures = metrics[f"{name}_cpu_p99_ms"], metrics[f"{name}_latency_p99_ms"]
    return [
        judge_latency(artifact, Gate(max=latency.p99_budget_ms), *figures),
        *judge_deflated_sharpe(artifact),
        *judge_champion(artifact, bundle, registry, params),
    ]


def judge_latency(artifact: str, gate: Gate, cpu: float | None, wall: float | None) -> Verdict:
    """Judge the 99th percentile of the processor's time by the budget; it fails if nothing was measured.

    The clock's is told beside it, milliseconds like it: what it has more is the machine's, not the model's.
    """
    if cpu is None or wall is None:
        why = "no candle was predicted, so nothing was timed"
        return Verdict(artifact, "release.latency_p99_ms", None, gate.limit, None, FAILED, why)
    verdict = judge_value(artifact, "release.latency_p99_ms", gate, cpu)
    clock = (
        f"of the processor; by the clock {wall:.3g}, {max(0.0, wall - cpu):.3g} of it the machine's waiting"
    )
    return replace(verdict, reason=f"{verdict.reason} {clock}; again: {REPEAT}")


def judge_champion(artifact: str, bundle: PackedBundle, registry: Registry, params: Params) -> list[Verdict]:
    """Compare the candidate with production by loss and by money; not judged where that is not possible."""
    champion = registry.production(artifact)
    both = (
        predict_with_champion(artifact, bundle, champion, params)
        if champion
        else ChampionRows("nothing is in production")
    )
    version = str(champion.version) if champion else ""
    loss = judge_loss(artifact, version, compare(both, params))
    return [loss, *judge_money(artifact, version, trade_both(both, params))]


def judge_loss(artifact: str, version: str, comparison: Comparison) -> Verdict:
    """Not worse beyond the interval of the paired difference."""
    gate, name = Gate(min=0.0), "release.gain_over_champion_high"
    if comparison.why:
        return Verdict(artifact, name, None, gate.limit, None, NOT_JUDGED, comparison.why)
    verdict = judge_value(artifact, name, gate, comparison.high)
    interval = f"{comparison.gain:.4g} [{comparison.low:.4g}, {comparison.high:.4g}]"
    description = (
        f"loss of {version} less the candidate's on {comparison.rows} rows after its training: {interval}"
    )
    return replace(verdict, reason=f"{description}; {verdict.reason}")


def judge_money(artifact: str, version: str, accounts: Accounts) -> list[Verdict]:
    """The low end of net PnL and the drawdown, neither worse than the champion's on the same days."""
    gates = {
        "release.net_pnl_low_over_champion": Gate(min=0.0),
        "release.max_drawdown_over_champion": Gate(max=0.0),
    }
    ours, theirs = accounts.candidate, accounts.champion
    if ours is None or theirs is None or ours.net_pnl_low is None or theirs.net_pnl_low is None:
        return [
            Verdict(artifact, name, None, gate.limit, None, NOT_JUDGED, accounts.why)
            for name, gate in gates.items()
        ]
    values = ours.net_pnl_low - theirs.net_pnl_low, ours.max_drawdown - theirs.max_drawdown
    difference, *ends = accounts.difference
    interval = ", ".join("unknown" if end is None else f"{end:.6g}" for end in ends)
    descriptions = (
        f"on {len(ours.daily)} days net PnL {ours.net_pnl:.6g}, low end {ours.net_pnl_low:.6g}, of {version} "
        f"{theirs.net_pnl:.6g}, {theirs.net_pnl_low:.6g}; paired by day {difference:.6g} [{interval}]",
        f"deepest drawdown {ours.max_drawdown:.4g}, of {version} {theirs.max_drawdown:.4g}",
    )
    verdicts = [
        judge_value(artifact, name, gate, value)
        for (name, gate), value in zip(gates.items(), values, strict=True)
    ]
    return [
        replace(v, reason=f"{reason}; {v.reason}") for v, reason in zip(verdicts, descriptions, strict=True)
    ]
