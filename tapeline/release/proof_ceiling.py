"""What the simulated market's best filter knew, when all that is hidden from a minute on is another.

A ceiling that looked ahead would make a model that does look honest. Real candles have none.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tapeline.market.data_params import DataParams
from tapeline.market.simulation import (
    HiddenMarket,
    SimulatedSymbol,
    SimulationParams,
    draw_hidden,
    groups_of,
    tell,
)
from tapeline.market.strength import expect_strengths
from tapeline.market.times import MINUTE
from tapeline.nets.params import Size
from tapeline.promotion.proofs import ProvedPart
from tapeline.release.proof_compare import Comparison, Known
from tapeline.release.proof_moments import times_of
from tapeline.release.proof_run import CANDLES, CEILINGS, Run
from tapeline.scoring.ceilings import ceilings_of_tests
from tapeline.store.tables import read_table

CHANGES = 6  # minutes that are tried
CHANGES_IN_TESTS = 3  # of those, each of which costs as much as the stage


class Group(NamedTuple):
    """Symbols that share a noise, and what is hidden of them."""

    params: SimulationParams
    symbols: Sequence[str]
    hidden: HiddenMarket


def prove_ceiling(run: Run, rng: np.random.Generator) -> list[ProvedPart]:
    """Replace what is hidden from a minute on: candles and the stored ceiling before it stay.

    No part where candles are real. ProofError names the first value that differs.
    """
    if run.params.section("data", DataParams).source != "simulated":
        return []
    params = run.params.section("simulation", SimulationParams)
    of_all, of_tests = Comparison(), Comparison()
    groups = groups_of(run.symbols)
    for number, symbols in enumerate(groups):
        group = Group(params, symbols, draw_hidden(params, len(symbols), number))
        prove_group(run, group, rng, of_all)
        prove_tests_of_group(run, group, rng, of_tests)
    return [
        ProvedPart(name=name, moment=None, trials=trials * len(groups), values=comparison.compared)
        for name, trials, comparison in (
            ("the ceiling", CHANGES, of_all),
            ("ceilings of tests", CHANGES_IN_TESTS, of_tests),
        )
    ]


def prove_group(run: Run, group: Group, rng: np.random.Generator, comparison: Comparison) -> None:
    """Likewise of one group: its candles and its stored ceiling."""
    params, symbols, hidden = group
    told = tell(hidden, params, symbols, run.horizon)
    ceilings = {
        s: read_table(run.root / CANDLES / "ceiling", s, [str(name) for name in told[s].ceiling])
        for s in symbols
    }
    stored = {s: SimulatedSymbol(told[s].candles, ceilings[s]) for s in symbols}
    first = np.datetime64(params.start, "us").astype(np.int64)
    minutes = np.sort(rng.integers(1, len(hidden.regimes), CHANGES))
    for minute in minutes.tolist():
        moment = int(first) + minute * MINUTE
        other = tell(with_other_future(hidden, minute, rng), params, symbols, run.horizon)
        for symbol in symbols:
            for kind in ("candles", "ceiling"):
                sides = getattr(stored[symbol], kind), getattr(other[symbol], kind)
                base, changed = (times_of(table) for table in sides)
                known = Known.until(base, changed, moment)
                comparison.tables("ingest", f"{symbol}'s {kind}", sides, known)


def prove_tests_of_group(run: Run, group: Group, rng: np.random.Generator, comparison: Comparison) -> None:
    """Likewise what is stored of the tests, each time from the minute on that follows one with a window."""
    params, symbols, hidden = group
    strengths = expect_strengths(params.regimes, run.horizon)
    length = run.params.value("train.sequence_length", Size)
    stored = {symbol: read_table(run.root / CEILINGS, symbol) for symbol in symbols}
    looked_at = stored[symbols[0]].dropna(subset="window").iloc[:-1]  # nothing may follow the last
    first = int(np.datetime64(params.start, "us").astype(np.int64))
    for time in rng.choice(times_of(looked_at), CHANGES_IN_TESTS, replace=False):
        moment = int(time) + MINUTE
        other = with_other_future(hidden, (moment - first) // MINUTE, rng)
        changed = ceilings_of_tests(other, params, symbols, run.folds, strengths, run.horizon, length)
        for symbol in symbols:
            sides = stored[symbol], changed[symbol]
            base, after = (times_of(table) for table in sides)
            comparison.tables("ceilings", symbol, sides, Known.until(base, after, moment))


def with_other_future(hidden: HiddenMarket, minute: int, rng: np.random.Generator) -> HiddenMarket:
    """The same up to `minute`, and from there on its own minutes in another order, returns turned around."""
    order = np.arange(len(hidden.regimes))
    order[minute:] = rng.permutation(order[minute:])
    turned = np.where(np.arange(len(order)) < minute, 1.0, -1.0)[:, None]
    moved = hidden.ordered(order)
    return replace(moved, scaled_returns=moved.scaled_returns * turned)
