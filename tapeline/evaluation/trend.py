"""How good predicted trend strengths are."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

TREND_SCORES = "mae", "rmse", "r2", "rank_correlation"


def score_trend(predicted: NDArray[np.float64], actual: NDArray[np.float64]) -> dict[str, float | int | None]:
    """Score strengths in 0..1, shape (n,): rows, MAE, RMSE, R2 and Spearman's rank correlation.

    R2 and the correlation are None where a column is constant. Raises ValueError on NaN or nothing.
    """
    if predicted.size == 0 or np.isnan(predicted).any() or np.isnan(actual).any():
        raise ValueError(f"{predicted.size} strengths: must be at least one, and none NaN")
    actual_varies, predicted_varies = np.ptp(actual) > 0, np.ptp(predicted) > 0
    both_vary = actual_varies and predicted_varies
    return {
        "rows": int(predicted.size),
        "mae": float(metrics.mean_absolute_error(actual, predicted)),
        "rmse": float(metrics.root_mean_squared_error(actual, predicted)),
        "r2": float(metrics.r2_score(actual, predicted)) if actual_varies else None,
        "rank_correlation": float(stats.spearmanr(actual, predicted).statistic) if both_vary else None,
    }
