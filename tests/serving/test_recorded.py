"""The clock of a replay stands where it is put."""

from tapeline.serving.recorded import Clock


def test_the_clock_says_what_it_was_set_to():
    """From the beginning of 1970 on, and it does not run by itself."""
    clock = Clock()
    assert clock() == 0.0
    clock.now = 1_700_000_000.5
    assert clock() == clock() == 1_700_000_000.5
