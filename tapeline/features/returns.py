"""Log returns over several windows."""

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import log_return


@feature("returns", over=(1, 5, 15, 60, 240), lookback=lambda window: window + 1)
def return_(candles: Candles, window: int) -> FloatArray:
    """Log return of the last {} candles."""
    return log_return(candles.close, window)
