"""Findings: candles that are read, and that a person should look at."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """`count` candles of one `rule`; `message` names the first, or the worst, by file, row and value.

    `files` holds, where files differ: file whose candles stay, file whose candles go, their number.
    """

    rule: str
    count: int
    message: str
    files: tuple[tuple[str, str, int], ...] = ()

    @property
    def record(self) -> dict[str, Any]:
        """The finding in `metrics/detail/data.json`, whose key `told` holds the message."""
        return {"rule": self.rule, "count": self.count, "told": self.message, "files": self.files}
