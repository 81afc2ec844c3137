"""The generated pages are current."""

from commands.deps import ROOT
from commands.docs import features_page
from tapeline.features.catalog import FEATURES


def test_the_page_of_features_is_current():
    """What is declared is what docs/features.md says: run `make docs` after a change."""
    assert (ROOT / "docs/features.md").read_text(encoding="utf-8") == features_page()


def test_the_page_names_every_feature_once():
    """One row each, with its lookback."""
    page = features_page()
    for name, feature in FEATURES.items():
        assert page.count(f"| `{name}` | {feature.lookback} |") == 1
