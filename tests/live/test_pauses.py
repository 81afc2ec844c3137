"""Garbage is looked for between answers."""

import gc

import pytest

from tapeline.live.pauses import hold_what_there_is, no_collection


def test_nothing_is_looked_for_within_the_block():
    """However much is made there, and though it ends in an error; afterwards as before."""
    begun = []
    gc.callbacks.append(lambda phase, info: begun.append(gc.isenabled()))
    try:
        with pytest.raises(ValueError, match="an answer"), no_collection():
            made = [[k] for k in range(50_000)]
            assert begun == []
            raise ValueError("an answer")
        assert gc.isenabled()
        made += [[k] for k in range(50_000)]
        assert begun
        assert all(begun)
    finally:
        gc.callbacks.pop()


def test_who_looks_for_none_is_left_alone():
    """It is not switched on for him."""
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_a_start_made_is_passed_over():
    """And is collected again once it is let go."""
    try:
        hold_what_there_is()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
