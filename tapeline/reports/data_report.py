"""The page about the data alone, `reports/data.html`: what came in, what was expected, what failed.

It needs only the files of the expectations stage, so it is written also when that stage ended the run.
"""

from pathlib import Path
from typing import Any

from tapeline.market.origin import read_origin
from tapeline.outputs import read_json
from tapeline.reports.candle_charts import draw_candles
from tapeline.reports.many_symbols import few, told_of_few
from tapeline.reports.pages import write_page

PAGE = Path("reports/data.html")
CARDS = Path("metrics/data.json")
ODDITIES = Path("metrics/detail/data.json")
EXPECTATIONS = Path("metrics/detail/expectations.json")
SPLITS = Path("metrics/detail/splits.json")

# Each rule in a sentence for people.
MEANINGS = {
    "rows": "there is a row at all",
    "columns": "the columns are those of the schema, in its order",
    "types": "each column has the type of the schema",
    "missing": "every row has a time",
    "unique": "no time comes twice",
    "order": "times go up",
    "segments": "segments are numbered upwards",
    "grid": "every candle opens at a multiple of the interval",
    "step": "one interval from candle to candle, more only where a segment begins",
    "finite": "no value is missing or infinite",
    "positive": "prices are above zero",
    "volume": "no volume is below zero",
    "ohlc": "high is the greatest and low the least of the four prices",
    "filled_flat": "a filled candle has neither a range nor a volume",
    "filled_share": "candles that were filled are within quality.max_filled_share",
    "gap_share": "time without any candle, between segments, is within quality.max_gap_share",
    "quiet": "at most quality.max_quiet traded candles in a row have no volume",
    "outsized_move": "no more than quality.max_outsized_share of moves exceed quality.max_move",
    "seam": "the move from one file to the next is within quality.max_seam_move",
    "stale_close": "at most quality.max_stale traded candles in a row leave the close as it was",
    "range": "a feature stays within its bounds",
    "constant": "a column has more than one value",
    "duplicate": "no two features are equal in every row",
    "label_range": "direction is 0 or 1, trend strength in 0..1",
    "label_balance": "up and down have at least quality.min_label_share each",
    "label_missing": "labels that are not there are within quality.max_missing_labels",
    "drift": "the last test is within quality.max_psi and quality.max_ks of its training",
}


def write_data_report() -> Path:
    """Write the page; FileNotFoundError names the file that is missing."""
    cards, expectations = read_json(CARDS), read_json(EXPECTATIONS)
    # Without a pass the splits stage did not run, and its files are of other data.
    splits = read_json(SPLITS) if expectations["passed"] and SPLITS.is_file() else {}
    failures = expectations["failures"] + splits.get("failures", [])
    n_critical = sum(failure["severity"] == "critical" for failure in failures)
    shown = [symbol for symbol in few(cards, "missing") if symbol in cards]
    return write_page(
        PAGE,
        "data_report.html.j2",
        passed=expectations["passed"] and not splits.get("leaks") and n_critical == 0,
        failures=failures,
        n_critical=n_critical,
        n_leaks=len(expectations["leaks"]) + len(splits.get("leaks", [])),
        market=(read_origin("data/candles") or {}).get("description"),
        cards=few(cards, "missing"),
        n_symbols=len(cards),
        symbols=shown,
        left_out=told_of_few(cards, "number of missing candles"),
        card_keys=list(dict.fromkeys(key for card in cards.values() for key in card)),
        oddities=read_json(ODDITIES) if ODDITIES.is_file() else {},
        counts=expectations["tables"],
        rules=by_rule(expectations.get("rules", [])),
        meanings=MEANINGS,
        audits=audit_rows(expectations) + audit_rows(splits),
        random_walk=expectations.get("random_walk"),
        drift=splits.get("drift", []),
        charts=draw_candles(shown),
    )


def by_rule(records: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Group the records of `rules` by table and rule, then by symbol, in the order they come."""
    grouped: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for record in records:
        grouped.setdefault((record["table"], record["rule"]), {})[record["symbol"]] = record
    return grouped


def audit_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the audits of a report, each with its first leak, or None, as `first`."""
    leaks = report.get("leaks", [])

    def first_of(audit: dict[str, Any]) -> dict[str, Any] | None:
        same = (leak for leak in leaks if leak["audit"] == audit["name"])
        return next((leak for leak in same if leak.get("symbol") == audit.get("symbol")), None)

    return [{**audit, "first": first_of(audit)} for audit in report.get("audits", [])]
