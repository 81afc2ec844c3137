"""A problem as it is shown: its line, and below it what to write instead."""

import pytest

from tapeline.checks.problems import Problem, problems_of
from tapeline.errors import DataError


def test_a_problem_without_a_proposal_is_its_line():
    """And nothing below it."""
    assert Problem("a is 3: must be 4").message() == "a is 3: must be 4"


def test_a_proposal_stands_indented_below_the_line():
    """Its own indents stay, so that it can be pasted."""
    assert Problem("wrong", "data:\n  path: x").message() == "wrong\n    data:\n      path: x"


def test_what_a_person_can_mend_is_a_problem_and_what_works_is_none():
    """Arguments are handed on."""

    def refuse(name, where):
        raise DataError(where, f"{name} is missing")

    assert problems_of(refuse, "a", "b.csv") == [Problem("b.csv: a is missing")]
    assert problems_of(divmod, 7, 2) == []


def test_a_fault_of_the_program_is_no_problem_of_the_params():
    """It is not swallowed."""
    with pytest.raises(ZeroDivisionError):
        problems_of(divmod, 7, 0)
