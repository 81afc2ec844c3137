"""A graph in the making: constants of one content are one, and of another shape or kind another."""

import numpy as np

from tapeline.nets.nodes import Nodes


def test_equal_constants_are_one():
    """Numbers are taken in single precision, integers as they are, scalars as scalars."""
    nodes = Nodes()
    half, other = nodes.constant([0.5]), nodes.constant(np.array([0.5]))
    assert half == other
    names = [half, nodes.constant(0.5), nodes.constant([[0.5]]), nodes.constant([0]), nodes.constant([0.0])]
    kinds = [(nodes.constants[name].shape, nodes.constants[name].dtype.kind) for name in names]
    assert kinds == [((1,), "f"), ((), "f"), ((1, 1), "f"), ((1,), "i"), ((1,), "f")]
    assert len(nodes.constants) == len(set(names)) == 5
