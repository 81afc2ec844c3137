"""What a run claims, derived anew by definitions of its own from candles, times and predictions."""
