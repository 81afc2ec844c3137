"""docs/own-feature.md: the feature is one, and a recursive one's lookback is found as it says."""

import contextlib
import io

import numpy as np

from tapeline.closure import ROOT
from tapeline.features import momentum
from tapeline.features.declare import FEATURES
from tapeline.features.table import as_candles
from tests.candles import random_candles
from tests.test_readme import blocks

PAGE = "docs/own-feature.md"


def test_the_feature_that_is_shown_is_declared_and_needs_what_it_says():
    """At the end of momentum.py, where nothing more is imported."""
    declaration, _ = blocks(PAGE, "python")
    try:
        exec(declaration, dict(vars(momentum)))
        declared = FEATURES["roc_10"]
    finally:
        FEATURES.pop("roc_10", None)
    table = random_candles(300, seed=3)
    whole = declared.function(as_candles(table, table, 15))
    buffer = declared.function(as_candles(table.iloc[-declared.lookback :], table, 15))
    short = declared.function(as_candles(table.iloc[-declared.lookback + 1 :], table, 15))
    assert np.isfinite(whole[-1])
    assert buffer[-1] == whole[-1]
    assert np.isnan(short[-1])
    assert declared.meaning == "Rate of change over 10 candles, in percent."


def test_a_recursive_features_lookback_is_found():
    """The one that the text names."""
    _, search = blocks(PAGE, "python")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(search, PAGE, "exec"), {"__name__": "__main__"})
    assert f"It prints {printed.getvalue().strip()}." in (ROOT / PAGE).read_text()
