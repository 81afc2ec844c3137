"""What `make check` found wrong, and what to write instead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tapeline.errors import TapelineError


@dataclass(frozen=True)
class Problem:
    """One line that says what is wrong, and lines to paste, if any are known."""

    text: str
    proposal: str = ""

    def message(self) -> str:
        """The text, with the proposal indented below it."""
        return "\n    ".join([self.text, *self.proposal.splitlines()])


def problems_of(ask: Callable[..., Any], *arguments: Any) -> list[Problem]:
    """The TapelineError that `ask(*arguments)` raises, as one problem; none where it raises none."""
    try:
        ask(*arguments)
    except TapelineError as error:
        return [Problem(str(error))]
    return []
