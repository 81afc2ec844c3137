"""Params of the networks and of their training; no torch in here, so that they are checked in a moment."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tapeline.params import Section
from tapeline.schema import Seed

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
    stride: Size
    epochs: Size
    patience: Size
    batch_size: Annotated[int, Field(ge=1, le=65536)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    gradient_clip: Annotated[float, Field(gt=0)]
    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=1, le=256)]
    seed: Seed
