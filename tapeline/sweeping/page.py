"""The page of a sweep, `reports/sweep.html`, which opens offline, and the table of all it tried."""

from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.outputs import write_csv
from tapeline.reports.pages import embed, write_page
from tapeline.sweeping.charts import FILE, draw_sweep, written
from tapeline.sweeping.finalists import Finalist
from tapeline.sweeping.outcome import Outcome
from tapeline.sweeping.plan import SweepPlan

PAGE = Path("reports/sweep.html")


def write_sweep_page(plan: SweepPlan, found: Outcome, table: pd.DataFrame) -> Path:
    """Write the table and then the page of a finished sweep."""
    write_csv(FILE, table)
    charts, scripts = embed({"sweep": draw_sweep(plan, table)})
    return write_page(
        PAGE,
        "sweep.html.j2",
        plan=plan,
        found=found,
        rows=[_row(plan, each) for each in found.finalists],
        chosen=_row(plan, found.chosen),
        keys=[*plan.keys, *plan.given_keys],
        file=FILE,
        charts=charts.get("sweep", []),
        scripts=scripts,
    )


def _row(plan: SweepPlan, each: Finalist) -> dict[str, Any]:
    """A finalist as a row of the table."""
    chance = each.probability
    values = [*plan.choices[each.number], *plan.conditions[each.condition]]
    return each.figures | {
        "number": each.number,
        "values": [written(value) for value in values],
        "breached": each.breached,
        "deflated_sharpe": each.deflated_sharpe,
        "passed": None if chance is None else chance.passed,
        "passed_low": None if chance is None else chance.low,
        "passed_high": None if chance is None else chance.high,
    }
