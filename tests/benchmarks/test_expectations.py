"""The benchmark of expectations compares the same checks: on a small table both fail the same."""

import pytest

from benchmarks import expectations


@pytest.mark.slow
def test_both_fail_the_same_rules_on_the_same_columns(monkeypatch, capsys):
    """Else it prints no ratio."""
    monkeypatch.setattr(expectations, "N_ROWS", 5_000)
    expectations.main()
    assert "expectations, 60 features, 5,000 rows" in capsys.readouterr().out
