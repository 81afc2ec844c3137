"""Which keys a metrics file has: stated once, closed, and in the file's order."""

import numpy as np
import pytest
from pydantic import ValidationError

from tapeline.evaluation.metrics import DirectionMetrics
from tapeline.models.metrics import AuditFigures, PromotionMetrics, gate_metrics
from tapeline.models.table import FILES, MODELS


def test_every_file_that_speaks_of_a_model_has_its_keys():
    """A gate may be on what is known when gates are judged, not on what they came to."""
    there = gate_metrics()
    assert set(there) == set(FILES)
    assert "passed" not in there["promotion"]
    for model in MODELS:
        assert f"{model.name}_onnx_difference" in there["promotion"]
        assert {"rows", "candidate_is_constant"} <= set(there[model.name])
    assert PromotionMetrics.names()[:2] == ("leaks", "expectations_failed")


def test_an_unknown_or_a_missing_key_is_an_error_where_metrics_are_written():
    """A figure that nobody declared can't slip into a file, nor one that is declared be left out."""
    with pytest.raises(ValidationError, match="lekas"):
        AuditFigures(leaks=0, expectations_failed=0, lekas=1)
    with pytest.raises(ValidationError, match="expectations_failed"):
        AuditFigures(leaks=0)


def test_numbers_stay_as_they_are():
    """An integer is not written as a float, and NumPy's numbers not as anything else."""
    figures = AuditFigures(leaks=np.int64(3), expectations_failed=np.float64(0.5)).plain()
    assert figures == {"leaks": 3, "expectations_failed": 0.5}
    assert [type(value) for value in figures.values()] == [int, float]
    keys = dict.fromkeys(DirectionMetrics.names())
    assert DirectionMetrics(**keys).plain() == keys
