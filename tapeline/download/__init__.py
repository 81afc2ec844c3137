"""Candles of exchanges, over the network, resumed where the last run stopped."""
