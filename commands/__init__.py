"""What a person runs through make."""
