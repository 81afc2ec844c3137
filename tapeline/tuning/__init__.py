"""`make tune`: params of a network searched by Optuna, on folds that end before the first reported test."""
