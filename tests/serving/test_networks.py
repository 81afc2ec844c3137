"""Networks asked for many windows at once say what each says of one."""

import numpy as np
import pytest

from tapeline.serving.networks import AT_ONCE, Networks
from tapeline.serving.predictor import Predictor
from tests.serving.bundles import CHOSEN, LENGTH, make_bundle

NAMES = [feature.name for feature in CHOSEN]


@pytest.fixture(scope="module")
def predictors(tmp_path_factory):
    """Of two bundles, one of which scales otherwise."""
    folder = tmp_path_factory.mktemp("networks")
    scaler = {"mean": np.linspace(-1, 1, len(CHOSEN)).tolist(), "std": [2.0] * len(CHOSEN)}
    return [
        Predictor(make_bundle(folder, "lstm", scaler=scaler)),
        Predictor(make_bundle(folder, "transformer", artifact="transformer")),
    ]


@pytest.mark.parametrize("n", [1, 2, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 5])
def test_many_windows_at_once_are_each_its_own(predictors, n):
    """Whatever their number: the tier, and numbers to 1e-6, of each asked alone, in its place."""
    networks, rng = Networks(predictors, NAMES), np.random.default_rng(n)
    windows = [networks.scale(rng.normal(size=(LENGTH, len(CHOSEN))).astype(np.float32)) for _ in range(n)]
    together = networks.ask(windows)
    assert len(together) == n
    for window, found in zip(windows, together, strict=True):
        (alone,) = networks.ask([window])
        assert set(found) == {each.artifact for each in predictors}
        for artifact, prediction in alone.items():
            assert found[artifact].value == pytest.approx(prediction.value, abs=1e-6)
            assert found[artifact].tier == prediction.tier
    if n > 2:
        assert len({each[predictors[0].artifact].value for each in together}) == n


def test_rows_are_scaled_as_each_bundle_does(predictors):
    """One beside the other, columns by name."""
    rows = np.random.default_rng(0).normal(size=(5, len(CHOSEN))).astype(np.float32)
    order = NAMES[::-1]
    expected = np.concatenate([each.scale(rows) for each in predictors], axis=1)
    np.testing.assert_array_equal(Networks(predictors, order).scale(rows[:, ::-1].copy()), expected)


def test_nothing_asked_is_nothing_said(predictors):
    """No window, no call."""
    assert Networks(predictors, NAMES).ask([]) == []
