"""Out-of-sample figures of every model beside controls, and a backtest with costs; all of it refereed."""

import logging

from tapeline.evaluation.sentences import sentence
from tapeline.market.origin import read_origin
from tapeline.memory import require_memory
from tapeline.models.table import MODELS, TRADED
from tapeline.outputs import write_csv, write_json
from tapeline.parallel import side_by_side
from tapeline.params import Params
from tapeline.referee.examine import NEEDED
from tapeline.schema import Symbols
from tapeline.scoring.models import Scoring, direction_plots, undefined_reasons
from tapeline.scoring.refereed import referee
from tapeline.splits.candidate import read_candidate
from tapeline.splits.folds import read_folds
from tapeline.stage import run_stage
from tapeline.trading.params import TradingParams
from tapeline.trading.refereed import account_rules, traded_accounts
from tapeline.trading.trade import trade


def main(log: logging.Logger) -> None:
    """Score, trade, write; then let the referee derive it anew, and end the run where they differ."""
    params = Params.read()
    require_memory(params, "evaluate")
    trading, folds = TradingParams.read(params), read_folds("data/splits.json")
    candidate = read_candidate(params)
    scoring = Scoring.of_run(params, folds, candidate, trading.signals, trading.evaluation)
    log.info("%s", (read_origin("data/candles") or {}).get("description", "Candles of an unknown market."))
    names = [model.name for model in MODELS]
    # One after the other here, so that one model's rows are held; a cluster does all at once.
    judged = dict(zip(names, side_by_side(scoring.judge, names, workers=1), strict=True))
    for name, model in judged.items():
        write_json(f"metrics/{name}.json", model.metrics.plain())
        log.info("%s; %s", model.counts, sentence(model.metrics))
        for line in undefined_reasons(name, model.detail):
            log.warning(line)
    write_json("metrics/detail/evaluation.json", scoring.details(judged))
    direction, trend = (scoring.read(model) for model in TRADED)
    traded = trade(direction.test, trend.test, direction.validation, candidate, trading)
    for name, figures in traded.metrics.items():
        write_json(f"metrics/{name}.json", figures.plain())
        log.info("%s: %s", name, sentence(figures))
    for name, detail in traded.details.items():
        write_json(f"metrics/detail/{name}.json", detail)
    for name, plot in (direction_plots(direction.scored, trading.evaluation) | traded.plots).items():
        write_csv(f"plots/{name}.csv", plot)
    rules = account_rules(trading, params.value("data.symbols", Symbols))
    accounts = traded_accounts(direction.test, trend.test, candidate, trading)
    findings = referee(params, trading.signals, rules, accounts, traded.tossed)
    write_json("metrics/detail/referee.json", findings.record)
    log.info(findings.summary)
    findings.require_none(NEEDED)


if __name__ == "__main__":
    run_stage("evaluate", main)
