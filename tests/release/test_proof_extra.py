"""Inputs beyond candles in the proof's copies: the same rows, or others from each tile's moment on alone."""

from unittest.mock import patch

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.extra import Extra, ExtraParams
from tapeline.features import extra as features_module
from tapeline.features.extra import extra_features
from tapeline.features.extra_files import read_extras
from tapeline.features.table import build_table
from tapeline.params import Params
from tapeline.release.proof_copies import resolved_params
from tapeline.release.proof_extra import tiled, write_extras
from tests.candles import random_candles

N, MINUTE, SYMBOLS = 600, 60_000_000, ("BTC-USD", "ETH-USD")
CANDLES = random_candles(N, seed=5)
OPENS = CANDLES["timestamp"].to_numpy("datetime64[us]").view(np.int64)
VALUES = {
    "file": "funding.parquet", "known_at": "when", "delay_s": 2.5, "symbol": "pair",
    "columns": {"rate": "value"}, "max_age": 300,
}  # fmt: skip
BEGINS, MOMENTS = OPENS[[0, 200, 400]], OPENS[[120, 330, 540]]


def extra_of(step):
    """Rates of both symbols every `step` minutes."""
    known = np.arange(OPENS[0] + MINUTE * 3, OPENS[-1], step * MINUTE)
    parts = [pd.DataFrame({"known_at": known, "symbol": s, "rate": known % 9973 / 7}) for s in SYMBOLS]
    rows = pd.concat(parts).sort_values(["known_at", "symbol"]).reset_index(drop=True)
    return Extra("funding", ExtraParams.model_validate(VALUES), rows)


def tables_of(extra):
    """Its features of both symbols, candle by candle."""
    tables = (build_table(CANDLES, CANDLES, extra_features([extra], s, 1), 1, 15) for s in SYMBOLS)
    return np.hstack([table.filter(like="extra_").to_numpy() for table in tables])


def same_rows(step):
    """Whether each candle has the same features in both runs cut into tiles; (N,)."""
    both = [tables_of(each) for each in tiled(extra_of(step), BEGINS, MOMENTS, np.random.default_rng(4))]
    return (both[0] == both[1]).all(axis=1)


def is_before(closes):
    """Whether each candle, by its close, is in a tile's part before its moment; (N,)."""
    tile = np.searchsorted(BEGINS, closes - MINUTE, side="right") - 1
    return closes <= MOMENTS[tile]


def test_two_runs_in_tiles_differ_after_each_moment_and_nowhere_before():
    """Down to rows so rare that a tile has one, which the next still sees."""
    for step in (1, 7, 60, 150, 500):
        same, before = same_rows(step), is_before(OPENS + MINUTE)
        assert same[before].all(), step
        if step <= 150:
            for row in (0, 200, 400):
                own = slice(row, row + 199)  # the tile's last closes when the next has begun
                assert not (same & ~before)[own].any(), (step, row)


def test_a_join_that_looks_ahead_differs_before_a_moment():
    """Of the next row, as a join by open time has it."""

    def ahead(known, time):
        return np.searchsorted(known, time + MINUTE, side="left") - 1

    with patch.object(features_module, "last_row", ahead):
        assert not same_rows(1)[is_before(OPENS + MINUTE)].all()


def test_a_copy_reads_what_was_written_for_it(tmp_path):
    """Every row and kind, whatever columns and delay the run's own file has."""
    yaml, extra = YAML(), extra_of(60)
    values = yaml.load((ROOT / "params.yaml").read_text())
    values["data"] |= {"extra": {"funding": VALUES}, "extra_path": "data/raw/rates", "symbols": [*SYMBOLS]}
    with (tmp_path / "run.yaml").open("w") as file:
        yaml.dump(values, file)
    params = Params.parse(resolved_params((tmp_path / "run.yaml").read_text(), {}))
    write_extras(tmp_path, [extra])
    (read,) = read_extras(params, tmp_path)
    pd.testing.assert_frame_equal(read.rows, extra.rows, check_dtype=False)
    assert read.params.model_dump(include={"columns", "max_age"}) == {
        "columns": {"rate": "value"},
        "max_age": 300,
    }
