"""What the stage says of the data, in lines for its log."""

from stages.expectations import told_walk
from tapeline.quality.report import RandomWalk


def test_the_random_walk_is_told_in_words():
    """The share that was right, of how many, its interval, and the column that knew the future."""
    told = told_walk(RandomWalk(11574, 0.49567, 0.45507, 0.53628))
    right = "0.4957 of 11574 test candles (interval 0.4551 to 0.5363)"
    assert told == f"on a random walk a model was right on {right}"
    assert told_walk(RandomWalk(10, 0.9, 0.8, 1.0, "peek", 3, 0.7)).endswith(", by peek")
