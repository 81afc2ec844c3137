"""params.yaml and the candles it names, checked against each other before anything runs."""
