"""A network's ONNX graph in the making: nodes and constants, named in the order in which they are added."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper
from torch import Tensor, nn


class Nodes:
    """What was added so far; every method adds, and returns the name of what came out."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(self, operator: str, *inputs: str, nth_output: int = 0, name: str = "", **attributes: Any) -> str:
        """A node, of whose outputs the `nth_output` is wanted alone, called `name` where that is given."""
        name = name or f"{operator}_{len(self.nodes)}"
        outputs = [""] * nth_output + [name]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return name

    def constant(self, values: ArrayLike) -> str:
        """A constant: integers stay, all else is of single precision; equal ones are one."""
        array = np.asarray(values)
        kind = np.int64 if np.issubdtype(array.dtype, np.integer) else np.float32
        array = np.ascontiguousarray(array, dtype=kind).reshape(array.shape)
        content = array.dtype.str, array.shape, array.tobytes()
        name = self._names.setdefault(content, f"constant_{len(self._names)}")
        self.constants[name] = array
        return name

    def linear(self, layer: nn.Linear, x: str) -> str:
        """What `layer` makes of `x` (..., IN): (..., OUT)."""
        return self.affine(weights_of(layer.weight), weights_of(layer.bias), x)

    def affine(self, weight: NDArray[np.float32], bias: NDArray[np.float32], x: str) -> str:
        """`x` (..., IN) by `weight` (OUT, IN) and `bias` (OUT,), as torch has them: (..., OUT)."""
        return self.add("Add", self.add("MatMul", x, self.constant(weight.T)), self.constant(bias))

    def split(self, x: str, n: int) -> list[str]:
        """The `n` parts of `x` (n, ...), (1, ...) each."""
        names = [f"Split_{len(self.nodes)}_{k}" for k in range(n)]
        self.nodes.append(helper.make_node("Split", [x], names, axis=0, num_outputs=n))
        return names


def weights_of(tensor: Tensor) -> NDArray[np.float32]:
    """The values of a parameter or buffer."""
    values: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return values
