"""The generated pages are current."""

from typing import get_args

import pytest

from tapeline.closure import ROOT
from tapeline.features.catalog import FEATURES
from tapeline.market.data_params import Layout
from tapeline.reports.reference import PAGES, candles_page, features_page


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_a_page_is_current(path):
    """What is declared is what the page says: run `make docs` after a change."""
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path]()


def test_the_page_of_candles_names_every_layout_that_data_layout_takes():
    """One row each, beside auto."""
    rows = [line.split("`")[1] for line in candles_page().splitlines() if line.startswith("| `")]
    assert ("auto", *rows) == get_args(Layout)


def test_the_page_names_every_feature_once():
    """One row each, with its lookback."""
    page = features_page()
    for name, feature in FEATURES.items():
        assert page.count(f"| `{name}` | {feature.lookback} |") == 1
