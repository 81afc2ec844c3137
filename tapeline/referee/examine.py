"""The whole examination: what a run left, taken as plain tables, against what the referee derives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

import numpy as np

from tapeline.parallel import side_by_side
from tapeline.referee.accounts import check_account, check_decisions
from tapeline.referee.baselines import BASELINES, BaselineClaims, check_baseline
from tapeline.referee.calibration import check_calibration
from tapeline.referee.candles import SymbolCandles, check_candles, check_table
from tapeline.referee.ceilings import check_ceilings
from tapeline.referee.claims import ModelClaims, Run
from tapeline.referee.controls import CONTROLS, check_controls
from tapeline.referee.decisions import called, check_due
from tapeline.referee.ensembles import check_ensemble
from tapeline.referee.figures import (
    check_constancy,
    check_figures,
    check_tier_a,
    check_tiers,
    score_rows,
    with_tiers,
)
from tapeline.referee.findings import Findings, Place
from tapeline.referee.folds import Parts, check_folds, read_parts, with_refit
from tapeline.referee.learned import check_learned, check_predictions, check_start
from tapeline.referee.offered import check_offered
from tapeline.referee.random_sides import check_random_sides
from tapeline.referee.rules import AccountRules, RowRules, TierRules
from tapeline.referee.scalers import check_scalers
from tapeline.row_records import LearnedRows
from tapeline.schema import DIRECTION

# Without any of these nothing is known of a run; labels, fills and money may lack where nothing was traded.
NEEDED = (
    "candles", "feature rows", "folds", "test rows", "validation rows", "learned rows", "figures", BASELINES,
    CONTROLS,
)  # fmt: skip
POOL = "backtest"  # title of the account of all tests
CANDIDATE = "candidate"  # title of the account on its rows alone
FEATURES_AT_ONCE = 25  # of the scalers, that are a part of what is derived


@dataclass(frozen=True)
class Part:
    """What is derived by itself: its `title`, and the check that adds to the findings it is called with."""

    title: str
    check: Callable[[Findings], None]

    def __str__(self) -> str:
        return self.title

    @property
    def findings(self) -> Findings:
        """What the check finds."""
        findings = Findings()
        self.check(findings)
        return findings


def examine(run: Run, rows: RowRules, tiers: TierRules, account: AccountRules) -> Findings:
    """Derive anew what `run` claims, by what was declared; return every comparison.

    What rests on candles and folds alone is derived part after part, or side by side on a cluster.
    """
    findings = Findings()
    market = []
    for symbol, table in run.candles.items():
        market.append(candles := SymbolCandles.of_table(symbol, table, rows))
        check_candles(candles, table["segment"].to_numpy(), findings)
        check_table(candles, run.features[symbol], findings)
    folds = read_parts(run.splits)
    end = (
        max((int(c.time[c.has_features].max()) for c in market if c.has_features.any()), default=0)
        + rows.step
    )
    check_folds(folds, rows, end, findings)
    learned = with_refit(folds, end) if rows.is_refit else folds
    names = [f"fold_{k}" for k in range(len(folds))] + ["refit"] * rows.is_refit
    parts = _parts(run, market, dict(zip(names, learned, strict=True)), folds, tiers, account)
    for found in side_by_side(attrgetter("findings"), parts, workers=1):
        findings.add(found)
    return findings


def _parts(
    run: Run,
    market: list[SymbolCandles],
    learned: Mapping[str, Parts],
    folds: list[Parts],
    tiers: TierRules,
    account: AccountRules,
) -> list[Part]:
    """Each baseline's rows, each model's and its figures, scalers some features at once, accounts.

    learned : by name the folds that models were trained on, a refitted one's among them
    """
    every: tuple[ModelClaims | BaselineClaims, ...] = (*run.models, *run.baselines)
    fitted = [
        (model.predictions.name, k, model.models[name]) for model in every for k, name in enumerate(learned)
    ]
    features = list(dict.fromkeys(name for _, _, model in fitted for name in model["features"]))
    blocks = [features[k : k + FEATURES_AT_ONCE] for k in range(0, len(features), FEATURES_AT_ONCE)]
    trained = list(learned.values())
    return [
        *(
            Part(f"baseline {baseline.predictions.name}", partial(check_baseline, baseline, learned, market))
            for baseline in run.baselines
        ),
        *(
            Part(model.predictions.name, partial(_check_claims, model, run, market, learned, folds, tiers))
            for model in run.models
        ),
        *(
            Part(
                f"scalers of {some[0]}",
                partial(check_scalers, fitted, some, trained, market, run.read_columns),
            )
            for some in blocks
        ),
        Part("accounts", partial(check_accounts, run, market, tiers, account)),
    ]


def _check_claims(
    model: ModelClaims,
    run: Run,
    market: list[SymbolCandles],
    learned: Mapping[str, Parts],
    folds: list[Parts],
    tiers: TierRules,
    findings: Findings,
) -> None:
    """What was learned and predicted, then the figures that are told of it."""
    _check_model(model, run.baselines, learned, market, findings)
    _check_metrics(model, run, market, tiers, folds, findings)


def _check_model(
    model: ModelClaims,
    baselines: tuple[BaselineClaims, ...],
    folds: Mapping[str, Parts],
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """What was predicted, and what each fold's model has learned and was calibrated from, or chosen among."""
    predictions, training = model.predictions, model.training
    check_predictions(predictions, list(folds.values()), market, findings)
    if model.members:
        check_ensemble(predictions, model.members, len(folds), market, findings)
        return
    if training is None:
        among = [each for each in baselines if each.predictions.label == predictions.label]
        check_offered(predictions, model.models, among, list(folds), market, findings)
        return
    for k, (name, parts) in enumerate(folds.items()):
        record = training.get("rows", {}).get(name)
        what = f"{predictions.name}'s rows"
        findings.hold(
            "learned rows", what, record is not None, "not recorded: train again", "there", Place(k)
        )
        if record is not None:
            used = LearnedRows.model_validate(record, strict=False)
            check_learned(predictions.name, predictions.label, used, k, parts, market, findings)
            made_from = model.models[name].get("made_from", {})
            check_start(predictions.name, used.start, made_from, k, folds, market[0].rules, findings)
        loss, calibration = (
            training["folds"][name]["validation_loss_calibrated"],
            model.models[name]["calibration"],
        )
        check_calibration(predictions, calibration, loss, k, market, findings)


def _check_metrics(
    model: ModelClaims,
    run: Run,
    market: list[SymbolCandles],
    tiers: TierRules,
    folds: list[Parts],
    findings: Findings,
) -> None:
    """The declared figures of all rows and of the candidate, its controls, and of a direction its tiers."""
    predictions, rules, n_folds = model.predictions, market[0].rules, len(folds)
    is_refit = rules.is_refit
    ships = n_folds if is_refit else n_folds - 1
    shown = predictions.validation if is_refit else predictions.test
    own = shown.loc[shown["fold"] == ships, "prediction"].to_numpy(np.float64)
    check_constancy(predictions.name, own, model.metrics, findings)
    scored = score_rows(predictions.test, predictions.label, market, run.ceilings)
    if predictions.label == DIRECTION:
        scored = with_tiers(scored, tiers, predictions.validation)
        check_tiers(scored, tiers, predictions.validation, model.detail, ships, findings)
        check_tier_a(predictions.name, tiers, model.detail, model.metrics, findings)
    candidate = None if is_refit else n_folds - 1
    check_figures(predictions.name, predictions.label, scored, model.metrics, candidate, rules, findings)
    said = {
        baseline.kind: baseline.predictions
        for baseline in run.baselines
        if baseline.predictions.label == predictions.label and (model.training is not None or model.members)
    }  # what is offered of the baselines has the rules alone beside it
    said |= {member.name: member for member in model.members}
    beside = {name: score_rows(each.test, predictions.label, market, {}) for name, each in said.items()}
    scored = scored.rows(~np.isnan(scored.label))
    check_ceilings(
        predictions.name, predictions.label, scored, model.ceilings, model.metrics, run.ceilings, findings
    )
    check_controls(
        predictions.name, predictions.label, scored, model.controls, model.metrics, beside, folds, market,
        findings,
    )  # fmt: skip


def check_accounts(
    run: Run, market: list[SymbolCandles], tiers: TierRules, rules: AccountRules, findings: Findings
) -> None:
    """Every account's decisions, fills and money."""
    direction, trend = (model.predictions for model in run.models[:2])
    scored = with_tiers(score_rows(direction.test, direction.label, market, {}), tiers, direction.validation)
    strengths = score_rows(trend.test, trend.label, market, {})
    keys = zip(strengths.symbol.tolist(), strengths.time.tolist(), strict=True)
    allowed = dict(zip(keys, strengths.prediction.tolist(), strict=True)) if tiers.minimum_trend else {}
    is_called = called(scored, allowed, tiers)
    for title, (account, figures) in run.accounts.items():
        own = np.full(scored.fold.size, True)
        if title == CANDIDATE and not market[0].rules.is_refit:
            own = scored.fold == len(run.splits["folds"]) - 1
        check_decisions(account.trades, scored, allowed, tiers, title, findings)
        check_account(account.trades, account.path, figures, market, rules, title, findings)
        check_due(account, figures, scored.rows(own), is_called[own], market, rules, title, findings)
        if title == POOL:
            called_rows = scored.rows(is_called)
            check_random_sides(
                run.tossed, account.trades, figures["ftmo"], called_rows, market, rules, findings
            )
