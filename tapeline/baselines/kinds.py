"""The baselines there are, by the label that they predict."""

from tapeline.schema import DIRECTION, TREND_STRENGTH

BOOSTING = "gradient_boosting"
LINEAR = {DIRECTION: "logistic_regression", TREND_STRENGTH: "ridge_regression"}
KINDS = {label: (linear, BOOSTING) for label, linear in LINEAR.items()}


def file_name(label: str, kind: str) -> str:
    """Name of a baseline's models and predictions, those of other labels being others."""
    return f"{label}_{kind}"
