"""Expectations and the leak audit: judges data, repairs nothing."""
