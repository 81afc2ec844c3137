"""Rules that learn from the last candle's features alone: a linear one and boosted trees."""
