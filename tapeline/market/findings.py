"""What a person should look at: candles that are read, and may not be what they seem."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`count` candles of one `rule`; `told` names the first, or the worst, by file, row and value.

    `files` has, where files differ, whose candle stays, whose goes, and how many.
    """

    rule: str
    count: int
    told: str
    files: tuple[tuple[str, str, int], ...] = ()
