"""A bundle's numbers: each from the scaled rows of its own window, and the tier it falls into."""

import json
import shutil

import numpy as np
import pytest

from tapeline.promotion.bundle import PREDICTING, open_to_time
from tapeline.serving import predictor as module
from tapeline.serving.answers import Prediction
from tapeline.serving.predictor import Predictor
from tests.serving.bundles import CHOSEN, LENGTH

N_ROWS = 40
WINDOWS = range(LENGTH - 1, N_ROWS)


@pytest.fixture(scope="module")
def predictors(bundles):
    """Of the direction and of the trend."""
    return [Predictor(folder) for folder in bundles]


def scaler_of(folder):
    """Mean and standard deviation of each feature, as model.json has them."""
    scaler = json.loads((folder / "model.json").read_text())["scaler"]
    return np.array(scaler["mean"]), np.array(scaler["std"])


@pytest.fixture(scope="module")
def rows(bundles):
    """Features of consecutive candles as in training, but for a crash in one of them."""
    mean, std = scaler_of(bundles[0])
    deviations = np.random.default_rng(7).normal(0, 1, (N_ROWS, len(CHOSEN)))
    deviations[25, ::3] = -40
    return mean + std * deviations


def by_hand(predictor, folder, rows, last):
    """The graph's number for the one window that ends with row `last`, clipped at 10 deviations."""
    mean, std = scaler_of(folder)
    scaled = np.clip((rows - mean) / std, -10, 10)
    window = scaled[last - LENGTH + 1 : last + 1].astype(np.float32)
    (graph_input,) = predictor.bundle.session.get_inputs()
    return float(predictor.bundle.session.run(None, {graph_input.name: window[None]})[0][0])


@pytest.mark.parametrize("which", [0, 1])
def test_every_row_is_predicted_from_the_window_that_ends_there(predictors, bundles, rows, which):
    """From the first that has one; neither row before it nor behind it counts."""
    predictor = predictors[which]
    numbers = predictor.predict(rows)
    assert numbers.shape == (N_ROWS - LENGTH + 1,)
    expected = [by_hand(predictor, bundles[which], rows, last) for last in WINDOWS]
    np.testing.assert_allclose(numbers, expected, atol=1e-6)
    assert np.ptp(numbers) > 1e-4


def test_rows_are_predicted_in_the_order_asked_for(predictors, rows):
    """Some of them, twice, backwards: the same numbers as all together."""
    whole = dict(zip(WINDOWS, predictors[0].predict(rows), strict=True))
    asked = np.array([39, 11, 20, 20])
    numbers = predictors[0].predict_rows(rows, asked)
    np.testing.assert_allclose(numbers, [whole[row] for row in asked], atol=1e-6)


def test_many_windows_are_predicted_piece_by_piece(predictors, rows, monkeypatch):
    """To bound memory; the last piece may be smaller, and nothing is lost or doubled."""
    whole, sizes = predictors[0].predict(rows), []
    run = type(predictors[0].bundle).run
    monkeypatch.setattr(module, "WINDOWS_AT_ONCE", 8)
    monkeypatch.setattr(
        type(predictors[0].bundle), "run", lambda self, x: (sizes.append(len(x)), run(self, x))[1]
    )
    np.testing.assert_allclose(predictors[0].predict(rows), whole, atol=1e-6)
    assert sizes == [8, 8, 8, 5]


def test_too_few_rows_give_no_number(predictors, rows):
    """One less than a window, and rows that nobody asked for."""
    assert predictors[0].predict(rows[: LENGTH - 1]).shape == (0,)
    assert predictors[0].predict_rows(rows, np.array([], dtype=np.int64)).shape == (0,)


def test_nothing_is_kept_between_calls(predictors, rows):
    """The same rows, after others, give the same number."""
    before = predictors[0].predict(rows)
    predictors[0].predict(rows[::-1].copy())
    assert np.array_equal(predictors[0].predict(rows), before)


@pytest.mark.parametrize(
    ("probability", "tier"),
    [(0.5, "B"), (0.69, "B"), (0.31, "B"), (0.71, "A"), (0.29, "A"), (1.0, "A"), (0.0, "A"), (np.nan, None)],
)
def test_a_direction_has_its_tier_whichever_way_it_points(predictors, probability, tier):
    """A from a confidence of 0.7 on, B from 0.5, as the bundle's contract says."""
    _, found, _ = predictors[0].as_predictions(np.array([0.6, probability, 0.9]))
    assert (found.tier, found.trend_strength) == (tier, None)
    assert found.value == pytest.approx(probability, nan_ok=True)


def test_a_strength_has_no_tier(predictors):
    """However high it is."""
    assert predictors[1].as_predictions(np.array([0.9])) == [Prediction(trend_strength=0.9)]
    assert predictors[1].tiers(np.array([0.9])) == [None]


def test_it_is_known_by_its_artifact_and_what_it_takes(predictors):
    """Columns in the order of the training."""
    assert [predictor.artifact for predictor in predictors] == ["lstm", "transformer"]
    assert predictors[0].features == [feature.name for feature in CHOSEN]
    assert predictors[0].sequence_length == LENGTH


def test_the_files_that_predict_are_enough_to_time_a_bundle(bundles, rows, tmp_path):
    """Latency depends on these alone: the same numbers with nothing else in the folder."""
    for name in PREDICTING:
        shutil.copy(bundles[0] / name, tmp_path / name)
    timed = Predictor(tmp_path, open_to_time)
    np.testing.assert_array_equal(timed.predict(rows), Predictor(bundles[0]).predict(rows))
