"""Promoted bundles behind HTTP, for those whose bot is not Python: candles in, predictions out."""
