"""Params of trading as they are shipped, some of them changed."""

from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.params import Params
from tapeline.trading.params import TradingParams

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SECTIONS = ("data", "labels", "signals", "instruments", "costs", "execution", "ftmo", "evaluation")


def read(**changes):
    """The shipped sections, some keys of them set."""
    return TradingParams.read(Params({name: SHIPPED[name] | changes.get(name, {}) for name in SECTIONS}))
