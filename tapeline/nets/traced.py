"""A network's ONNX graph by torch's exporter, which traces it: for one whose graph nobody has written."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
from torch import nn

from tapeline.onnx_model import PROBABILITY, WINDOWS


def traced_model(served: nn.Module, window: tuple[int, int]) -> onnx.ModelProto:
    """`served`, windows (B, T, F) to (B,), traced at `window` (T, F), for any batch; free of its origin."""
    sample = torch.zeros(2, *window)
    with _quiet_exporter():
        program = torch.onnx.export(
            served.eval(),
            (sample,),
            input_names=[WINDOWS],
            output_names=[PROBABILITY],
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
    return model


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
