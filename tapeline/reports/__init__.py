"""Pages and charts of runs and data."""
