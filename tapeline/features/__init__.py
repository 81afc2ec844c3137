"""Causal features and their labels."""
