"""A network as an ONNX graph: scaled windows in, a number in 0..1 out."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
from torch import Tensor, nn

from tapeline.nets.calibration import Calibration
from tapeline.nets.network import Network


class Served(nn.Module):
    """The network followed by its calibration, as it is served: one number per window."""

    def __init__(self, net: Network, calibration: Calibration) -> None:
        super().__init__()
        self.net, self.calibration = net, calibration

    def forward(self, windows: Tensor) -> Tensor:
        """Calibrated predictions (B,), in 0..1, of the last candles of scaled windows (B, T, F)."""
        probability: Tensor = self.calibration(self.net.last(windows))
        return probability


def to_onnx(served: Served, sequence_length: int, n_features: int) -> bytes:
    """Export as ONNX bytes, any batch size; the same network gives the same bytes in any folder."""
    sample = torch.zeros(2, sequence_length, n_features)
    with _quiet_exporter():
        program = torch.onnx.export(
            served.eval(),
            (sample,),
            input_names=["windows"],
            output_names=["probability"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise AssertionError("an export by dynamo returns a program")
    buffer = io.BytesIO()
    program.save(buffer)  # type: ignore[arg-type]  # typed as a path; a file works too
    model = onnx.load_from_string(buffer.getvalue())
    _strip_origin(model)
    graph: bytes = model.SerializeToString(deterministic=True)
    return graph


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence the exporter's log messages and warnings; errors still come through."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def reference_outputs(served: Served, windows: Tensor) -> Tensor:
    """Outputs of torch, which the exported graph must equal, for scaled windows (B, T, F); shape (B,).

    On one thread, as the graph is served: sums come out differently with more.
    """
    torch.set_num_threads(1)
    with torch.no_grad():
        outputs: Tensor = served.eval()(windows)
    return outputs


def _strip_origin(model: onnx.ModelProto) -> None:
    """Remove names of source files and stack traces: they hold absolute paths."""
    model.doc_string = ""
    del model.metadata_props[:]
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        graph.doc_string = ""
        del graph.metadata_props[:]
        values = [*graph.node, *graph.value_info]
        if isinstance(graph, onnx.GraphProto):
            values += [*graph.input, *graph.output, *graph.initializer]
        for item in values:
            item.doc_string = ""
            del item.metadata_props[:]
