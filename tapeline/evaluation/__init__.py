"""Out-of-sample statistics, controls and their intervals."""
