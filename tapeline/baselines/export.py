"""A baseline as an ONNX graph of the shape that a network's has: scaled windows in, a number in 0..1 out."""

from typing import Any

import numpy as np
import onnx
from onnx import helper

from tapeline.baselines.boosting import Trees
from tapeline.baselines.linear import LinearRule, constant_linear
from tapeline.onnx_model import PROBABILITY, WINDOWS, make_model, to_bytes
from tapeline.schema import DIRECTION


def to_onnx(model: LinearRule | Trees, sequence_length: int, n_features: int) -> bytes:
    """ONNX bytes that take `windows` (B, T, F), any B, and give `probability` (B,) of each last candle."""
    return to_bytes(to_model(model, sequence_length, n_features))


def to_model(model: LinearRule | Trees, sequence_length: int, n_features: int) -> onnx.ModelProto:
    """What `to_onnx` writes, for those who build on it.

    The candles before it are taken and left alone. Thresholds are those that `trees_of` rounded down, so
    that every single-precision row takes the way that it takes in scikit-learn.
    """
    if isinstance(model, Trees) and not model.roots.size:
        said = float(model.predict(np.zeros((1, 0), np.float32))[0])
        model = constant_linear(model.label, said, n_features)
    node, constants = _linear(model) if isinstance(model, LinearRule) else (_trees(model), {})
    end = (
        helper.make_node("Sigmoid", ["sums"], ["column"])
        if model.label == DIRECTION
        else helper.make_node("Clip", ["sums", "zero", "one"], ["column"])
    )
    if model.label != DIRECTION:
        constants |= {"zero": np.float32(0), "one": np.float32(1)}
    constants |= {"last": np.array(sequence_length - 1), "axis": np.array([1])}
    nodes = [
        helper.make_node("Gather", [WINDOWS, "last"], ["candle"], axis=1),
        node,
        end,
        helper.make_node("Squeeze", ["column", "axis"], [PROBABILITY]),
    ]
    return make_model("baseline", nodes, constants, (sequence_length, n_features), has_trees=True)


def _linear(rule: LinearRule) -> tuple[onnx.NodeProto, dict[str, Any]]:
    constants = {"weights": rule.weights[:, None], "intercept": rule.intercept}
    return helper.make_node("Gemm", ["candle", *constants], ["sums"]), constants


def _trees(trees: Trees) -> onnx.NodeProto:
    """One node for all trees; nodes are numbered from 0 within each."""
    sizes = np.diff(np.append(trees.roots, trees.feature.size))
    tree = np.repeat(np.arange(sizes.size), sizes)
    offset = np.repeat(trees.roots, sizes)
    place = np.arange(trees.feature.size)
    number, is_leaf = place - offset, trees.left == place
    return helper.make_node(
        "TreeEnsembleRegressor",
        ["candle"],
        ["sums"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        base_values=trees.base.astype(np.float32).tolist(),
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_featureids=trees.feature.tolist(),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values=trees.threshold.tolist(),
        nodes_truenodeids=np.where(is_leaf, 0, trees.left - offset).tolist(),
        nodes_falsenodeids=np.where(is_leaf, 0, trees.right - offset).tolist(),
        target_treeids=tree[is_leaf].tolist(),
        target_nodeids=number[is_leaf].tolist(),
        target_ids=np.zeros(int(is_leaf.sum()), int).tolist(),
        target_weights=trees.value[is_leaf].tolist(),
    )
