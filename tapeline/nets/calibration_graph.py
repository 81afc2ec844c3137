"""A calibration as ONNX nodes: the same formulas as `Calibration.forward`, in the same order."""

import numpy as np

from tapeline.nets.calibration import Calibration
from tapeline.nets.nodes import Nodes, weights_of


def calibrated(nodes: Nodes, calibration: Calibration, logits: str, name: str) -> str:
    """Add the values in 0..1, (B,), of `logits` (B,), called `name`."""
    if calibration.kind == "platt":
        scaled = nodes.add("Mul", logits, nodes.constant(calibration.slope))
        logits = nodes.add("Add", scaled, nodes.constant(calibration.intercept))
    if calibration.kind in ("platt", "none"):
        return nodes.add("Sigmoid", logits, name=name)
    if not calibration.is_symmetric:
        return _on_map(nodes, calibration, logits, name)
    value = _on_map(nodes, calibration, nodes.add("Abs", logits))
    turned = nodes.add("Sub", nodes.constant(1.0), value)
    is_fall = nodes.add("Less", logits, nodes.constant(0.0))
    return nodes.add("Where", is_fall, turned, value, name=name)


def _on_map(nodes: Nodes, calibration: Calibration, logits: str, name: str = "") -> str:
    """The isotonic map of sigmoids (B,)."""
    knots = [weights_of(tensor) for tensor in (calibration.left, calibration.right, calibration.rise)]
    if not knots[0].size:  # of one knot the map is level; not every runtime sums over nothing
        knots = [np.zeros(1, np.float32)] * 3
    left, right, rise = (nodes.constant(values) for values in knots)
    raw = nodes.add("Unsqueeze", nodes.add("Sigmoid", logits), nodes.constant([1]))  # (B, 1)
    within = nodes.add("Min", nodes.add("Max", raw, left), right)  # (B, knots - 1)
    passed = nodes.add("Mul", nodes.add("Sub", within, left), rise)
    risen = nodes.add("ReduceSum", passed, nodes.constant([1]), keepdims=0)
    value = nodes.add("Add", nodes.constant(calibration.first), risen)
    return nodes.add("Clip", value, nodes.constant(0.0), nodes.constant(1.0), name=name)
