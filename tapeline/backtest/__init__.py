"""From probabilities to positions, fills, costs and equity."""
