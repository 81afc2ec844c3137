"""Pages and charts of what runs have left."""
