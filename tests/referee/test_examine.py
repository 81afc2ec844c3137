"""The whole examination on a run made by loops: nothing differs, and every planted fault does."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import RefereeError
from tapeline.referee.examine import NEEDED, examine
from tests.referee.hand_made import (
    ACCOUNT,
    MINUTE,
    ROWS,
    TIERS,
    with_model,
    with_predictions,
    with_trades,
)

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in


def examined(run, rows=ROWS, tiers=TIERS, account=ACCOUNT):
    """The findings on a run."""
    return examine(run, rows, tiers, account)


@pytest.fixture(scope="module")
def claims(run):
    """The run without its accounts, which take most of an examination: what models and baselines claim."""
    return replace(run, accounts={})


def first(run, **rules):
    """Check and message of the first difference."""
    found = examined(run, **rules).differences
    return (found[0].check, str(found[0])) if found else None


def test_a_right_run_differs_in_nothing(run):
    """By loops of the words of the rules; stops and exits by time, a gap and filled candles are in it."""
    findings = examined(run)
    assert first(run) is None
    assert all(findings.compared[name] > 0 for name in NEEDED)
    assert all(findings.compared[name] > 20 for name in ("labels", "decisions", "fills", "money"))
    assert set(run.accounts["backtest"][0].trades["reason"]) == {"time", "stop"}
    assert run.candles["BBB"]["is_filled"].any()
    assert run.candles["AAA"]["segment"].max() == 1
    findings.require_none(NEEDED)


def dropped(table, is_kept):
    """A table without some rows."""
    return table[is_kept].reset_index(drop=True)


@pytest.mark.parametrize("position", [0, 1])
def test_a_row_that_had_to_be_predicted_and_was_not_is_named(claims, position):
    """Model, fold, symbol and candle."""
    test = claims.models[position].predictions.test
    gone = test.iloc[17]
    check, message = first(with_predictions(claims, position, test=test.drop(index=17)))
    assert check == "test rows"
    for part in (claims.models[position].predictions.name, f"fold {gone.fold}", gone.symbol, "is not there"):
        assert part in message
    assert gone.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ") in message


def test_predictions_written_for_confident_rows_alone_are_found(claims):
    """Of the test and of the validation, by which tiers are cut."""
    for part in ("test", "validation"):
        table = getattr(claims.models[0].predictions, part)
        sure = np.abs(table["prediction"] - 0.5) > 0.1
        assert first(with_predictions(claims, 0, **{part: dropped(table, sure)}))[0] == f"{part} rows"


def test_rows_of_no_direction_belong_to_the_test_and_not_to_the_validation(claims):
    """A test row needs a window and nothing else; equal prices or a missing future don't drop it."""
    label = pd.concat(t.assign(symbol=s) for s, t in claims.features.items())
    test = claims.models[0].predictions.test.merge(label, on=["symbol", "timestamp"])
    assert test["direction"].isna().any()
    kept = dropped(claims.models[0].predictions.test, test["direction"].notna().to_numpy())
    assert "is not there" in first(with_predictions(claims, 0, test=kept))[1]
    validation = claims.models[0].predictions.validation
    start = pd.Timestamp(claims.splits["folds"][0]["validation"]["start"])
    flat = label[label["direction"].isna() & (label["timestamp"] >= start)].iloc[:1]
    extra = flat[["symbol", "timestamp"]].assign(fold=0, prediction=0.5)
    found = first(with_predictions(claims, 0, validation=pd.concat([validation, extra], ignore_index=True)))
    assert found[0] == "validation rows"
    assert "is there, and must be left out" in found[1]


def test_a_prediction_under_another_candle_fold_or_twice_is_found(claims):
    """The same numbers at rows that are not theirs."""
    test = claims.models[0].predictions.test
    late = test.assign(timestamp=test["timestamp"] + MINUTE)
    assert first(with_predictions(claims, 0, test=late))[0] == "test rows"
    other = test.assign(fold=test["fold"].where(test.index != 3, 1))
    assert first(with_predictions(claims, 0, test=other))[0] == "test rows"
    twice = pd.concat([test, test.iloc[[3]]], ignore_index=True)
    assert "2, and must be 1" in first(with_predictions(claims, 0, test=twice))[1]


def test_a_window_over_a_gap_is_found(claims):
    """Rows of a segment's start were predicted: their window lies in the segment before."""
    folds = copy.deepcopy(claims.splits)
    edge = claims.candles["AAA"].loc[claims.candles["AAA"]["segment"] == 1, "timestamp"].iloc[0]
    early = pd.DataFrame(
        {"symbol": ["AAA"], "timestamp": [edge + 8 * MINUTE], "fold": [0], "prediction": [0.6]}
    )
    validation = claims.models[0].predictions.validation
    folds["folds"][0]["validation"]["start"] = edge.isoformat()
    found = examined(
        replace(with_predictions(claims, 0, validation=pd.concat([validation, early])), splits=folds)
    )
    said = [d for d in found.differences if d.check == "validation rows" and d.value == "is there"]
    assert said
    assert said[0].candle == (edge + 8 * MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("label", ["direction", "trend_strength"])
@pytest.mark.parametrize("shift", [-1, 1])
def test_labels_that_are_a_candle_off_are_found(claims, label, shift):
    """In the stored table, and by their means in what the training learned from."""
    features = {s: t.assign(**{label: t[label].shift(shift)}) for s, t in claims.features.items()}
    check, message = first(replace(claims, features=features))
    assert check == "labels"
    assert f"stored {label}" in message


@pytest.mark.parametrize("used", ["scaled", "trained", "stopped", "span_firsts", "span_lasts"])
@pytest.mark.parametrize(
    "key", ["digest", *(pytest.param(key, marks=pytest.mark.slow) for key in ("rows", "first", "last"))]
)
def test_other_rows_than_those_that_may_be_learned_from_are_found(claims, used, key):
    """Of the scaler, the losses, early stopping and the chunks, each by count, ends and digest."""
    training = copy.deepcopy(claims.models[0].training)
    record = training["rows"]["fold_1"][used]["BBB"]
    record[key] = record[key] + 1 if key == "rows" else "else"
    check, message = first(with_model(claims, 0, training=training))
    assert check == "learned rows"
    assert used.replace("_", " ") in message
    assert "(fold 1, BBB)" in message


def test_labels_learned_a_candle_off_or_of_another_horizon_are_found(claims):
    """Their mean and moment are those of no other labels of the same rows."""
    training = copy.deepcopy(claims.models[1].training)
    record = training["rows"]["fold_0"]["trained"]["AAA"]
    record["label_moment"] += 1e-6
    assert first(with_model(claims, 1, training=training))[0] == "learned labels"


def began(claims, fold, start, said=None):
    """The run whose first network's `fold` began as `start` says, and by its own JSON as `said`."""
    training, models = copy.deepcopy(claims.models[0].training), copy.deepcopy(dict(claims.models[0].models))
    training["rows"][fold]["start"] = start
    models[fold]["made_from"] = {"start": said or start["of"]}
    return with_model(claims, 0, training=training, models=models)


@pytest.mark.parametrize("later", ["train", "validation"])
@pytest.mark.parametrize("late", [0, 1])
def test_weights_of_a_bundle_that_has_seen_a_validation_are_found(claims, later, late):
    """To the candle: a label and the embargo lie between all that it learned from and the validation."""
    validation = pd.Timestamp(claims.splits["folds"][1]["validation"]["start"])
    latest = validation - (ROWS.horizon + ROWS.embargo + 1) * MINUTE
    early, last = (latest - 50 * MINUTE).isoformat(), (latest + late * MINUTE).isoformat()
    span = {part: [early, last if part == later else early] for part in ("train", "validation")}
    found = first(began(claims, "fold_1", {"of": "bundle", "bundle": "1a2b", "span": span}))
    assert (found is not None) == bool(late)
    if late:
        assert found[0] == "learned rows"
        assert "first weights: end of what they learned from (fold 1)" in found[1]


def test_weights_that_began_otherwise_than_the_model_says_or_tell_no_span_are_found(claims):
    """Of another fold than the one before, of none, of a bundle that learned from nothing."""
    assert "fold_1 by its model" in first(began(claims, "fold_1", {"of": "fold_0"}, said="fold_1"))[1]
    for other in ("fold_1", "fold_2"):
        assert "must be fold_0" in first(began(claims, "fold_1", {"of": other}))[1]
    assert "must be None" in first(began(claims, "fold_0", {"of": "fold_1"}))[1]
    told = first(began(claims, "fold_1", {"of": "bundle", "bundle": "1a2b"}))[1]
    assert "must be of training and validation" in told


def test_weights_of_the_fold_before_that_was_stopped_within_this_validation_are_found(claims):
    """By folds whose validation is longer than their tests, as those of this run are."""
    check, message = first(began(claims, "fold_1", {"of": "fold_0"}))
    assert check == "learned rows"
    assert "end of what they learned from (fold 1)" in message


def test_a_training_without_its_record_is_refused_in_words(claims):
    """As one that an older version left."""
    training = {"folds": claims.models[0].training["folds"]}
    check, message = first(with_model(claims, 0, training=training))
    assert (check, "not recorded" in message) == ("learned rows", True)


def test_a_purge_or_an_embargo_that_is_missing_is_found(claims):
    """A part that ends one candle later than a label and the embargo allow."""
    for part in ("train", "validation"):
        splits = copy.deepcopy(claims.splits)
        span = splits["folds"][1][part]
        span["end"] = (pd.Timestamp(span["end"]) + MINUTE).isoformat()
        found = examined(replace(claims, splits=splits)).differences[0]
        assert (found.check, found.fold) == ("folds", 1)
        assert f"end of {part}" in str(found)
    assert first(claims, rows=replace(ROWS, embargo=ROWS.embargo + 1))[0] == "folds"


def test_tests_that_leave_candles_out_or_come_twice_are_found(claims):
    """They tile the end of the candles."""
    for fold, end in ((0, -MINUTE), (1, -MINUTE), (0, MINUTE)):
        splits = copy.deepcopy(claims.splits)
        span = splits["folds"][fold]["test"]
        span["end"] = (pd.Timestamp(span["end"]) + end).isoformat()
        assert first(replace(claims, splits=splits))[0] == "folds"


def test_a_random_split_within_training_is_found(claims):
    """Validation rows drawn from the training part, in time between those trained on."""
    training = copy.deepcopy(claims.models[0].training)
    rows = training["rows"]["fold_0"]
    rows["trained"], rows["stopped"] = (
        {s: r | {"digest": "0", "rows": r["rows"] - 9} for s, r in rows["trained"].items()},
        {s: r | {"first": rows["trained"][s]["first"]} for s, r in rows["stopped"].items()},
    )
    found = {d.what for d in examined(with_model(claims, 0, training=training)).differences}
    assert {"lstm's rows trained: rows", "lstm's rows stopped: first"} <= found


@pytest.mark.parametrize(
    "key", ["rows", "accuracy_all", "log_loss", "brier", "ceiling", "candidate_accuracy_all"]
)
def test_a_figure_that_is_off_is_named(claims, key):
    """In its eighth digit, or by one row."""
    metrics = claims.models[0].metrics
    off = 1 if key == "rows" else 1e-8
    changed = with_model(claims, 0, metrics=metrics | {key: metrics[key] + off})
    assert first(changed)[0] == "figures"
    assert f"lstm.{key}" in first(changed)[1]


@pytest.mark.parametrize("key", ["ceiling_mae", "ceiling_rank_correlation"])
def test_a_ceiling_of_the_trend_that_is_off_is_named(claims, key):
    """Or one that is told of candles of which nothing is stored."""
    metrics = claims.models[1].metrics
    changed = with_model(claims, 1, metrics=metrics | {key: metrics[key] + 1e-8})
    assert f"transformer.{key}" in first(changed)[1]
    bare = {symbol: table[["timestamp", "probability"]] for symbol, table in claims.ceilings.items()}
    none = replace(with_model(with_model(claims, 0, ceilings={}), 1, ceilings={}), ceilings=bare)
    assert f"transformer.{key}" in {difference.what for difference in examined(none).differences}


@pytest.mark.parametrize("position", [0, 1])
def test_what_less_than_everything_allows_is_derived_anew(claims, position):
    """Every figure of each, the rows among them; one that is left out or made up is found."""
    name, claimed = claims.models[position].predictions.name, claims.models[position].ceilings
    for given, figures in claimed.items():
        for key, value in figures.items():
            amount = 1 if key == "rows" else 1e-7
            off = claimed | {given: figures | {key: value + amount}}
            check, message = first(with_model(claims, position, ceilings=off))
            assert (check, message.split(": ")[1]) == ("ceilings", f"{key} {given}")
    for wrong in ({}, claimed | {"from_nothing": claimed["window"]}):
        check, message = first(with_model(claims, position, ceilings=wrong))
        assert (check, message.startswith(f"{name}: ceilings of less")) == ("ceilings", True)


@pytest.mark.parametrize(
    ("key", "value"),
    [("precision_tier_a", 0.99), ("coverage_of_share_tier_a", 2.0), ("coverage_tier_a", None)],
)
def test_a_gates_figure_of_tier_a_that_is_not_its_details_is_found(claims, key, value):
    """As the upper end of its interval, or of another tier; what the detail says is derived anew."""
    tier = claims.models[0].detail["tiers"]["A"]
    right = {
        "precision_tier_a": tier["precision"],
        "coverage_tier_a": tier["coverage"],
        "coverage_by_confidence_tier_a": None,
        "coverage_of_share_tier_a": tier["coverage"] / 0.2,
    }
    metrics = claims.models[0].metrics | right
    assert examined(with_model(claims, 0, metrics=metrics)).differences == []
    found = first(with_model(claims, 0, metrics=metrics | {key: value}))
    assert found[0] == "figures"
    assert f"lstm.{key}" in found[1]


def test_a_candidate_that_says_one_number_and_is_not_told_so_is_found(claims):
    """And one that is told so, and is not."""
    metrics = claims.models[0].metrics | {"candidate_is_constant": 0}
    assert examined(with_model(claims, 0, metrics=metrics)).differences == []
    assert (
        "lstm.candidate_is_constant"
        in first(with_model(claims, 0, metrics=metrics | {"candidate_is_constant": 1}))[1]
    )


@pytest.mark.parametrize(
    ("position", "key"),
    [
        (0, "accuracy_all_low"), (0, "accuracy_all_high"), (0, "candidate_accuracy_all_low"),
        (0, "above_ceiling_low"), (1, "mae_low"), (1, "mae_high"),
    ],
)  # fmt: skip
def test_an_interval_as_of_independent_rows_is_found(claims, position, key):
    """Each end by itself, though its figure lies on the right side of it."""
    model = claims.models[position]
    metrics = model.metrics | {key: model.metrics[key] + 1e-7}
    check, message = first(with_model(claims, position, metrics=metrics))
    assert (check, message.split(":")[0]) == ("figures", f"{model.predictions.name}.{key}")


def test_a_fold_that_scores_only_rows_it_likes_is_found(claims):
    """Figures without the moves that were too small."""
    metrics = claims.models[1].metrics
    fewer = with_model(claims, 1, metrics=metrics | {"rows": metrics["rows"] - 3})
    assert "transformer.rows" in first(fewer)[1]


def test_thresholds_taken_from_the_test_are_found(claims):
    """By the range told, and by the rows and precision that other thresholds have."""
    sure = np.maximum(*(abs(k - claims.models[0].predictions.test["prediction"]) for k in (0, 1)))
    low = float(np.sort(sure)[-20])
    ranges = claims.models[0].detail["ranges"] | {"A": [low, 1.0]}
    changed = with_model(claims, 0, detail=claims.models[0].detail | {"ranges": ranges})
    assert "begin of tier A's range" in first(changed)[1]
    tiers = copy.deepcopy(claims.models[0].detail["tiers"])
    for key in ("rows", "coverage", "precision"):
        wrong = tiers | {"A": tiers["A"] | {key: tiers["A"][key] + (1 if key == "rows" else 1e-8)}}
        changed = with_model(claims, 0, detail=claims.models[0].detail | {"tiers": wrong})
        assert f"{key} of tier A" in first(changed)[1]
    assert first(claims, tiers=replace(TIERS, shares={"A": 0.1, "B": 0.5}))[0] == "tiers"


@pytest.mark.parametrize("position", [0, 1])
def test_a_loss_that_no_calibration_comes_to_is_found(claims, position):
    """Of validation, as each fold's training tells it."""
    training = copy.deepcopy(claims.models[position].training)
    training["folds"]["fold_1"]["validation_loss_calibrated"] += 1e-3
    check, message = first(with_model(claims, position, training=training))
    assert check == "validation loss"
    assert "fold 1" in message


def test_a_scaler_fitted_on_other_rows_or_features_a_candle_ahead_is_found(claims):
    """The mean over the training rows moves by more than rounding."""
    read = claims.read_columns

    def read_ahead(symbol, names):
        return {name: np.roll(column, -1) for name, column in read(symbol, names).items()}

    ahead = replace(claims, read_columns=read_ahead)
    assert first(ahead)[0] == "scalers"
    models = copy.deepcopy(claims.models[1].models)
    models["fold_1"]["scaler"]["std"][0] *= 1.0001
    assert "transformer's deviation of one" in first(with_model(claims, 1, models=models))[1]


def test_a_scaler_of_a_feature_that_one_model_alone_has_is_examined(claims):
    """Models need not be made of the same features."""
    read, models = claims.read_columns, copy.deepcopy(claims.models[1].models)

    def read_both(symbol, names):
        one = read(symbol, ["one"])["one"]
        return {name: one * 2 if name == "twice" else one for name in names}

    for model in models.values():
        model["features"].append("twice")
        for values in model["scaler"].values():
            values.append(2 * values[0])
    changed = replace(with_model(claims, 1, models=models), read_columns=read_both)
    assert not examined(changed).differences
    models["fold_1"]["scaler"]["mean"][1] += 1e-3
    assert "transformer's mean of twice" in first(changed)[1]


def test_a_gap_filled_from_the_candle_after_it_is_found(claims):
    """A filled candle repeats the close before it."""
    table = claims.candles["BBB"].copy()
    row = table.index[table["is_filled"]][0]
    table.loc[row, ["open", "high", "low", "close"]] = table["close"][row + 3]
    check, message = first(replace(claims, candles=claims.candles | {"BBB": table}))
    assert (check, "of a filled candle" in message) == ("candles", True)
    joined = claims.candles["AAA"].assign(segment=0)
    assert "whether a segment begins" in first(replace(claims, candles=claims.candles | {"AAA": joined}))[1]


def test_a_fill_at_the_deciding_candles_close_is_found(run):
    """Its price, and its time where that is told."""
    close = {(s, r.timestamp): r.close for s, t in run.candles.items() for r in t.itertuples()}

    def at_close(trades):
        prices = [close[r.symbol, r.decision_time] for r in trades.itertuples()]
        return trades.assign(entry_price=prices)

    assert first(with_trades(run, at_close))[0] == "fills"
    soon = with_trades(run, lambda trades: trades.assign(entry_time=trades["decision_time"]))
    assert "delay of an entry" in first(soon)[1]
    assert "delay of an entry" in first(run, account=replace(ACCOUNT, latency_s=61.0))[1]


@pytest.mark.parametrize("which", ["entry", "exit"])
def test_a_fill_on_the_cheap_side_is_found(run, which):
    """A millionth of the price better than spread and slippage allow, long or short."""

    def better(trades):
        sign = trades["side"] * (1 if which == "exit" else -1)
        return trades.assign(**{f"{which}_price": trades[f"{which}_price"] * (1 + sign * 1e-4)})

    check, message = first(with_trades(run, better))
    assert check == "fills"
    assert f"backtest: {which}" in message


def test_a_stop_that_was_passed_over_or_filled_above_itself_is_found(run):
    """A position is held on through its stop; or its stop is filled at the candle's open instead."""
    trades = run.accounts["backtest"][0].trades
    at = trades.index[trades["reason"] == "stop"][0]
    opened = {(s, r.timestamp): r.open for s, t in run.candles.items() for r in t.itertuples()}

    def held_on(trades):
        row = trades.loc[at]
        end = row["entry_time"] + ACCOUNT.hold * MINUTE
        price = opened[row["symbol"], end] * (1 - row["side"] * 3e-4)
        trades.loc[at, ["exit_time", "exit_price", "reason"]] = end, price, "time"
        return trades

    found = {d.what for d in examined(with_trades(run, held_on)).differences}
    assert "backtest: stop of a position that was held on" in found

    def above(trades):
        trades.loc[at, "exit_price"] = trades.loc[at, "exit_price"] * (1 + trades.loc[at, "side"] * 5e-4)
        return trades

    found = {d.what for d in examined(with_trades(run, above)).differences}
    assert "backtest: exit by stop" in found


@pytest.mark.parametrize(
    ("column", "factor"),
    [("net_pnl", 1.001), ("commission_cost", 0.5), ("spread_cost", 0.9), ("swap", None), ("quantity", 20)],
)
def test_money_that_does_not_add_up_is_found(run, column, factor):
    """Of one trade, from its fills and from its parts."""

    def wrong(trades):
        trades.loc[4, column] = 1.0 if factor is None else trades.loc[4, column] * factor
        return trades

    assert {d.check for d in examined(with_trades(run, wrong)).differences} & {"money", "fills"}


def test_an_account_that_tells_other_sums_than_its_trades_is_found(run):
    """Net PnL, trades, drawdown, and equity while nothing is open; the candidate's too."""
    for title, (account, figures) in run.accounts.items():
        for key in ("trades", "net_pnl", "max_drawdown"):
            told = figures | {key: figures[key] + 1e-3}
            changed = replace(run, accounts=run.accounts | {title: (account, told)})
            assert f"{title}.{key}" in first(changed)[1]
        shallow = figures | {"max_drawdown_inside": figures["max_drawdown"] / 2}
        changed = replace(run, accounts=run.accounts | {title: (account, shallow)})
        assert "max_drawdown_inside" in first(changed)[1]
        lifted = replace(account, path=account.path + 1.0)
        changed = replace(run, accounts=run.accounts | {title: (lifted, figures)})
        assert f"{title}: equity" in first(changed)[1]


def test_a_trade_that_no_prediction_asked_for_is_found(run):
    """Of the other side, of a tier that does not trade, against a weak trend, or beside another."""
    turned = run.models[0].predictions.test
    turned = turned.assign(prediction=1 - turned["prediction"])
    found = {d.what for d in examined(with_predictions(run, 0, test=turned)).differences}
    assert "backtest: side of a trade" in found
    other = replace(TIERS, traded=("B",))
    assert "backtest: tier of a trade" in {d.what for d in examined(run, tiers=other).differences}
    strict = replace(TIERS, minimum_trend=0.95)
    assert "backtest: trend strength of a trade" in {d.what for d in examined(run, tiers=strict).differences}
    one = replace(ACCOUNT, max_positions=1)
    assert "backtest: positions open" in {d.what for d in examined(run, account=one).differences}


def test_the_verdict_names_the_first_difference_and_how_many_more(claims):
    """In one line; a check that compared nothing is no agreement."""
    metrics = claims.models[0].metrics | {"accuracy_all": 0.9, "brier": 0.1}
    findings = examined(with_model(claims, 0, metrics=metrics))
    expected = claims.models[0].metrics["accuracy_all"]
    with pytest.raises(RefereeError, match=rf"lstm.accuracy_all: 0.9, and must be {expected} \(and 1 more\)"):
        findings.require_none(NEEDED)
    record = findings.record
    assert not record["passed"]
    assert record["checks"]["figures"]["differences"] == 2
    assert record["differences"][0]["value"] == 0.9
    silent = examined(claims)
    silent.compared["test rows"] = 0
    with pytest.raises(RefereeError, match="nothing was compared of test rows"):
        silent.require_none(NEEDED)


def with_baseline(run, position, **changes):
    """The same run with other claims of one baseline."""
    baselines = list(run.baselines)
    baselines[position] = replace(baselines[position], **changes)
    return replace(run, baselines=tuple(baselines))


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("used", ["scaled", "trained", "chosen"])
def test_other_rows_that_a_baseline_learned_from_are_found(claims, position, used):
    """By fold and symbol; rows of the test among them."""
    rows = copy.deepcopy(claims.baselines[position].rows)
    rows["fold_1"][used]["BBB"]["digest"] = "else"
    check, message = first(with_baseline(claims, position, rows=rows))
    assert check == "learned rows"
    assert f"'s rows {used}: digest (fold 1, BBB)" in message


@pytest.mark.parametrize("rules", [{"baseline_stride": 3}, {"baseline_rows": 100}])
def test_a_baseline_thinned_otherwise_than_declared_is_found(claims, rules):
    """By another stride, and by another number of rows at most."""
    check, message = first(claims, rows=replace(ROWS, **rules))
    assert check == "learned rows"
    assert "baseline of direction's rows trained" in message


@pytest.mark.parametrize("position", [0, 1])
def test_a_baselines_rows_and_loss_are_derived(claims, position):
    """A row that it did not predict, a loss by which it was not chosen."""
    told = claims.baselines[position]
    fewer = replace(told.predictions, test=told.predictions.test.drop(index=17))
    assert first(with_baseline(claims, position, predictions=fewer))[0] == "test rows"
    losses = told.training | {"fold_0": {"validation_loss": 0.01}}
    check, message = first(with_baseline(claims, position, training=losses))
    assert check == "baselines"
    assert "'s loss of validation (fold 0): 0.01, and must be" in message


def test_a_baseline_scaled_by_other_rows_is_found(run):
    """Its mean of a feature is that of the fold's training rows."""
    models = copy.deepcopy(run.baselines[1].models)
    models["fold_1"]["scaler"]["mean"][0] += 1e-3
    check, message = first(with_baseline(run, 1, models=models))
    assert check == "scalers"
    assert "baseline of trend_strength's mean of one" in message
