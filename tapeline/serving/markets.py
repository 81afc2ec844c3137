"""Which candles a bundle may predict: one of the simulated market, none but simulated ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapeline.errors import ArtifactError
from tapeline.market.origin import is_of_simulation

UNKNOWN = "unknown"  # of bundles that were packed before they carried their market


def market_name(contract: Mapping[str, Any]) -> str:
    """Name of the market that a bundle was trained on: `simulated`, an exchange's, or `unknown`."""
    return contract["market"]["name"] if contract.get("market") else UNKNOWN


def require_market(contracts: Sequence[Mapping[str, Any]], allow_simulated: bool) -> None:
    """Raise ArtifactError if a bundle is of the simulated market, or of none that is known.

    Unless the candles are simulated, too, or the user allows it, which is `allow_simulated`. Names of
    symbols can't tell: BTC-USD is both.
    """
    for contract in contracts:
        market = contract.get("market")
        if allow_simulated or (market and not is_of_simulation(market)):
            continue
        trained = "on the simulated market" if market else "on a market that it does not name"
        raise ArtifactError(
            f"{contract['artifact']}: was trained {trained}, so it predicts simulated candles alone, as in "
            "data/candles of a simulated run; ALLOW_SIMULATED=1 predicts others all the same"
        )
