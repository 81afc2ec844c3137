"""Section `sweep` of params.yaml: which params of trading a sweep tries, and what each of them may be."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationError

from tapeline.backtest.costs import CostParams
from tapeline.backtest.latency import ExecutionParams
from tapeline.backtest.signals import SignalParams
from tapeline.errors import ParamsError, broken_rule
from tapeline.models.ranges import Range, as_range_or_tuple
from tapeline.params import Section, nearest
from tapeline.schema import Seed, Workers

Plain = dict[str, Any]  # a section as params.yaml has it
SIGNALS = "signals"  # what a trader chooses; the other sections are what the market and the broker ask
SECTIONS: dict[str, type[Section]] = {
    SIGNALS: SignalParams,
    "costs": CostParams,
    "execution": ExecutionParams,
}
UNREAD = frozenset({"signals.ablation_trends", "costs.as_of", "costs.stress", "execution.latency_grid_s"})
MEASURE = "signals.initial_balance"
MOST = 1_000_000  # accounts of one sweep
STEPS = 10_000  # of one range

Values = tuple[Any, ...]


def _range_or_values(value: Any) -> Range | Values:
    found = as_range_or_tuple(value, "values")
    if isinstance(found, Range):
        return found
    if len({json.dumps(each, sort_keys=True, default=str) for each in found}) < len(found):
        raise ValueError("must hold no value twice")
    return found


SweptRanges = dict[str, dict[str, Annotated[Range | Values, PlainValidator(_range_or_values)]]]


class SweepParams(Section):
    """Section `sweep`: configurations of trading, tried on predictions that are there. No stage reads it."""

    mode: Literal["grid", "random"]  # every combination of signals, or `draws` of them
    draws: Annotated[int, Field(ge=1, le=100_000)]
    seed: Seed
    workers: Workers
    ranges: SweptRanges

    @property
    def keys(self) -> dict[str, Range | Values]:
        """Values of each searched param by its dotted key, in the order given."""
        return {
            f"{section}.{key}": values
            for section, ranges in self.ranges.items()
            for key, values in ranges.items()
        }


def is_listed(key: str, mode: str) -> bool:
    """Whether all values of `key` are tried: in a grid, and of what no trader chooses in any case."""
    return mode == "grid" or not key.startswith(f"{SIGNALS}.")


def steps_of(values: Range) -> list[Any]:
    """All values of a range with a step, as people write them: 0.3, not 0.30000000000000004."""
    if values.step is None:
        raise AssertionError("only a range with a step can be listed")
    count = round((values.high - values.low) / values.step)
    numbers = (values.low + k * values.step for k in range(count + 1))
    return [number if isinstance(number, int) else float(f"{number:.12g}") for number in numbers]


def with_value(section: Plain, key: str, value: Any) -> Plain:
    """A copy of `section` with the `key` below it set; KeyError where there is none."""
    first, _, rest = key.partition(".")
    if first not in section or (rest and not isinstance(section[first], dict)):
        raise KeyError(first)
    return section | {first: with_value(section[first], rest, value) if rest else deepcopy(value)}


def swept_mistakes(sweep: SweepParams, present: Mapping[str, Plain]) -> list[ParamsError]:
    """What is wrong with the keys of `sweep.ranges`, and values that no trading would take.

    present : the sections as params.yaml has them
    """
    found = []
    for section, ranges in sweep.ranges.items():
        if section not in SECTIONS:
            rule = f"no trading reads it{nearest(section, SECTIONS)}; must be one of {', '.join(SECTIONS)}"
            found.append(ParamsError(f"sweep.ranges.{section}", "a section", rule))
            continue
        for key, values in ranges.items():
            rule = _mistake(section, key, values, present[section], sweep.mode)
            if rule:
                found.append(ParamsError(f"sweep.ranges.{section}.{key}", _shown(values), rule))
    if not found and not sweep.keys:
        found.append(ParamsError("sweep.ranges", "{}", f"must hold a key of {', '.join(SECTIONS)}"))
    return found


def _mistake(section: str, key: str, values: Range | Values, present: Plain, mode: str) -> str:
    """The rule that a range is against, empty where it is in order."""
    name = f"{section}.{key}"
    if name in UNREAD:
        return "must be a key that changes an account: this one is of the report alone"
    if name == MEASURE:
        return "must be the same in all configurations: their figures are told in it"
    if isinstance(values, Range) and is_listed(name, mode):
        if values.step is None:
            return "must have a step, or be a list of values: each of them is tried"
        if (values.high - values.low) / values.step > STEPS:
            return f"must have no more than {STEPS} steps"
    for value in values.ends if isinstance(values, Range) else values:
        try:
            changed = with_value(present, key, value)
        except KeyError as error:
            return f"is no known key{_nearest(error.args[0], key, present)}"
        try:
            SECTIONS[section].model_validate(changed)
        except ValidationError as error:
            return f"{value!r} can't be {name}: {broken_rule(error.errors()[0])}"
    return ""


def _nearest(missing: str, key: str, present: Plain) -> str:
    node: Any = present
    for part in key.split("."):
        if part == missing or not isinstance(node, dict):
            break
        node = node[part]
    known: Iterable[str] = node if isinstance(node, dict) else ()
    return nearest(missing, known)


def _shown(values: Range | Values) -> Any:
    return values.model_dump(exclude_none=True) if isinstance(values, Range) else list(values)
