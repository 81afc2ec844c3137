"""The pages' figures read as a person would write them."""

import pytest

from commands.pages import figure


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (0.123456, "0.1235"),
        (51840, "51,840"),
        (1234567.8, "1,234,568"),
        (0, "0"),
        ("2024-01-01", "2024-01-01"),
    ],
)
def test_a_figure_reads_well(value, text):
    """Four significant digits, thousands apart, a dash where there is none."""
    assert figure(value) == text
