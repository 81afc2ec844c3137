"""A bundle of the simulated market predicts no other candles; nor does one that doesn't say its market."""

from types import SimpleNamespace

import pytest

from tapeline.errors import ArtifactError
from tapeline.promotion.contract import Origin
from tapeline.serving.markets import market_name, require_market


def contract(name=None, source="files"):
    """Of a bundle trained on that market; None: of former code."""
    market = None if name is None else Origin(name=name, source=source)
    return SimpleNamespace(artifact=f"of-{name}", market=market)


KRAKEN, SIMULATED, FORMER = contract("KRAKEN"), contract("simulated", "simulated"), contract()


def test_a_market_is_named_as_its_candles_are():
    """By the origin that ingest wrote; unknown where none was."""
    assert [market_name(each) for each in (KRAKEN, SIMULATED, FORMER)] == ["KRAKEN", "simulated", "unknown"]


def test_bundles_of_exchanges_predict_always():
    """Of one or of two; simulated candles as well."""
    for allow_simulated in (False, True):
        require_market([KRAKEN, contract("BINANCE, KRAKEN")], allow_simulated)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (SIMULATED, "of-simulated: was trained on the simulated market, so it predicts simulated candles"),
        (FORMER, "of-None: was trained on a market that it does not name, so it predicts simulated candles"),
    ],
)
def test_others_only_where_that_is_allowed(bad, told):
    """Wherever it stands among others, it is the one that is named, with what allows it."""
    for contracts in ([bad], [KRAKEN, bad], [bad, KRAKEN]):
        with pytest.raises(ArtifactError, match=f"^{told} alone.*; ALLOW_SIMULATED=1 predicts others"):
            require_market(contracts, allow_simulated=False)
        require_market(contracts, allow_simulated=True)


def test_the_source_decides_and_not_the_name():
    """A folder that somebody called simulated holds an exchange's candles all the same, and vice versa."""
    require_market([contract("simulated", "files")], allow_simulated=False)
    with pytest.raises(ArtifactError, match="of-KRAKEN: was trained on the simulated market"):
        require_market([contract("KRAKEN", "simulated")], allow_simulated=False)
