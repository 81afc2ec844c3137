"""Judge candles, features and labels, look for leaks, and end the run before anything trains on bad data."""

import logging

from stages.audits import Audited, audit_symbol, check_random_walk
from stages.parallel import for_each_symbol
from stages.runner import run_stage
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.market.params import MaxFill, Symbols
from tapeline.market.tables import read_table
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.quality.expectations import validate_candles, validate_features
from tapeline.quality.ledger import History
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Audit, Finding, RandomWalk, judge, judge_leaks, report
from tapeline.schema import Interval, Workers


def main(log: logging.Logger) -> None:
    """Run every suite and audit on every symbol, write the report, raise on the first critical failure."""
    params = Params.read()
    quality = params.section("quality", QualityParams)
    interval = params.value("data.interval", Interval)
    symbols = params.value("data.symbols", Symbols)
    features = selected_features(params.section("features", FeatureParams), interval)
    max_fill = params.value("data.max_fill", MaxFill)
    audited = Audited(features, params.section("labels", LabelParams).horizon, max_fill)

    def examine(symbol: str) -> tuple[list[Finding], list[Audit]]:
        candles, table = read_table("data/candles", symbol), read_table("data/features", symbol)
        leader = candles if symbol == symbols[0] else read_table("data/candles", symbols[0])
        bounds = {feature.name: (feature.low, feature.high) for feature in features}
        found = validate_candles(candles, symbol, interval, quality)
        found += validate_features(table, symbol, interval, bounds, quality)
        return found, audit_symbol(audited, History(symbol, candles, leader), table, quality)

    results = for_each_symbol(examine, symbols, params.value("data.workers", Workers))
    walk, random_walk = check_random_walk(audited, interval, quality.seed)
    findings = [finding for found, _ in results for finding in found]
    audits = [audit for _, made in results for audit in made] + [walk]
    for line in told(findings, audits):
        log.info(line)
    log.info(told_walk(random_walk))
    write_json("metrics/detail/expectations.json", report(findings, audits, random_walk))
    judge(findings)
    judge_leaks(audits)


def told(findings: list[Finding], audits: list[Audit]) -> list[str]:
    """What was evaluated and what failed, in lines for the log."""
    failed = [finding for finding in findings if not finding.success]
    cells, leaks = sum(audit.cells for audit in audits), sum(len(audit.leaks) for audit in audits)
    return [
        f"{len(findings)} expectations evaluated, {len(failed)} failed",
        *(
            f"  {f.severity}: {f.symbol} {f.table}.{f.column}, {f.rule}, {'; '.join(f.examples)}"
            for f in failed
        ),
        f"{len(audits)} leak audits compared {cells} values, {leaks} leak",
    ]


def told_walk(walk: RandomWalk) -> str:
    """How often a model was right on the random walk, and by what column if it knew the future."""
    interval = f"interval {walk.accuracy_low:.4f} to {walk.accuracy_high:.4f}"
    by = f", by {walk.column}" if walk.column else ""
    right = f"{walk.accuracy:.4f} of {walk.rows} test candles"
    return f"on a random walk a model was right on {right} ({interval}){by}"


if __name__ == "__main__":
    run_stage("expectations", main)
