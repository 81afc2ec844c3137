"""The report of the latest run, `reports/index.html`: one page that opens offline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.evaluation.latency import LatencyParams
from tapeline.models.selected import selection_of
from tapeline.models.table import FILES, MODELS, NETWORKS, TRADED, models_of
from tapeline.nets.skill import no_skill
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.promotion.release_record import RunRecord
from tapeline.quality.report import require_passed
from tapeline.reports.account_tables import by_month, read_equity
from tapeline.reports.cards import RunTables, make_cards
from tapeline.reports.changes import compare_run
from tapeline.reports.data_report import audit_rows
from tapeline.reports.many_symbols import few, told_of_few
from tapeline.reports.pages import embed, write_page
from tapeline.reports.run_charts import draw_run
from tapeline.reports.run_head import count_gates, identify, market_words
from tapeline.reports.trade_tables import COLUMNS, as_script, by_symbol, read_trades, rows_of
from tapeline.reports.wording import Wording, equated, name_of
from tapeline.schema import DIRECTION, TREND_STRENGTH, Symbols

PAGE, PROMOTION = Path("reports/index.html"), Path("metrics/detail/promotion.json")
MakeTrades = Callable[[], pd.DataFrame]
Stale = Callable[[], list[str]]
Deflate = Callable[[dict[str, Any], dict[str, Any]], tuple[float | None, int]]
METRICS = ("data", *FILES, "latency")
DETAILS = (
    "evaluation", "backtest", "expectations", "splits",
    "baselines_training", *(f"{model.name}_training" for model in NETWORKS),
)  # fmt: skip


def write_report(deflate: Deflate, make_trades: MakeTrades, stale: Stale = list) -> Path:
    """Write the page of the whole run from `metrics/` and `plots/`.

    `deflate` gives the deflated Sharpe ratio of a backtest's metrics and detail, and the trials counted;
    `make_trades`, the run's single trades, made again; `stale`, stages whose files are not of one run.

    FileNotFoundError names the file that is missing; QualityError says that the data did not pass: figures
    are then of an earlier run.
    """
    require_passed("metrics/detail/expectations.json")
    metrics = {name: read_json(f"metrics/{name}.json") for name in METRICS}
    detail = {name: read_json(f"metrics/detail/{name}.json") for name in DETAILS}
    params = Params.read()
    initial = params.value("signals.initial_balance", float)
    wording = Wording(account_currency(params), params.value("ftmo.control_runs", int))
    equity = read_equity(list(detail["backtest"].get("symbols") or {}), initial)
    charts, scripts = embed(draw_run(equity))
    audits = audit_rows(detail["expectations"]) + audit_rows(detail["splits"])
    budget = params.section("latency", LatencyParams).p99_budget_ms
    run = RunRecord.read(PROMOTION.read_bytes(), f"{PROMOTION}: can't be read")
    try:
        deflated, trials = deflate(metrics["backtest"], detail["backtest"])
    except ArtifactError:  # outside a repository trials can't be counted
        deflated, trials = None, 0
    trainings = {model.name: detail[f"{model.name}_training"]["folds"] for model in NETWORKS}
    unskilled = {
        name: {fold: told for fold, figures in folds.items() if (told := no_skill(figures))}
        for name, folds in trainings.items()
    }
    selections = {
        model: selection_of(model, run.bundles[model.artifact].refit)
        for model in MODELS
        if model.artifact in run.bundles
    }
    traded = TRADED[0]
    tables = RunTables(
        metrics=metrics,
        controls=detail["evaluation"][traded.name].get("controls") or {},
        traded=traded.name,
        equity=equity,
        reliability=pd.read_csv("plots/reliability.csv"),
        initial=initial,
        gates=run.gates,
    )
    trades, no_trades = read_trades(make_trades, metrics["backtest"])
    span = equity["timestamp"].iloc[-1] - equity["timestamp"].iloc[0] + pd.Timedelta(hours=1)
    lines = [] if trades is None else rows_of(trades)
    measured = at_measured_latency(detail["backtest"]["latency"], metrics["latency"])
    return write_page(
        PAGE,
        "report.html.j2",
        filters={
            "said": wording.said,
            "name_of": name_of,
            "equated": equated,
            "limit": wording.gate,
            "few": few,
            "told_of_few": told_of_few,
        },
        wording=wording,
        stale=stale(),
        market=market_words(run.bundles[traded.artifact].market, equity),
        identity=identify(run, traded.artifact),
        counted=count_gates(run.gates, traded.artifact, wording),
        cards=make_cards(tables, wording),
        contents=contents(),
        comparisons=compare_run(metrics, traded.name, traded.artifact, wording),
        trades=lines,
        trade_columns=COLUMNS,
        trade_script=as_script(lines),
        no_trades=no_trades,
        exposure={} if trades is None else by_symbol(trades, span, initial),
        months=by_month(pd.read_csv("plots/daily_pnl.csv"), initial),
        has_held="buy_and_hold" in equity,
        metrics=metrics,
        detail=detail,
        run=run,
        models=MODELS,
        networks=NETWORKS,
        directions=models_of(DIRECTION),
        strengths=models_of(TREND_STRENGTH),
        traded=traded,
        charts=charts,
        scripts=scripts,
        audits=audits,
        measured=measured,
        budget=budget,
        verdicts={name: count_gates(run.gates_of(name), name, wording) for name in run.bundles},
        unskilled=unskilled,
        selections=selections,
        deflated=deflated,
        trials=trials,
    )


def contents() -> list[tuple[str, str]]:
    """Anchor and title of every section, in order."""
    directions = [
        (
            "probabilities" if model is TRADED[0] else f"probabilities-{model.name}",
            f"Probabilities ({model.title})",
        )
        for model in models_of(DIRECTION)
    ]
    strengths = [(f"strength-{m.name}", f"Trend strength ({m.title})") for m in models_of(TREND_STRENGTH)]
    first = [("words", "In sentences"), ("changes", "What changed"), ("gates", "Gates")]
    between = [("tiers", "Tiers"), ("sessions", "Sessions")]
    money = [
        ("account", "Account"),
        ("trades", "Trades"),
        ("edge", "Where an edge would be"),
        ("ftmo", "FTMO"),
    ]
    last = [("costs", "Costs and latency"), ("training", "Training"), ("data", "Data")]
    return [*first, *directions, *between, *strengths, *money, *last]


def account_currency(params: Params) -> str:
    """What the instruments of the run's symbols are quoted in, as in BTCUSD; words where they differ."""
    names = params.value("instruments", dict[str, str])
    traded = [names.get(symbol, symbol) for symbol in params.value("data.symbols", Symbols)]
    quoted = {name[-3:].upper() for name in traded}
    return quoted.pop() if len(quoted) == 1 else "in account currency"


def at_measured_latency(curve: dict[str, Any], latency: dict[str, float | None]) -> dict[str, float] | None:
    """Net PnL at the 99th percentile of the time from candle to all predictions, between the grid's points.

    None without trades. The time from the exchange to here, and from here to the broker, comes on top.
    """
    measured = latency["all_latency_p99_ms"]
    points = sorted((point["latency_s"], point["net_pnl"]) for point in curve.values())
    if measured is None or any(net is None for _, net in points):
        return None
    seconds = measured / 1000
    on_grid, net_pnl = zip(*points, strict=True)
    return {"seconds": seconds, "net_pnl": float(np.interp(seconds, on_grid, net_pnl))}
