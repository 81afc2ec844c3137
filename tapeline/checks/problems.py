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
        """The line, the proposal indented below it."""
        return "\n    ".join([self.text, *self.proposal.splitlines()])


def problems_of(ask: Callable[..., Any], *arguments: Any) -> list[Problem]:
    """The error that people can mend, if `ask` of `arguments` ends in one."""
    try:
        ask(*arguments)
    except TapelineError as error:
        return [Problem(str(error))]
    return []
