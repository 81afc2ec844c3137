"""What the simulated market's best filter knew, when all that is hidden from a minute on is another.

A ceiling that looked ahead would make a model that does look honest. Real candles have none.
"""

from dataclasses import fields

import numpy as np

from tapeline.market.data_params import DataParams
from tapeline.market.simulation import HiddenMarket, SimulatedSymbol, SimulationParams, draw_hidden, tell
from tapeline.market.times import MINUTE
from tapeline.promotion.proofs import ProvedPart
from tapeline.release.proof_compare import Comparison, Known
from tapeline.release.proof_moments import times_of
from tapeline.release.proof_run import CANDLES, Run
from tapeline.store.tables import read_table

CHANGES = 6  # minutes that are tried


def prove_ceiling(run: Run, rng: np.random.Generator) -> list[ProvedPart]:
    """Replace what is hidden from a minute on: candles and the stored ceiling before it stay.

    No part where candles are real. ProofError names the first value that differs.
    """
    if run.params.section("data", DataParams).source != "simulated":
        return []
    params, comparison = run.params.section("simulation", SimulationParams), Comparison()
    hidden = draw_hidden(params, len(run.symbols))
    told = tell(hidden, params, run.symbols, run.horizon)
    ceilings = {
        s: read_table(run.root / CANDLES / "ceiling", s, [str(name) for name in told[s].ceiling])
        for s in run.symbols
    }
    stored = {s: SimulatedSymbol(told[s].candles, ceilings[s]) for s in run.symbols}
    first = np.datetime64(params.start, "us").astype(np.int64)
    minutes = np.sort(rng.integers(1, len(hidden.regimes), CHANGES))
    for minute in minutes.tolist():
        moment = int(first) + minute * MINUTE
        other = tell(with_other_future(hidden, minute, rng), params, run.symbols, run.horizon)
        for symbol in run.symbols:
            for kind in ("candles", "ceiling"):
                sides = getattr(stored[symbol], kind), getattr(other[symbol], kind)
                base, changed = (times_of(table) for table in sides)
                known = Known.until(base, changed, moment)
                comparison.tables("ingest", f"{symbol}'s {kind}", sides, known)
    return [ProvedPart(name="the ceiling", moment=None, trials=minutes.size, values=comparison.compared)]


def with_other_future(hidden: HiddenMarket, minute: int, rng: np.random.Generator) -> HiddenMarket:
    """The same up to `minute`, and from there on its own minutes in another order, returns turned around."""
    order = np.arange(len(hidden.regimes))
    order[minute:] = rng.permutation(order[minute:])
    turned = np.where(np.arange(len(order)) < minute, 1.0, -1.0)[:, None]
    moved = {field.name: getattr(hidden, field.name)[order] for field in fields(hidden)}
    return HiddenMarket(**moved | {"scaled_returns": moved["scaled_returns"] * turned})
