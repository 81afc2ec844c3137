"""Which model is offered, and which rows speak of it."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tapeline.splits.candidate import Candidate


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 5))
def test_the_last_folds_rows_alone_speak_of_its_model(folds, n_folds):
    """Not those of the last fold that has rows; all of them where it was refitted and has none."""
    table = pd.DataFrame({"fold": folds, "row": range(len(folds))})
    own = Candidate(n_folds, is_refit=False).rows(table)
    assert own["row"].tolist() == [row for row, fold in enumerate(folds) if fold == n_folds - 1]
    assert own.index.tolist() == list(range(len(own)))
    assert Candidate(n_folds, is_refit=True).rows(table)["row"].tolist() == list(range(len(folds)))


def test_what_ships_says_whose_figures_it_carries():
    """A refitted model is of the fold after the last."""
    assert Candidate(3, is_refit=False).record == {"model": "fold_2", "figures_of": "fold_2"}
    assert Candidate(3, is_refit=True).record == {"model": "refit", "figures_of": "walk_forward"}
    assert (Candidate(3, is_refit=False).fold, Candidate(3, is_refit=True).fold) == (2, 3)
    assert Candidate(11, is_refit=False).model == "fold_10"
