"""Feature tables on disk: one file per symbol, its schema, its readers."""
