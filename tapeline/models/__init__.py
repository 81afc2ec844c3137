"""The models there are: one module per model, and their table."""
