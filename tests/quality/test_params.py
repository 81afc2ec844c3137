"""Section `quality` refuses what it can't obey."""

import pytest
from pydantic import ValidationError

from tapeline.quality.params import QualityParams


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("leak_cuts", 0),
        ("seed", -1),
        ("max_filled_share", 1.5),
        ("max_move", 0.0),
        ("max_gap_share", 1.1),
        ("max_quiet", 0),
        ("max_seam_move", -1.0),
        ("max_psi", 0.0),
        ("max_ks", 1.1),
        ("max_stale", 0),
        ("min_label_share", 0.6),
        ("max_missing_labels", -0.1),
        ("warnings", ["types"]),
        ("warnings", ["no_such_rule"]),
    ],
)
def test_value_against_a_rule_is_refused(params, key, value):
    """Out of range, unknown, or a rule about shape and time that is no choice."""
    with pytest.raises(ValidationError, match=key):
        QualityParams.model_validate({**params.model_dump(), key: value})


def test_warnings_read_from_a_list(params):
    """YAML hands over a list."""
    values = {**params.model_dump(), "warnings": ["constant"]}
    assert QualityParams.model_validate(values).warnings == ("constant",)
