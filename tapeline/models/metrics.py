"""Which metrics files speak of the models, and their keys: what a gate may name."""

from typing import Any

from pydantic import create_model

from tapeline.documents import Figure, Metrics
from tapeline.evaluation.account_metrics import BacktestMetrics, FtmoMetrics
from tapeline.evaluation.metrics import OF_LABEL
from tapeline.models.table import MODELS


class AuditFigures(Metrics):
    """What the data's audits left, in metrics/promotion.json."""

    leaks: Figure  # found by all audits
    expectations_failed: Figure  # 1 where a critical one did


def _declare(name: str, base: type[Metrics], keys: list[str]) -> type[Metrics]:
    fields: dict[str, Any] = dict.fromkeys(keys, (Figure, ...))
    return create_model(name, __base__=base, **fields)


# What the stage `promote` finds, which its own gates may name; then what the gates came to.
PackedMetrics = _declare("PackedMetrics", AuditFigures, [f"{model.name}_onnx_difference" for model in MODELS])
OUTCOME = "passed", "gates_failed", "gates_not_judged"
PromotionMetrics = _declare(
    "PromotionMetrics",
    PackedMetrics,
    ["passed", *(f"{model.name}_{key}" for model in MODELS for key in OUTCOME)],
)


def gate_metrics() -> dict[str, tuple[str, ...]]:
    """By NAME of metrics/NAME.json the keys that a gate may be on."""
    files = {model.name: OF_LABEL[model.label] for model in MODELS}
    files |= {"backtest": BacktestMetrics, "ftmo": FtmoMetrics, "promotion": PackedMetrics}
    return {name: metrics.names() for name, metrics in files.items()}
