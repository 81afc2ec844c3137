"""Arguments of others' code: what is wrong is said in a sentence, with its name, row and value."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ArgumentError
from tapeline.library.arguments import numbers_of, read_arguments, require_columns, times_of
from tapeline.params import Section


class Cut(Section):
    """Two arguments."""

    folds: int
    share: float


def refusal(ask, *arguments, **options):
    """The sentence that a call ends in."""
    with pytest.raises(ArgumentError) as caught:
        ask(*arguments, **options)
    assert "params.yaml" not in str(caught.value)
    return str(caught.value)


def test_arguments_are_read_as_their_model():
    """A mapping of any kind."""
    assert read_arguments(Cut, {"folds": 3, "share": 0.5}) == Cut(folds=3, share=0.5)
    assert (
        read_arguments(Cut, pd.Series({"folds": 3, "share": 1.0}, dtype=object).to_dict(), "cut").folds == 3
    )


@pytest.mark.parametrize(
    ("values", "name", "message"),
    [
        ({"folds": 3}, "cut", "cut.share is missing"),
        ({"folds": 3}, "", "share is missing"),
        ({"folds": 3, "share": 0.5, "shar": 1}, "cut", "cut.shar is 1: is no known key; nearest is share"),
        ([3, 0.5], "cut", "cut is a list: must be a mapping of names to values"),
        (None, "cut", "cut is a NoneType: must be a mapping of names to values"),
    ],
)
def test_a_wrong_key_is_named_with_the_argument_that_holds_it(values, name, message):
    """And without it where the keys are arguments themselves."""
    assert refusal(read_arguments, Cut, values, name) == message


def test_a_value_of_another_type_is_not_taken_for_one():
    """Text is no number, and a fraction no count."""
    for folds in ("3", 2.5, None):
        assert refusal(read_arguments, Cut, {"folds": folds, "share": 0.5}, "cut").startswith("cut.folds")


def test_a_table_with_its_columns_is_handed_on_as_it_is():
    """More columns don't matter."""
    table = pd.DataFrame({"a": [1], "b": [2], "c": [3]})
    assert require_columns(table, ("b", "a"), "trades") is table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": [1], "b": [2]}, "trades is a dict: must be a pandas DataFrame"),
        (pd.Series([1], name="a"), "trades is a Series: must be a pandas DataFrame"),
        (pd.DataFrame({"b": [1]}), "trades has no column a: must hold a, b"),
        (pd.DataFrame({"a": [], "b": []}), "trades has no rows"),
        (pd.DataFrame(), "trades has no column a: must hold a, b"),
    ],
)
def test_a_table_that_lacks_something_is_refused(table, message):
    """No table, no column, no row."""
    assert refusal(require_columns, table, ("a", "b"), "trades") == message


def test_times_are_of_utc_whatever_their_zone():
    """Nine in Prague in winter is eight; in microseconds, as all tables here."""
    table = pd.DataFrame({"t": pd.to_datetime(["2024-01-01 09:00"]).tz_localize("Europe/Prague")})
    times = times_of(table, "t", "trades")
    assert list(times) == [pd.Timestamp("2024-01-01 08:00", tz="UTC")]
    assert str(times.dtype) == "datetime64[us, UTC]"


def test_times_without_a_zone_and_texts_are_refused():
    """What zone they are of would be a guess."""
    for column in (pd.to_datetime(["2024-01-01"]), ["2024-01-01T00:00:00Z"], [1704067200]):
        message = refusal(times_of, pd.DataFrame({"t": column}), "t", "trades")
        assert message.startswith("trades: t is of dtype ")
        assert "must be times with a zone" in message


def test_the_first_missing_time_is_named_by_its_position():
    """Whatever the index says."""
    times = pd.to_datetime(["2024-01-01", None, None], utc=True)
    table = pd.DataFrame({"t": times}, index=[7, 8, 9])
    assert refusal(times_of, table, "t", "trades") == "trades, row 1: t is NaT: must be a time"


def test_numbers_are_floats_in_order():
    """Whole numbers, texts of numbers, and the bounds themselves."""
    table = pd.DataFrame({"n": ["0", 1, 0.5]})
    assert numbers_of(table, "n", "trades", low=0, high=1).tolist() == [0.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("values", "bounds", "message"),
    [
        ([1.0, np.nan], {}, "trades, row 1: n is nan: must be a finite number"),
        ([np.inf, 1.0], {}, "trades, row 0: n is inf: must be a finite number"),
        (["1", "ΕΘ"], {}, "trades, row 1: n is ΕΘ: must be a finite number"),
        ([0.0, -0.5], {"low": 0}, "trades, row 1: n is -0.5: must be a finite number at least 0"),
        ([1.0, 1.5], {"high": 1}, "trades, row 1: n is 1.5: must be a finite number at most 1"),
        (
            [2.0],
            {"low": 0, "high": 1},
            "trades, row 0: n is 2.0: must be a finite number at least 0 and at most 1",
        ),
    ],
)
def test_the_first_number_out_of_bounds_is_named_with_the_rule(values, bounds, message):
    """Missing, infinite, no number, too small, too large."""
    assert refusal(numbers_of, pd.DataFrame({"n": values}), "n", "trades", **bounds) == message
