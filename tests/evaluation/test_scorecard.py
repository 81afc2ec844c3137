"""The scorecards: populations add up, groups are what they say, the ceiling is the best filter's hit rate."""

import numpy as np
import pandas as pd
import pytest

from tapeline.evaluation.direction import hits
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.scorecard import (
    above_ceiling,
    direction_figures,
    direction_scorecard,
    trend_figures,
    trend_scorecard,
)
from tapeline.evaluation.significance import Intervals
from tapeline.tiers import tier_numbers

PARAMS = EvaluationParams(
    level=0.95,
    block=20,
    resamples=300,
    bins=10,
    edge_shares=(1.0,),
    edge_holds=(5,),
    seed=3,
)
N = 600
RANGES = {"A": (0.7, 1.0), "B": (0.5, 0.7)}


def rows_table(seed=0):
    """Scored rows of two symbols and two folds, with a ceiling that is right more often than the model."""
    rng = np.random.default_rng(seed)
    best = rng.random(N)
    label = (rng.random(N) < best).astype(float)
    return pd.DataFrame(
        {
            "symbol": pd.Categorical(np.repeat(["A", "B"], N // 2)),
            "fold": np.tile([0, 1], N // 2),
            "bar": np.tile(np.arange(N // 2), 2),
            "timestamp": np.tile(pd.date_range("2024-01-31", periods=N // 2, freq="30min", tz="UTC"), 2),
            "prediction": np.clip(best + rng.normal(0, 0.3, N), 0, 1),
            "ceiling": best,
            "label": label,
        }
    )


def score(rows):
    """A direction scorecard beside one control."""
    n = len(rows)
    masks = {"all": np.ones(n, bool), "none": np.zeros(n, bool), "first": np.arange(n) < 100}
    controls = {"up": np.full(n, 0.6)}
    rows = rows.assign(tier=tier_numbers(rows["prediction"].to_numpy(), RANGES))
    return direction_scorecard(rows, controls, masks, dict.fromkeys(RANGES), PARAMS)


def test_filters_that_are_given_less_are_told_beside_the_ceiling():
    """By what they are given, on the rows that they were asked about; none where the market has none."""
    rows = rows_table()
    assert "ceilings" not in score(rows)[1]
    some = rows["ceiling"].where(np.arange(N) % 3 == 0)
    less = rows.assign(ceiling_from_returns=1 - rows["ceiling"], ceiling_window=some)
    metrics, detail = score(less)
    assert metrics == score(rows)[0]
    expected = {"accuracy": 1 - metrics["ceiling"], "accuracy_of_everything": metrics["ceiling"]}
    sure = np.maximum(rows["ceiling"], 1 - rows["ceiling"])
    expected |= dict.fromkeys(("expected_accuracy", "expected_accuracy_of_everything"), sure.mean())
    assert detail["ceilings"]["from_returns"] == pytest.approx({"rows": N} | expected)
    window = detail["ceilings"]["window"]
    right = ((rows["ceiling"] > 0.5) == (rows["label"] == 1))[::3]
    assert window["rows"] == N / 3
    assert window["accuracy"] == window["accuracy_of_everything"] == pytest.approx(right.mean())
    assert window["expected_accuracy"] == pytest.approx(sure[::3].mean())


def test_the_trends_ceiling_is_that_of_the_best_answers():
    """The error of the median, the order of the grade; null where a row has no answer or all have one."""
    rows = rows_table().assign(label=lambda table: table["ceiling"])
    metrics, detail = trend_scorecard(rows, {"mean": np.full(N, 0.5)}, PARAMS)
    assert metrics["ceiling_mae"] is metrics["ceiling_rank_correlation"] is None
    assert "ceilings" not in detail
    best = rows.assign(strength_median=rows["label"] + 0.25, strength_grade=-rows["label"])
    some = np.where(np.arange(N) % 2, np.nan, rows["label"])
    best = best.assign(strength_median_window=some, strength_grade_window=some)
    metrics, detail = trend_scorecard(best, {"mean": np.full(N, 0.5)}, PARAMS)
    assert (metrics["ceiling_mae"], metrics["ceiling_rank_correlation"]) == pytest.approx((0.25, -1))
    expected = {"rows": N / 2, "mae": 0, "rank_correlation": 1}
    expected |= {"mae_of_everything": 0.25, "rank_correlation_of_everything": -1}
    assert detail["ceilings"] == {"window": pytest.approx(expected)}
    metrics, _ = trend_scorecard(best.assign(strength_grade=0.5), {"mean": np.full(N, 0.5)}, PARAMS)
    assert metrics["ceiling_mae"] == pytest.approx(0.25)
    assert metrics["ceiling_rank_correlation"] is None
    best.loc[3, "strength_median"] = np.nan
    assert trend_figures(best, PARAMS)["ceiling_mae"] is None


def test_direction_figures_agree_with_each_other():
    """Groups partition the rows and average to the whole; the interval holds the figure."""
    rows = rows_table()
    metrics, detail = score(rows)
    assert metrics["accuracy_all_low"] < metrics["accuracy_all"] < metrics["accuracy_all_high"]
    for groups, rate in (
        (detail["symbols"], "hit_rate"),
        (detail["folds"], "hit_rate"),
        (detail["months"], "hit_rate"),
        (detail["tiers"], "precision"),
    ):
        assert sum(group["rows"] for group in groups.values()) == metrics["rows"] == N
        mean = sum(group["rows"] * group[rate] for group in groups.values()) / N
        assert mean == pytest.approx(metrics["accuracy_all"])
    assert detail["sessions"]["all"]["hit_rate"] == metrics["accuracy_all"]
    assert set(detail["sessions"]["none"].values()) == {0, None}
    assert list(detail["months"]) == ["2024-01", "2024-02"]
    assert detail["tiers"]["B"]["a_day"] == detail["tiers"]["B"]["rows"] / 7
    up = detail["controls"]["up"]
    assert up["accuracy"] == rows["label"].mean() == metrics["accuracy_best_control"]
    better = up["log_loss"] > metrics["log_loss"]
    assert (up["diebold_mariano"] > 0) == better
    assert metrics["ece_low"] < detail["calibration"]["equal_width"]["ece"] < metrics["ece_high"]
    assert up["difference"] == pytest.approx(metrics["accuracy_all"] - up["accuracy"])


def test_the_ceiling_is_the_best_filters_hit_rate_on_the_same_rows():
    """Half a hit where the filter has no opinion; no ceiling at all where one row has none."""
    rows = rows_table()
    rows.loc[:99, "ceiling"] = 0.5
    metrics, _ = score(rows)
    opinion = hits(rows["ceiling"].to_numpy(), rows["label"].to_numpy())[100:]
    assert metrics["ceiling"] == pytest.approx((50 + opinion.sum()) / N)
    assert metrics["share_of_ceiling"] == pytest.approx(metrics["accuracy_all"] / metrics["ceiling"])
    rows.loc[5, "ceiling"] = np.nan
    metrics, _ = score(rows)
    assert metrics["ceiling"] is metrics["share_of_ceiling"] is metrics["above_ceiling_low"] is None


def test_only_what_is_surely_above_the_ceiling_is_a_leak():
    """Without a look ahead the low end is above 0 one time in forty, whatever the labels' luck."""
    alarms, seen, shares = 0, 0, []
    intervals = Intervals(rows_table()["bar"].to_numpy(), 0.95)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        best = np.clip(0.5 + 0.2 * np.repeat(rng.normal(size=N // 10), 10), 0.02, 0.98)
        label = (rng.random(N) < best).astype(float)
        hit = hits(np.clip(best + rng.normal(0, 0.02, N), 0, 1), label)
        alarms += above_ceiling(best, label, hit, intervals)[0] > 0
        shares.append(hit.mean() / np.maximum(best, 1 - best).mean())
        ahead = np.where(rng.random(N) < 0.15, 1.0, hit)
        seen += above_ceiling(best, label, ahead, intervals)[0] > 0
    assert alarms <= 10
    assert max(shares) > 1.05
    assert seen >= 190
    null = rows_table().assign(ceiling=0.5)
    hit = hits(null["prediction"].to_numpy(), null["label"].to_numpy())
    found = Intervals(null["bar"].to_numpy(), 0.95).interval_of_mean(hit)
    assert score(null)[0]["above_ceiling_low"] == pytest.approx(found[0] - 0.5)


def test_figures_of_tier_a_are_those_of_the_tier_of_that_name():
    """Wherever it stands among the tiers; where none is called so they are null, and it is said why."""
    rows = rows_table()
    first = score(rows)[0]
    ranges = {"top": (0.95, 1.0), "A": (0.7, 0.95), "B": (0.5, 0.7)}
    tier = tier_numbers(rows["prediction"].to_numpy(), ranges)
    below = direction_figures(rows.assign(tier=tier), dict.fromkeys(ranges), PARAMS)
    confidence = np.maximum(rows["prediction"], 1 - rows["prediction"])
    mask = (confidence >= 0.7) & (confidence < 0.95)
    right = (rows["prediction"] >= 0.5) == (rows["label"] == 1)
    assert below["coverage_tier_a"] == pytest.approx(mask.mean()) != first["coverage_tier_a"]
    assert below["precision_tier_a"] == pytest.approx(right[mask].mean())
    names = {"first": None, "second": 0.1}
    without, detail = direction_scorecard(rows.assign(tier=0), {"mean": np.full(N, 0.4)}, {}, names, PARAMS)
    assert {without[key] for key in without if key.endswith("_tier_a")} == {None}
    assert detail["tier_a_reason"] == "no tier is called A, there are first, second"
    assert "tier_a_reason" not in score(rows)[1]


def test_a_network_that_is_a_rule_leads_no_rule():
    """It has no interval over what it equals on every row, and no gate passes on one; nor is it worse."""
    rows = rows_table().assign(tier=0)
    same = {"majority": rows["prediction"].to_numpy(), "last_return": 1 - rows["prediction"].to_numpy()}
    metrics, _ = direction_scorecard(rows, same, {}, {"A": None}, PARAMS)
    assert metrics["lead_over_rules_low"] is metrics["lead_over_controls_low"] is None
    assert metrics["lead_over_controls_high"] > 0


def test_leads_are_the_least_of_each_kind_at_its_own_end():
    """Better than every rule, than every control, at the low end; not worse than any at the high end."""
    rows, rng = rows_table().assign(tier=0), np.random.default_rng(4)
    controls = {
        "majority": np.full(N, 0.4),
        "reversal": rng.random(N),
        "gradient_boosting": np.where(rng.random(N) < 0.1, 0.5, rows["prediction"]),
    }
    metrics, detail = direction_scorecard(rows, controls, {}, {"A": None}, PARAMS)
    found = detail["controls"]
    lows = [found[name]["difference_low"] for name in ("majority", "reversal")]
    highs = [control["difference_high"] for control in found.values()]
    assert metrics["lead_over_rules_low"] == min(lows)
    least = min(control["difference_low"] for control in found.values())
    assert metrics["lead_over_controls_low"] == least < min(lows)
    assert metrics["lead_over_controls_high"] == min(highs) > min(found[n]["difference_low"] for n in found)


def test_trend_figures_agree_with_each_other():
    """Skill is against the training mean; a control's difference is how much better the network is."""
    rows = rows_table().assign(label=lambda table: table["ceiling"])
    controls = {"mean": np.full(N, 0.5), "persistence": rows["ceiling"].to_numpy()}
    metrics, detail = trend_scorecard(rows, controls, PARAMS)
    assert metrics["mae_low"] < metrics["mae"] < metrics["mae_high"]
    assert metrics["skill_over_mean"] == pytest.approx(1 - metrics["mae"] / detail["controls"]["mean"]["mae"])
    assert detail["controls"]["persistence"]["mae"] == metrics["mae_best_control"] == 0
    assert detail["controls"]["mean"]["difference_low"] > 0
    assert sum(group["rows"] for group in detail["symbols"].values()) == N
    assert set(detail["folds"]) == {"0", "1"}


def folds_table():
    """Four folds: as it comes, no scored row, one class, one constant prediction."""
    rows = rows_table()
    fold = np.where(rows["bar"] < 100, 0, np.where(rows["bar"] < 200, 2, 3))
    rows = rows.assign(fold=pd.Categorical(fold, categories=range(4)))
    rows.loc[fold == 2, "label"] = 1.0
    rows.loc[fold == 3, "prediction"] = 0.52
    return rows


def test_folds_without_rows_of_one_class_or_constant_say_why(recwarn):
    """A line each with its reason; what has no meaning is null, never NaN, and no library warns of it."""
    rows = folds_table()
    _, direction = score(rows)
    _, trend = trend_scorecard(rows, {"mean": np.full(N, 0.5)}, PARAMS)
    for detail, word in ((direction, "hit_rate"), (trend, "mae")):
        told = {fold: figures["reason"] for fold, figures in detail["folds"].items()}
        assert told == {
            "0": None,
            "1": "no candle of it could be scored",
            "2": "every label is 1",
            "3": "the model predicts the constant 0.52",
        }
        assert (detail["folds"]["1"]["rows"], detail["folds"]["1"][word]) == (0, None)
        assert detail["folds"]["3"][word] is not None
    assert trend["folds"]["3"]["rank_correlation"] is trend["folds"]["2"]["r2"] is None
    one_class = rows[rows["fold"] == 2].assign(tier=0)
    figures = direction_figures(one_class, {"A": None}, PARAMS)
    assert figures["roc_auc"] is figures["mcc"] is figures["brier_skill"] is None
    assert all(value is None or np.isfinite(value) for value in figures.values())
    assert not recwarn.list


def test_nothing_to_score_leaves_every_figure_null_under_its_name(recwarn):
    """The same keys as ever, so that a table of metrics keeps its columns."""
    rows = folds_table()
    none = rows.iloc[:0]
    for whole, empty in (
        (score(rows), score(none)),
        (
            trend_scorecard(rows, {"mean": np.full(N, 0.5)}, PARAMS),
            trend_scorecard(none, {"mean": np.empty(0)}, PARAMS),
        ),
    ):
        assert list(whole[0]) == list(empty[0])
        assert whole[1].keys() == empty[1].keys()
        assert {value for name, value in empty[0].items() if name != "rows"} == {None}
        assert empty[0]["rows"] == 0
        assert {fold["rows"] for fold in empty[1]["folds"].values()} == {0}
    assert trend_figures(none, PARAMS).keys() == trend_figures(rows, PARAMS).keys()
    assert not recwarn.list


def test_a_tier_by_share_is_held_against_its_share_and_one_by_confidence_is_not():
    """Exactly one of the two gated figures is there, and coverage always."""
    rows = rows_table().assign(tier=np.where(np.arange(N) < 30, 0, -1))
    by_share = direction_figures(rows, {"A": 0.1}, PARAMS)
    assert by_share["coverage_tier_a"] == pytest.approx(0.05)
    assert by_share["coverage_of_share_tier_a"] == pytest.approx(0.5)
    assert by_share["coverage_by_confidence_tier_a"] is None
    by_confidence = direction_figures(rows, {"A": None}, PARAMS)
    assert by_confidence["coverage_by_confidence_tier_a"] == by_confidence["coverage_tier_a"]
    assert by_confidence["coverage_of_share_tier_a"] is None


def test_trend_labels_that_the_mean_knows_leave_no_skill_to_measure():
    """A control without any error: null instead of a division by zero."""
    metrics, _ = trend_scorecard(rows_table().assign(label=0.5), {"mean": np.full(N, 0.5)}, PARAMS)
    assert metrics["skill_over_mean"] is None


def test_many_cells_need_more_than_one():
    """Of forty groups of coin flips one or two look good; adjusted for forty, none does; a real one does."""
    rng = np.random.default_rng(8)
    rows = rows_table().assign(label=(rng.random(N) < 0.5).astype(float), prediction=rng.random(N))
    rows.loc[:119, "label"] = ((rows.loc[:119, "prediction"] >= 0.5) ^ (np.arange(120) % 15 == 0)) * 1.0
    masks = {str(k): np.arange(N) // 12 == k for k in range(10, 50)} | {"real": np.arange(N) < 120}
    rows["tier"] = 0
    found = direction_scorecard(rows, {"up": np.full(N, 0.6)}, masks, {"A": None}, PARAMS)[1]["sessions"]
    assert min(cell["p_value"] for name, cell in found.items() if name != "real") < 0.05
    assert min(cell["p_adjusted"] for name, cell in found.items() if name != "real") > 0.05
    assert found["real"]["p_value"] < 0.01
    assert all(cell["p_adjusted"] >= cell["p_value"] for cell in found.values())
