"""What a fill costs: half the spread against the trader, and commission."""

from typing import Annotated

from pydantic import ConfigDict, Field, RootModel, model_validator

from tapeline.params import Section

BPS = 1e-4  # one basis point, as a fraction
DEFAULT = "default"

CostBps = Annotated[float, Field(ge=0, lt=10_000)]


class InstrumentCosts(Section):
    """Costs of one instrument."""

    spread_bps: CostBps  # whole quoted spread, basis points of the price
    commission_bps: CostBps  # basis points of the notional, a side

    @property
    def half_spread(self) -> float:
        """What a fill lies off the middle of the spread, fraction of the price."""
        return self.spread_bps * BPS / 2

    @property
    def commission(self) -> float:
        """Commission of one fill, fraction of its notional."""
        return self.commission_bps * BPS


class CostParams(RootModel[dict[str, InstrumentCosts]]):
    """Section `costs`: symbol -> its costs, and `default` for every symbol that is not named."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="after")
    def _has_default(self) -> "CostParams":
        if DEFAULT not in self.root:
            raise ValueError(f"must have a `{DEFAULT}` for symbols that are not named")
        return self

    def costs_of(self, symbol: str) -> InstrumentCosts:
        """Return the costs of `symbol`, or the default's."""
        return self.root.get(symbol, self.root[DEFAULT])
