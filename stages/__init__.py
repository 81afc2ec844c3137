"""What DVC runs: one thin script a stage."""
