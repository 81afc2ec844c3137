"""Predictions beside labels, ceiling and controls; what the audits are given."""
