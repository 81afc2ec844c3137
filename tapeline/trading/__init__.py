"""From predictions to accounts, verdicts and their tables."""
