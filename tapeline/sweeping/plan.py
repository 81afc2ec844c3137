"""What a sweep tries: choices of signals, each under all costs and executions that it may meet."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from pydantic import ValidationError

from tapeline.backtest.latency import delay_bars
from tapeline.errors import ParamsError, broken_rule
from tapeline.models.ranges import Range
from tapeline.models.swept import (
    MOST,
    SECTIONS,
    SIGNALS,
    Plain,
    SweepParams,
    Values,
    steps_of,
    swept_mistakes,
    with_value,
)
from tapeline.params import Params
from tapeline.schema import Source
from tapeline.trading.params import TradingParams


@dataclass(frozen=True)
class SweepPlan:
    """All configurations of a sweep: every one of `choices` under every one of `conditions`.

    keys : dotted, of signals, in the order of each choice's values; given_keys : likewise of each condition's
    choices : the first has the values of params.yaml; conditions : likewise
    left_out : combinations of signals that can't be, and why the first of them can't
    """

    sweep: SweepParams
    present: TradingParams
    plain: dict[str, Plain]
    source: Source
    keys: tuple[str, ...]
    given_keys: tuple[str, ...]
    choices: tuple[Values, ...]
    conditions: tuple[Values, ...]
    left_out: tuple[int, str]

    @property
    def tried(self) -> int:
        """Accounts traded, each a configuration."""
        return len(self.choices) * len(self.conditions)

    def signals(self, params: TradingParams, choice: Values) -> TradingParams:
        """`params` with the signals of a choice."""
        section = _section(SIGNALS, self.plain[SIGNALS], self.keys, choice)
        return replace(params, signals=section.resolved(self.source))

    def given(self, condition: Values) -> TradingParams:
        """The present params with the costs and execution of a condition."""
        changed = {
            name: _section(name, self.plain[name], self.given_keys, condition)
            for name in SECTIONS
            if name != SIGNALS
        }
        return replace(self.present, **changed)

    @property
    def reach(self) -> int:
        """Candles after its own in which any position of the sweep may still be open."""
        holds = [self.signals(self.present, choice).hold for choice in self.choices]
        delays = [
            delay_bars(self.given(condition).execution.latency_s, self.present.minutes)
            for condition in self.conditions
        ]
        return max(holds) + max(delays) - 1

    @property
    def asks_for_trend(self) -> bool:
        """Whether any configuration looks at the predicted trend strength."""
        return any(self.signals(self.present, choice).signals.minimum_trend > 0 for choice in self.choices)


def plan_sweep(params: Params, sweep: SweepParams) -> SweepPlan:
    """Read the sections that are swept, and list what is tried; ParamsError where it can't be."""
    for name, section in SECTIONS.items():
        params.section(name, section)
    plain: dict[str, Plain] = {name: params.value(name, dict[str, Any]) for name in SECTIONS}
    for mistake in swept_mistakes(sweep, plain):
        raise mistake
    keys = {key: values for key, values in sweep.keys.items() if key.startswith(f"{SIGNALS}.")}
    given = {key: values for key, values in sweep.keys.items() if key not in keys}
    conditions = _unique(
        [_present(plain, given), *product(*(_listed(values) for values in given.values()))] if given else [()]
    )
    drawn = _drawn(plain, keys, sweep)
    choices, left_out, why = [], 0, ""
    for choice in _unique([_present(plain, keys), *drawn]):
        try:
            _section(SIGNALS, plain[SIGNALS], tuple(keys), choice)
        except ValidationError as error:
            left_out, why = left_out + 1, why or broken_rule(error.errors()[0])
        else:
            choices.append(choice)
    present, source = TradingParams.read(params), params.value("data.source", Source)
    plan = SweepPlan(
        sweep, present, plain, source, tuple(keys), tuple(given),
        tuple(choices), tuple(conditions), (left_out, why),
    )  # fmt: skip
    if plan.tried > MOST:
        raise ParamsError(
            "sweep.ranges", "a section", f"makes {plan.tried} configurations: must be {MOST} at most"
        )
    return plan


def _section(name: str, plain: Plain, keys: tuple[str, ...], values: Values) -> Any:
    """Section `name` with those of `keys` set that are below it."""
    for key, value in zip(keys, values, strict=True):
        section, _, rest = key.partition(".")
        if section == name:
            plain = with_value(plain, rest, value)
    return SECTIONS[name].model_validate(plain)


def _present(plain: dict[str, Plain], keys: dict[str, Range | Values]) -> Values:
    """Values of `keys` in params.yaml."""
    found = []
    for key in keys:
        node: Any = plain
        for part in key.split("."):
            node = node[part]
        found.append(node)
    return tuple(found)


def _listed(values: Range | Values) -> list[Any]:
    return steps_of(values) if isinstance(values, Range) else list(values)


def _drawn(plain: dict[str, Plain], keys: dict[str, Range | Values], sweep: SweepParams) -> Iterator[Values]:
    """Choices of signals: all of a grid, or so many draws, each key for itself."""
    if not keys:
        return
    if sweep.mode == "grid":
        sizes = [len(_listed(values)) for values in keys.values()]
        if np.prod(sizes, dtype=float) > MOST:
            rule = f"makes a grid of {np.prod(sizes, dtype=float):g} choices: must be {MOST} at most"
            raise ParamsError("sweep.ranges.signals", "a section", rule)
        yield from product(*(_listed(values) for values in keys.values()))
        return
    rng = np.random.default_rng(sweep.seed)
    present = dict(zip(keys, _present(plain, keys), strict=True))
    for _ in range(sweep.draws):
        yield tuple(_draw(rng, values, present[key]) for key, values in keys.items())


def _draw(rng: np.random.Generator, values: Range | Values, present: Any) -> Any:
    """A value, each as likely as any other; of a range as a person writes it: whole, or six digits."""
    if not isinstance(values, Range):
        return values[int(rng.integers(len(values)))]
    if values.step is not None:
        steps = steps_of(values)
        return steps[int(rng.integers(len(steps)))]
    ends = np.log([values.low, values.high]) if values.log else np.array([values.low, values.high], float)
    is_whole = isinstance(values.low, int) and isinstance(values.high, int) and not isinstance(present, float)
    if is_whole and not values.log:
        return int(rng.integers(int(values.low), int(values.high) + 1))
    number = float(np.exp(rng.uniform(*ends)) if values.log else rng.uniform(*ends))
    return round(number) if is_whole else min(max(float(f"{number:.6g}"), values.low), values.high)


def _unique(values: list[Values]) -> list[Values]:
    """`values` without those that came before; 4 and 4.0 are one."""
    found: dict[str, Values] = {}
    for each in values:
        found.setdefault(json.dumps(_plain(each), sort_keys=True), each)
    return list(found.values())


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
