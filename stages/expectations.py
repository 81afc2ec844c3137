"""Judge candles, features and labels, look for leaks, and end the run before anything trains on bad data."""

import logging
from functools import partial

from stages.runner import run_stage
from tapeline.features.catalog import FeatureParams, selected_features
from tapeline.features.labels import LabelParams
from tapeline.features.table import build_table
from tapeline.market.params import Symbols
from tapeline.market.tables import read_table
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.quality.expectations import validate_candles, validate_features
from tapeline.quality.leaks import audit_label_reach, audit_truncation
from tapeline.quality.params import QualityParams
from tapeline.quality.report import judge, judge_leaks, report
from tapeline.schema import LABELS, Interval


def main(log: logging.Logger) -> None:
    """Run every suite and audit on every symbol, write the report, raise on the first critical failure."""
    params = Params.read()
    quality = params.section("quality", QualityParams)
    horizon = params.section("labels", LabelParams).horizon
    interval = params.value("data.interval", Interval)
    features = selected_features(params.section("features", FeatureParams))
    build = partial(build_table, features=features, horizon=horizon)
    bounds = {feature.name: (feature.low, feature.high) for feature in features}
    reach = max(feature.lookback for feature in features)
    findings, audits = [], []
    for symbol in params.value("data.symbols", Symbols):
        candles, table = read_table("data/candles", symbol), read_table("data/features", symbol)
        found = validate_candles(candles, symbol, interval, quality)
        found += validate_features(table, symbol, interval, bounds, quality)
        findings += found
        audits.append(audit_truncation(build, candles, [*bounds], symbol, reach, quality))
        audits.append(audit_label_reach(build, candles, LABELS, symbol, reach, horizon, quality))
        failed = [finding for finding in found if not finding.success]
        log.info("%s: %d expectations evaluated, %d failed", symbol, len(found), len(failed))
        for finding in failed:
            log.info(
                "  %s: %s.%s, %s, %s",
                *(finding.severity, finding.table, finding.column, finding.rule, "; ".join(finding.examples)),
            )
    log.info("leak audit: %d values compared", sum(audit.cells for audit in audits))
    write_json("metrics/detail/expectations.json", report(findings, audits))
    judge(findings)
    judge_leaks(audits)


if __name__ == "__main__":
    run_stage("expectations", main)
