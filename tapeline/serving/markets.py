"""Which candles a bundle may predict: one of the simulated market predicts simulated candles alone."""

from collections.abc import Sequence

from tapeline.errors import ArtifactError
from tapeline.market.origin import SIMULATED
from tapeline.promotion.contract import Contract

UNKNOWN = "unknown"  # of bundles of former code, which recorded no market


def market_name(contract: Contract) -> str:
    """Name of the market that a bundle was trained on: `simulated`, an exchange's, or `unknown`."""
    return contract.market.name if contract.market else UNKNOWN


def require_market(contracts: Sequence[Contract], allow_simulated: bool) -> None:
    """Raise ArtifactError if a bundle is of the simulated market, or of an unknown one.

    allow_simulated : the candles are simulated, too, or the user allows it; names of symbols can't decide,
        since BTC-USD is in both
    """
    for contract in contracts:
        market = contract.market
        if allow_simulated or (market and market.source != SIMULATED):
            continue
        trained = "on the simulated market" if market else "on a market that it does not name"
        raise ArtifactError(
            f"{contract.artifact}: was trained {trained}, so it predicts simulated candles alone, as in "
            "data/candles of a simulated run; ALLOW_SIMULATED=1 predicts others all the same"
        )
