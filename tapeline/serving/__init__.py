"""A promoted bundle at work: candles in, predictions out. Needs neither torch nor DVC."""
