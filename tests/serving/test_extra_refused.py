"""Models that take inputs of `data.extra` are not served yet, and say so in one line."""

from types import SimpleNamespace

import pytest

from tapeline.errors import NotServedError
from tapeline.features.catalog import FEATURES
from tapeline.serving.stream import features_of


def test_a_bundle_with_inputs_beyond_candles_is_refused_before_anything_is_computed():
    """What is possible, what is not; never another feature in its place."""
    names = ("return_1", "extra_funding_rate")
    bundle = SimpleNamespace(model=None, contract=SimpleNamespace(artifact="lstm-direction"))
    with pytest.raises(
        NotServedError, match=r"lstm-direction: takes inputs of data\.extra, as extra_funding_rate: "
    ):
        features_of(SimpleNamespace(bundle=bundle, features=names))


def test_no_feature_of_candles_is_named_like_one_of_data_extra():
    """The name alone tells them apart."""
    assert not [name for name in FEATURES if name.startswith("extra_")]
