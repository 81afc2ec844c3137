"""All folds of one network, from feature tables to models and predictions."""
