"""Params of the networks and of their training; no torch in here, so that they are checked fast."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tapeline.errors import ParamsError
from tapeline.params import Section
from tapeline.schema import Seed, Workers

Size = Annotated[int, Field(ge=1, le=8192)]
Depth = Annotated[int, Field(ge=1, le=64)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class LstmParams(Section):
    """Section `model`: the LSTM."""

    hidden: Size
    layers: Depth
    dropout: Dropout
    bidirectional: bool


class TransformerParams(Section):
    """Section `transformer`."""

    d_model: Size
    heads: Size
    layers: Depth
    dropout: Dropout
    max_length: Size

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "TransformerParams":
        if self.d_model % self.heads or (self.d_model // self.heads) % 2:
            raise ValueError(
                f"transformer.heads = {self.heads} must divide transformer.d_model = {self.d_model} "
                "into heads of even width"
            )
        return self


class TrainParams(Section):
    """Section `train`: what both trainings share."""

    sequence_length: Size
    chunk_length: Size
    minimum_context: Size
    epochs: Size
    patience: Size
    batch_size: Annotated[int, Field(ge=1, le=1_048_576)]
    accumulation: Annotated[int, Field(ge=1, le=1024)]
    labels_per_epoch: Annotated[int, Field(ge=1, le=1_000_000_000)]
    validation_stride: Size
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    warm_up: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0, le=100)]
    gradient_clip: Annotated[float, Field(gt=0, le=1e6)]
    averaging: Annotated[float, Field(ge=0, lt=1)]
    label_weights: Literal["uniform", "uniqueness"]
    balance_classes: bool
    warm_start: bool
    start_from: Annotated[str, Field(min_length=1)]  # a folder of bundles by name; a file: none
    calibration: Literal["none", "platt", "isotonic"]
    importance_rows: Annotated[int, Field(ge=0, le=100_000_000)]
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["32-true", "bf16-mixed"]
    compile: bool
    deterministic: bool
    processes: Annotated[int, Field(ge=1, le=1024)]
    threads: Annotated[int, Field(ge=1, le=256)]
    workers: Workers
    seed: Seed
    seeds: Annotated[int, Field(ge=1, le=64)]

    @model_validator(mode="after")
    def _lengths_in_order(self) -> "TrainParams":
        if not self.minimum_context <= self.sequence_length <= self.chunk_length:
            raise ValueError(
                f"train.minimum_context = {self.minimum_context} <= train.sequence_length = "
                f"{self.sequence_length} <= train.chunk_length = {self.chunk_length} must hold"
            )
        return self

    def recipe(self) -> dict[str, Any]:
        """The section without `workers`, which changes only the speed."""
        return self.model_dump(mode="json", exclude={"workers"})

    @property
    def labels_per_chunk(self) -> int:
        """Labels of a whole chunk."""
        return self.chunk_length - self.minimum_context + 1

    def windowed(self) -> "TrainParams":
        """The same training with one label per window: for a network that reads its input backwards too."""
        length = self.sequence_length
        return self.model_copy(update={"chunk_length": length, "minimum_context": length})


def check_longest(train: TrainParams, transformer: TransformerParams) -> None:
    """Raise ParamsError if a chunk is longer than the Transformer's positions reach."""
    if train.chunk_length > transformer.max_length:
        rule = f"must be <= transformer.max_length = {transformer.max_length}"
        raise ParamsError("train.chunk_length", train.chunk_length, rule)
