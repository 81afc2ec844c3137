"""Promoted models on an exchange: candles in, answers recorded, an account on paper, all of it watched."""
