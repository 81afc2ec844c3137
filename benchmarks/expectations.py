"""How long the expectations on a large feature table take, against the same checks in pandas and NumPy.

Both must fail the same rules on the same columns, or there is no ratio to print. Without leak audits.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from tapeline.params import Params
from tapeline.quality.expectations import LARGEST, ROUNDING, Bounds, validate_features
from tapeline.quality.params import QualityParams
from tapeline.schema import DIRECTION, LABELS, TIMESTAMP_TYPE, TREND_STRENGTH

N_ROWS = 1_000_000
N_FEATURES = 60
INTERVAL, WIDTH = "1m", pd.Timedelta(minutes=1)
Failures = set[tuple[str, str]]  # (rule, column)


def make_table() -> tuple[pd.DataFrame, dict[str, Bounds]]:
    """A feature table of one segment, half of its features bounded, with four faults."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2020-01-01", periods=N_ROWS, freq="min", tz="UTC").astype(TIMESTAMP_TYPE)
    columns = {"timestamp": times, "segment": np.zeros(N_ROWS, np.int32), "is_filled": np.zeros(N_ROWS, bool)}
    names = [f"feature_{i}" for i in range(N_FEATURES)]
    columns |= {name: rng.random(N_ROWS, np.float32) for name in names}
    columns[names[7]][N_ROWS // 2] = np.nan
    columns[names[9]][N_ROWS // 3] = 1.5
    columns[names[11]][:] = 0.5
    columns[names[12]] = columns[names[2]]
    columns |= {DIRECTION: (rng.random(N_ROWS) > 0.5).astype(float), TREND_STRENGTH: rng.random(N_ROWS)}
    bounds = {name: ((0.0, 1.0) if i % 2 else (None, None)) for i, name in enumerate(names)}
    return pd.DataFrame(columns), bounds


def plain(table: pd.DataFrame, features: Mapping[str, Bounds], params: QualityParams) -> Failures:
    """The same checks as a person would write them by hand: rules and columns that fail."""
    failures = plain_time(table)
    expected = {"segment": "int32", "is_filled": "bool", "timestamp": TIMESTAMP_TYPE}
    expected |= dict.fromkeys(features, "float32") | dict.fromkeys(LABELS, "float64")
    failures |= {("types", name) for name, kind in expected.items() if str(table[name].dtype) != kind}
    seen: dict[int, str] = {}
    for name, (low, high) in features.items():
        values = table[name].to_numpy()
        if np.isnan(values).any() or (np.abs(values) > LARGEST).any():
            failures.add(("finite", name))
        least, greatest = np.nanmin(values), np.nanmax(values)
        if (low is not None and least < low - ROUNDING) or (high is not None and greatest > high + ROUNDING):
            failures.add(("range", name))
        if least == greatest:
            failures.add(("constant", name))
        elif seen.setdefault(hash(values.tobytes()), name) != name:
            failures.add(("duplicate", name))
    return failures | plain_labels(table, params)


def plain_time(table: pd.DataFrame) -> Failures:
    """Rules about time and segments that fail."""
    time_, segment = table["timestamp"], table["segment"]
    is_in_step = ((time_.diff() == WIDTH) == (segment.diff() == 0))[1:]
    checks = {
        "missing": time_.notna().all(),
        "unique": time_.is_unique,
        "order": time_.is_monotonic_increasing,
        "grid": (time_.dt.floor(WIDTH) == time_).all(),
        "step": is_in_step.all(),
    }
    failures = {(rule, "timestamp") for rule, is_good in checks.items() if not is_good}
    return failures if segment.is_monotonic_increasing else failures | {("segments", "segment")}


def plain_labels(table: pd.DataFrame, params: QualityParams) -> Failures:
    """Rules about labels that fail."""
    failures = set()
    if not table[DIRECTION].dropna().isin([0.0, 1.0]).all():
        failures.add(("label_range", DIRECTION))
    if not table[TREND_STRENGTH].dropna().between(0, 1).all():
        failures.add(("label_range", TREND_STRENGTH))
    if not params.min_label_share <= table[DIRECTION].mean() <= 1 - params.min_label_share:
        failures.add(("label_balance", DIRECTION))
    for name in LABELS:
        if table[name].isna().mean() > params.max_missing_labels:
            failures.add(("label_missing", name))
        if table[name].min() == table[name].max():
            failures.add(("constant", name))
    return failures


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    """Run `work` once; return the seconds it took and what it gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> None:
    """Print the seconds of both, and their ratio, once they agree."""
    params = Params.read().section("quality", QualityParams)
    table, bounds = make_table()
    plain_s, expected = seconds(lambda: plain(table, bounds, params))
    suite_s, findings = seconds(lambda: validate_features(table, "BENCH", INTERVAL, bounds, params))
    found = {(finding.rule, finding.column) for finding in findings if not finding.success}
    if found != expected:
        raise SystemExit(f"the suites and the plain checks disagree on {sorted(found ^ expected)}")
    print(
        f"{len(findings)} expectations, {N_FEATURES} features, {N_ROWS:,} rows: "
        f"Great Expectations {suite_s:.2f} s, plain {plain_s:.2f} s, {suite_s / plain_s:.1f}x"
    )


if __name__ == "__main__":
    main()
