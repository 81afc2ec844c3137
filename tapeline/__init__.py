"""Exchange candles in, promoted models out: the library behind the stages."""
