"""The page of a search, `reports/tuning.html`, which opens offline."""

from pathlib import Path

import optuna

from tapeline.promotion.selection import TuningRecord, judge_selection
from tapeline.reports.pages import embed, write_page
from tapeline.tuning.charts import draw_search
from tapeline.tuning.outcome import Outcome, interval
from tapeline.tuning.plan import TuningPlan

PAGE = Path("reports/tuning.html")


def write_tuning_page(study: optuna.Study, plan: TuningPlan, found: Outcome, record: TuningRecord) -> Path:
    """Write the page of a finished search."""
    charts, scripts = embed({"search": draw_search(study, record, plan.tune.seed)})
    selection = judge_selection([record], plan.market, plan.first_test, plan.own_test)
    inner = [
        {part: " to ".join(f"{time:%Y-%m-%d %H:%M}" for time in getattr(fold, part)) for part in vars(fold)}
        for fold in plan.folds
    ]
    return write_page(
        PAGE,
        "tuning.html.j2",
        plan=plan,
        record=record,
        found=found,
        scores=[interval(score) for score in found.scores],
        lead=interval(found.lead),
        selection=selection,
        inner=inner,
        keys=list(plan.ranges),
        charts=charts["search"],
        scripts=scripts,
    )
