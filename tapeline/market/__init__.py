"""Candles in: readers of real formats, repairs, gaps and segments, and the simulated market."""
