"""Candles of a replay answered as tables, too: a batch that does otherwise than the stream is found."""

import numpy as np
import pytest

import tapeline.serving.batch as batch
from tapeline.errors import ArtifactError
from tapeline.release.replay_stretches import Stretch
from tapeline.release.replay_together import require_same_together
from tapeline.serving.predictor import Predictor
from tests.release.feeds import LAST, make_feed


@pytest.fixture(scope="module")
def fed(bundles, tmp_path_factory):
    """The feed, its stretches and the answers in step."""
    return make_feed(tmp_path_factory.mktemp("candles"), bundles)


def test_tables_are_answered_as_the_stream_does(fed):
    """Every real candle, predicted or not; in one stretch or in several, one of them without a candle."""
    feed, (whole,), in_step = fed
    assert require_same_together(feed, (whole,), in_step) == 2 * LAST - 2 == len(in_step)
    parts = [whole.start, whole.start + 30 * feed.step, whole.start + 31 * feed.step, whole.end]
    halves = [Stretch(parts[0], parts[1]), Stretch(parts[1], parts[1]), Stretch(parts[2], parts[3])]
    some = in_step[in_step["timestamp"] != parts[1]]
    assert require_same_together(feed, halves, some) == len(some) == len(in_step) - 2


def test_a_batch_that_predicts_from_a_row_before_is_found(fed, monkeypatch):
    """Each row one back, and of one symbol's rows a single one."""
    original = Predictor.predict_rows
    monkeypatch.setattr(Predictor, "predict_rows", lambda self, x, rows: original(self, x, rows - 1))
    told = r"lstm: the bundle answers 0\.\d+ at AAA-USD .* fed in step, and 0\.\d+ in a table of candles, as"
    with pytest.raises(ArtifactError, match=told):
        require_same_together(*fed)
    last = LAST - 1
    monkeypatch.setattr(
        Predictor,
        "predict_rows",
        lambda self, x, rows: original(self, x, rows - (np.arange(len(rows)) == last)),
    )
    with pytest.raises(ArtifactError, match=r"lstm: .* fed in step, and 0\.\d+ in a table of candles$"):
        require_same_together(*fed)


def test_a_batch_that_refuses_filled_windows_is_found(fed, monkeypatch):
    """Where the stream takes them."""
    original = batch.answer_predicted
    refused = batch.answer_out_of_range
    monkeypatch.setattr(
        batch, "answer_predicted", lambda key, *more: refused(key) if more[1] else original(key, *more)
    )
    told = "answer predicted .2 candles before it were missing and are filled. at BBB-USD .*and refused .its"
    with pytest.raises(ArtifactError, match=told):
        require_same_together(*fed)
