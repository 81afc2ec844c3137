"""Recorded candles served as if they came now: the time that goes with them."""

DELAY_S = 0.5  # from a candle's close until it comes


class Clock:
    """Seconds since 1970 at which the newest candle of a replay comes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now
