"""A baseline on disk."""

import numpy as np
import pytest

from tapeline.baselines.boosting_fit import fit_boosting
from tapeline.baselines.kinds import BOOSTING, LINEAR
from tapeline.baselines.linear_fit import fit_linear
from tapeline.baselines.stored import FITTED, load_baseline, save_baseline
from tapeline.errors import ArtifactError
from tapeline.schema import DIRECTION, LABELS
from tests.baselines.test_boosting import PARAMS, rows


@pytest.mark.parametrize("label", LABELS)
def test_a_stored_baseline_says_what_it_said(tmp_path, label):
    """To the last bit, both kinds; and the same bytes are written again."""
    data = rows(label)
    models = {
        LINEAR[label]: fit_linear(label, data, data, [0.1])[0],
        BOOSTING: fit_boosting(label, data, rows(label, seed=1), PARAMS)[0],
    }
    for kind, model in models.items():
        record = {"kind": kind, "label": label, "horizon": 15}
        for copy in ("one", "two"):
            save_baseline(tmp_path / copy / kind, model, record)
        loaded, found = load_baseline(tmp_path / "one" / kind)
        assert found == record
        assert np.array_equal(loaded.predict(data.x), model.predict(data.x))
        first, second = ((tmp_path / copy / kind / FITTED).read_bytes() for copy in ("one", "two"))
        assert first == second


def test_a_broken_one_is_refused_with_its_folder(tmp_path):
    """Missing, cut short, or of another kind than it says."""
    data = rows(DIRECTION)
    folder = tmp_path / "fold_0"
    with pytest.raises(ArtifactError, match="fold_0: no whole baseline"):
        load_baseline(folder)
    model = fit_linear(DIRECTION, data, data, [0.1])[0]
    save_baseline(folder, model, {"kind": BOOSTING, "label": DIRECTION})
    with pytest.raises(ArtifactError, match="fold_0: no whole baseline"):
        load_baseline(folder)
    (folder / FITTED).write_bytes((folder / FITTED).read_bytes()[:20])
    with pytest.raises(ArtifactError, match="fold_0: no whole baseline"):
        load_baseline(folder)
