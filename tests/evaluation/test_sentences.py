"""Sentences of the log: rounded figures beside their interval, and no word on what is not defined."""

import pytest

from tapeline.evaluation.account_metrics import BacktestMetrics, FtmoMetrics
from tapeline.evaluation.metrics import DirectionMetrics, TrendMetrics
from tapeline.evaluation.sentences import TOLD, sentence


def make(kind, **known):
    """Metrics of which only `known` are defined."""
    return kind(**(dict.fromkeys(kind.names()) | known))


def test_accuracy_stands_beside_its_interval_the_ceiling_and_controls():
    """Shares are percent; what no figure is there for is counted."""
    known = {
        "accuracy_all": 0.68997, "accuracy_all_low": 0.6742, "accuracy_all_high": 0.7058,
        "ceiling": 0.7506, "accuracy_best_control": 0.6705, "lead_over_controls_low": 0.0106,
        "log_loss": 0.60254, "ece": 0.01346,
    }  # fmt: skip
    n = len(DirectionMetrics.names())
    assert sentence(make(DirectionMetrics, **known)) == (
        "right on 69.0 % [67.4 %, 70.6 %], of at most 75.1 %; the best control on 67.0 %, the lead over each "
        "control is 1.1 % or more; log loss 0.6025, calibration error 0.0135 "
        f"({n - 8} of {n} figures undefined)"
    )


def test_on_real_candles_there_is_no_ceiling_to_speak_of():
    """Nor of a trend's error."""
    assert "of at" not in sentence(make(DirectionMetrics, accuracy_all=0.5))
    told = sentence(make(TrendMetrics, mae=0.19, mae_best_control=0.2, lead_over_controls_low=-0.0005))
    assert told.startswith(
        "off by 0.1900 on average; the best control by 0.2000, the lead over each control is -"
    )


def test_an_account_tells_what_it_came_to():
    """Money without cents; costs, swap among them, make net of gross; no interval where there is none."""
    known = {"trades": 2399, "days": 18, "net_pnl": 9084.2, "gross_pnl": 180000, "swap": -84.2}
    told = sentence(make(BacktestMetrics, **known, max_drawdown_inside=0.07))
    assert told.startswith(
        "2,399 trades in 18 days, net PnL 9,084, gross 180,000, costs 170,916; largest drawdown 7.0 %"
    )


@pytest.mark.parametrize(("passed", "breached"), [(1, 0), (0, 1)])
def test_a_program_tells_what_came_of_it(passed, breached):
    """Passed and breached as words."""
    told = sentence(make(FtmoMetrics, first_phase_passed=passed, breached=breached, pass_probability=0.5))
    words = "passed" if passed else "not passed", "breached" if breached else "kept"
    assert told.startswith("first phase {}, limits {}; odds of passing 50.0 %".format(*words))


@pytest.mark.parametrize("kind", TOLD)
def test_of_nothing_nothing_is_told(kind):
    """An account that FTMO does not watch has no figure; one that traded nothing few."""
    assert sentence(make(kind)) == "nothing is defined"
    for name in kind.names():
        assert "None" not in sentence(make(kind, **{name: 1}))
