"""Judge candles, features and labels, look for leaks, and end the run before anything trains on bad data."""

import gc
import logging

from tapeline.cache import Cache, damaged_lines
from tapeline.features.extra_files import read_extras
from tapeline.features.params import FeatureParams, LabelParams, selected_features
from tapeline.memory import require_memory
from tapeline.outputs import write_json
from tapeline.parallel import for_each_symbol
from tapeline.params import Params
from tapeline.quality.expectations import validate_candles, validate_features
from tapeline.quality.ledger import History
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Audit, Finding, judge, judge_leaks, report, report_lines
from tapeline.schema import Interval, MaxFill, Symbols, Workers
from tapeline.scoring.audits import Audited, audit_symbol, check_random_walk
from tapeline.scoring.known_months import FEATURES, KIND, KnownMonths
from tapeline.stage import run_stage
from tapeline.store.feature_store import FeatureStore
from tapeline.store.stored_table import StoredTable
from tapeline.store.tables import read_table


def main(log: logging.Logger) -> None:
    """Run every suite and audit on every symbol, write the report, raise on the first critical failure."""
    params = Params.read()
    quality = params.section("quality", QualityParams)
    interval = params.value("data.interval", Interval)
    symbols = params.value("data.symbols", Symbols)
    features = selected_features(params.section("features", FeatureParams), interval)
    require_memory(params, "expectations")
    reaches = params.section("labels", LabelParams).horizon, params.value("data.max_fill", MaxFill)
    audited = Audited(features, *reaches, read_extras(params), interval)

    def examine(symbol: str) -> tuple[list[Finding], list[Audit], Cache]:
        gc.freeze()  # so that each collection looks at what is made from here on, not at libraries' objects
        candles, table = read_table("data/candles", symbol), StoredTable(FeatureStore(FEATURES), symbol)
        leader = candles if symbol == symbols[0] else read_table("data/candles", symbols[0])
        bounds = {feature.name: (feature.low, feature.high) for feature in audited.of(symbol).features}
        findings = validate_candles(candles, symbol, interval, quality)
        findings += validate_features(table, symbol, interval, bounds, quality)
        known = KnownMonths(symbol, audited.of(symbol).described)
        history = History(symbol, candles, leader)
        return findings, audit_symbol(audited, history, table, quality, known), known.cache

    results = for_each_symbol(examine, symbols, params.value("data.workers", Workers))
    caches = [*(cache for *_, cache in results), Cache(KIND)]
    walk, random_walk = check_random_walk(audited, interval, quality.seed, caches[-1])
    caches[-1].prune(key for cache in caches for key in cache.used)
    findings = [finding for found, _, _ in results for finding in found]
    audits = [audit for _, made, _ in results for audit in made] + [walk]
    damaged = damaged_lines(sum(len(cache.damaged) for cache in caches))
    for line in [*report_lines(findings, audits, random_walk), *damaged]:
        log.info(line)
    write_json("metrics/detail/expectations.json", report(findings, audits, random_walk))
    judge(findings)
    judge_leaks(audits)


if __name__ == "__main__":
    run_stage("expectations", main)
