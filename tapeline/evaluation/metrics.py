"""What metrics/NAME.json says of a model, key by key; None where undefined.

Figures of all test candles that can be scored, pooled over folds; `candidate_` before those of what is
offered alone. `_low` and `_high` are the ends of an interval.
"""

from tapeline.documents import Figure, Metrics
from tapeline.schema import DIRECTION, TREND_STRENGTH

CANDIDATE = "candidate_"


class DirectionFigures(Metrics):
    """Of probabilities of a direction, without controls."""

    rows: Figure
    accuracy_all: Figure
    accuracy_all_low: Figure
    accuracy_all_high: Figure
    ceiling: Figure  # accuracy of the best filter on these rows; None on real candles
    share_of_ceiling: Figure
    above_ceiling_low: Figure
    accuracy_without_ceiling: Figure  # real candles alone, where a gate can hold it against what is plausible
    balanced_accuracy: Figure
    mcc: Figure
    roc_auc: Figure
    log_loss: Figure
    brier: Figure
    brier_skill: Figure
    ece: Figure
    ece_low: Figure
    ece_high: Figure
    precision_tier_a: Figure  # of the tier called A; None where no tier is
    coverage_tier_a: Figure
    coverage_by_confidence_tier_a: Figure  # where tiers are by confidence, the coverage
    coverage_of_share_tier_a: Figure  # where tiers are by share, the coverage over that share


class ComparedDirection(DirectionFigures):
    """And beside controls."""

    accuracy_best_control: Figure
    lead_over_rules_low: Figure
    lead_over_controls_low: Figure
    lead_over_controls_high: Figure


class DirectionMetrics(ComparedDirection):
    """metrics/NAME.json of a model of direction."""

    candidate_accuracy_all: Figure
    candidate_accuracy_all_low: Figure
    candidate_ece: Figure
    candidate_is_constant: Figure


class TrendFigures(Metrics):
    """Of trend strengths, without controls."""

    rows: Figure
    mae: Figure
    rmse: Figure
    r2: Figure
    rank_correlation: Figure
    mae_low: Figure
    mae_high: Figure
    ceiling_mae: Figure  # of the best that can be said of these rows; None on real candles
    ceiling_rank_correlation: Figure  # of the best order; None too where nothing is to be found


class ComparedTrend(TrendFigures):
    """And beside controls."""

    mae_best_control: Figure
    skill_over_mean: Figure
    lead_over_rules_low: Figure
    lead_over_controls_low: Figure
    lead_over_controls_high: Figure


class TrendMetrics(ComparedTrend):
    """metrics/NAME.json of a model of trend strength."""

    candidate_mae: Figure
    candidate_rank_correlation: Figure
    candidate_is_constant: Figure


OF_LABEL: dict[str, type[Metrics]] = {DIRECTION: DirectionMetrics, TREND_STRENGTH: TrendMetrics}
