"""Out-of-sample figures of every model beside controls, and a backtest with costs."""

import logging

from tapeline.models.table import MODELS, TRADED
from tapeline.outputs import write_csv, write_json
from tapeline.params import Params
from tapeline.schema import Refit, Symbols, Workers
from tapeline.scoring.models import (
    Scoring,
    defined_figures,
    direction_plots,
    read_scored_features,
    undefined_reasons,
)
from tapeline.scoring.rows import read_rows
from tapeline.splits.candidate import Candidate
from tapeline.splits.folds import read_folds
from tapeline.stage import run_stage
from tapeline.trading.params import TradingParams
from tapeline.trading.trade import trade


def main(log: logging.Logger) -> None:
    """Score, trade, write."""
    params = Params.read()
    trading = TradingParams.read(params)
    symbols, folds = params.value("data.symbols", Symbols), read_folds("data/splits.json")
    candidate = Candidate(len(folds), params.value("promotion.refit", Refit) == "all")
    scoring = Scoring(
        read_rows(symbols, trading.minutes, trading.horizon),
        read_scored_features(symbols),
        folds,
        candidate,
        trading.signals,
        trading.evaluation,
        trading.minutes,
        params.value("train.workers", Workers),
    )
    predicted = {model: scoring.read(model) for model in MODELS}
    scored = {model: scoring.score(predictions) for model, predictions in predicted.items()}
    for model, (metrics, detail) in scored.items():
        write_json(f"metrics/{model.name}.json", metrics.plain())
        log.info("%s; %s", predicted[model].counts, defined_figures(metrics))
        for line in undefined_reasons(model.name, detail):
            log.warning(line)
    write_json("metrics/detail/evaluation.json", scoring.details(scored))
    direction, trend = (predicted[model] for model in TRADED)
    traded = trade(direction.test, trend.test, direction.validation, candidate, trading)
    for name, figures in traded.metrics.items():
        write_json(f"metrics/{name}.json", figures.plain())
        log.info("%s: %s", name, defined_figures(figures))
    for name, detail in traded.details.items():
        write_json(f"metrics/detail/{name}.json", detail)
    for name, plot in (direction_plots(direction.scored, trading.evaluation) | traded.plots).items():
        write_csv(f"plots/{name}.csv", plot)


if __name__ == "__main__":
    run_stage("evaluate", main)
