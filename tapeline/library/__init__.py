"""What `tapeline.api` offers: functions of all rooms on plain DataFrames; wrong input gets a sentence."""
