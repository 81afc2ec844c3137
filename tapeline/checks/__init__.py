"""params.yaml and the candles it names, held against each other before anything runs."""
