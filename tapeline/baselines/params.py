"""Section `baselines` of params.yaml."""

from typing import Annotated

from pydantic import Field

from tapeline.params import Section
from tapeline.schema import Seed

Stride = Annotated[int, Field(ge=1, le=100_000)]  # training rows from one that is learned from to the next
Rows = Annotated[int, Field(ge=100, le=100_000_000)]
Strength = Annotated[float, Field(gt=0, le=1e6)]
Leaves = Annotated[int, Field(ge=2, le=1024)]
Rate = Annotated[float, Field(gt=0, le=1)]
Trees = Annotated[int, Field(ge=1, le=10_000)]
ImportanceRows = Annotated[int, Field(ge=0, le=100_000_000)]  # as of the networks
Context = Annotated[int, Field(ge=1, le=8192)]  # candles, as of the networks' windows


class BaselineParams(Section):
    """Section `baselines`: what rows they learn from, and the grids that a fold's validation chooses from."""

    stride: Stride
    rows: Rows
    strengths: Annotated[tuple[Strength, ...], Field(strict=False, min_length=1, max_length=100)]
    leaves: Annotated[tuple[Leaves, ...], Field(strict=False, min_length=1, max_length=20)]
    learning_rates: Annotated[tuple[Rate, ...], Field(strict=False, min_length=1, max_length=20)]
    leaf_rows: Annotated[int, Field(ge=1, le=1_000_000)]
    trees: Trees
    patience: Trees
    seed: Seed
