"""Data Docs are of the suites that the pipeline runs, and appear whole or not at all."""

import pytest

from tapeline.errors import QualityError
from tapeline.quality.data_docs import write_data_docs
from tapeline.quality.expectations import candle_suites


@pytest.mark.slow
def test_docs_show_every_expectation_with_its_verdict(candles, params, tmp_path, capfd):
    """A page a suite, with each expectation noted by its rule; a failed one shows its value."""
    candles.loc[10, "volume"] = -2.5
    missing = candles.drop(columns="volume")
    suites = {"BTC-USD candles": candle_suites(candles, "1m", params)}
    suites["ETH-USD candles"] = candle_suites(missing, "1m", params)  # ends after its first suite
    index = write_data_docs(suites, tmp_path / "docs")
    judged = {page.parent.parent.parent.name for page in index.parent.glob("validations/**/*.html")}
    result = next(index.parent.glob("validations/BTC-USD candles 3/**/*.html")).read_text()
    suite = (index.parent / "expectations/BTC-USD candles 3.html").read_text()
    assert judged == {"BTC-USD candles 1", "BTC-USD candles 2", "BTC-USD candles 3", "ETH-USD candles 1"}
    assert index.is_file()
    assert "-2.5" in result
    for note in ("volume of volume", "ohlc of high", "seam of file", "gap_share of timestamp"):
        assert note in suite
    assert capfd.readouterr() == ("", "")


def test_nothing_to_judge_is_an_error(tmp_path):
    """No empty site that looks good."""
    with pytest.raises(QualityError, match="no table to judge"):
        write_data_docs({}, tmp_path / "docs")
    assert not (tmp_path / "docs").exists()
