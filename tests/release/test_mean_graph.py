"""Several graphs as one: the mean of what they say, of any batch, by whichever exporter they were written."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from tapeline.baselines.boosting import constant_trees
from tapeline.baselines.export import to_onnx as baseline_graph
from tapeline.baselines.linear import LinearRule
from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_fit import PLAIN
from tapeline.nets.export import Served, to_onnx
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams
from tapeline.promotion.bundle import WINDOWS, open_graph
from tapeline.release.mean_graph import mean_of_graphs

LENGTH, FEATURES = 5, 3


def linear(seed):
    """A rule's graph, and the rule."""
    weights = np.random.default_rng(seed).normal(size=FEATURES).astype(np.float32)
    rule = LinearRule("direction", weights, np.array([0.1], np.float32))
    return baseline_graph(rule, LENGTH, FEATURES), rule


def network():
    """A small network's graph, and what it says of windows."""
    torch.manual_seed(3)
    served = Served(
        LSTM(FEATURES, LstmParams(hidden=4, layers=1, dropout=0.0, bidirectional=False)), Calibration(PLAIN)
    )
    return to_onnx(served.eval(), LENGTH, FEATURES), served


def run(graph, windows):
    """What a graph gives."""
    return open_graph(graph).run(None, {WINDOWS: windows})[0]


def drawn(n, seed=0):
    """Windows."""
    return np.random.default_rng(seed).normal(size=(n, LENGTH, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("n_rows", [1, 17])
def test_it_is_the_mean_of_its_members(n_rows):
    """A network and a rule, as their own code says, not their graphs."""
    (graph, served), (other, rule) = network(), linear(1)
    windows = drawn(n_rows)
    with torch.no_grad():
        one = served(torch.from_numpy(windows)).numpy()
    expected = (one + rule.predict(windows[:, -1])) / 2
    got = run(mean_of_graphs([graph, other]), windows)
    assert got.shape == (n_rows,)
    assert np.abs(got - expected).max() < 1e-6


def test_two_of_a_kind_keep_their_own_weights():
    """Names within both are the same; three count a third each."""
    graphs, rules = zip(*map(linear, (1, 2, 3)), strict=True)
    windows = drawn(9)
    expected = sum(rule.predict(windows[:, -1]) for rule in rules) / 3
    assert np.abs(run(mean_of_graphs(graphs), windows) - expected).max() < 1e-6
    constant = baseline_graph(constant_trees("direction", 0.25), LENGTH, FEATURES)
    assert run(mean_of_graphs([constant, constant]), windows) == pytest.approx([0.25] * 9, abs=1e-6)


def test_a_graph_with_functions_of_its_own_keeps_them():
    """As an exporter may write them; of the operators' versions the latest is taken."""
    nodes = [
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Div", ["x", "two"], ["y"]),
    ]
    half = helper.make_function("own", "halve", ["x"], ["y"], nodes, [helper.make_opsetid("", 20)])
    made = onnx.load_from_string(linear(1)[0])
    made.functions.append(half)
    made.opset_import.append(helper.make_opsetid("own", 1))
    made.opset_import[0].version = 20
    made.graph.node[-1].output[0] = "whole"
    made.graph.node.append(helper.make_node("halve", ["whole"], ["probability"], domain="own"))
    windows, rule = drawn(4), linear(1)[1]
    both = [made.SerializeToString(), linear(1)[0]]
    expected = rule.predict(windows[:, -1]) * 0.75
    for graphs in (both, both[::-1]):
        joined = mean_of_graphs(graphs)
        assert np.abs(run(joined, windows) - expected).max() < 1e-6
        assert {each.domain: each.version for each in onnx.load_from_string(joined).opset_import}[""] == 20


def test_the_same_members_give_the_same_bytes():
    """And nothing of where they were made is in them."""
    graphs = [linear(1)[0], linear(2)[0]]
    assert mean_of_graphs(graphs) == mean_of_graphs(graphs)
    assert mean_of_graphs(graphs) != mean_of_graphs(graphs[::-1])


def test_the_batch_is_free():
    """What production feeds is one window, what packing compares are many."""
    joined = onnx.load_from_string(mean_of_graphs([linear(1)[0], linear(2)[0]]))
    shape = joined.graph.input[0].type.tensor_type.shape.dim
    assert [each.dim_param or each.dim_value for each in shape] == ["batch", LENGTH, FEATURES]
