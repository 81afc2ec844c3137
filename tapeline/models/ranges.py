"""Section `tune` of params.yaml: which params of a network a search varies, and within what."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, TypeAdapter, ValidationError, model_validator

from tapeline.errors import ParamsError, broken_rule
from tapeline.models.network import NetworkEntry
from tapeline.models.table import NETWORKS
from tapeline.nets.params import TrainParams
from tapeline.params import Section, nearest
from tapeline.schema import Seed, Workers

LIMIT = 1e12  # of any number; what a key takes is said by its own section
Number = Annotated[int | float, Field(ge=-LIMIT, le=LIMIT)]
InnerFolds = Annotated[int, Field(ge=1, le=100)]
TRAIN = "train"
BEFORE = ("data", "simulation", "features", "labels", "quality", "splits")  # of stages before a training
# Keys of `train` that no trial may vary: its result is measured alike for all, and on the same machine.
FIXED = frozenset(
    {
        "accumulation", "calibration", "compile", "deterministic", "device", "importance_rows", "precision",
        "processes", "seed", "start_from", "threads", "validation_stride", "workers",
    }
)  # fmt: skip


class Range(Section):
    """Numbers from `low` to `high`, both included, in steps, or as likely in each power of ten by `log`.

    The only section with defaults in Python: no stage reads it, so DVC need not see them.
    """

    low: Number
    high: Number
    log: bool = False
    step: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low = {self.low} must be less than high = {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("where log is true, low must be greater than 0, and there is no step")
        if self.step is not None:
            steps = (self.high - self.low) / self.step
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(f"high must be a whole number of steps of {self.step} above low")
        return self

    @property
    def ends(self) -> tuple[Number, ...]:
        """The least and the largest value, and the second: the others are between them."""
        return (self.low, self.high) if self.step is None else (self.low, self.high, self.low + self.step)

    def holds(self, value: Any) -> bool:
        """Whether `value` is one that may be tried."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.step is not None:
            steps = (value - self.low) / self.step
            if abs(steps - round(steps)) > 1e-6:
                return False
        return bool(self.low <= value <= self.high)


Choices = tuple[bool | int | float | str, ...]


def as_range(value: dict[str, Any]) -> Range:
    """The range that a map of params.yaml says; ValueError with the first wrong key and its rule."""
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"][:1]))
        said = broken_rule(first)
        raise ValueError(f"{at}: {said}" if at else said) from None


def as_range_or_tuple(value: Any, each: str) -> Range | tuple[Any, ...]:
    """The range that a map says, or what a list of two or more holds; its members are called `each`."""
    if isinstance(value, Range):
        return value
    if isinstance(value, dict):
        return as_range(value)
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise ValueError(f"must be a list of at least two {each}, or a map of low, high, log and step")
    return tuple(value)


def _range_or_choices(value: Any) -> Range | Choices:
    found = as_range_or_tuple(value, "choices")
    if isinstance(found, Range):
        return found
    if any(not isinstance(each, bool | int | float | str) for each in found):
        raise ValueError("must be a list of numbers, words, true or false")
    if any(not isinstance(each, str) and not abs(each) <= LIMIT for each in found):
        raise ValueError(f"must hold no number beyond {LIMIT:g}")
    if len(set(map(repr, found))) < len(found):
        raise ValueError("must hold no choice twice")
    return found


def _known(network: str) -> str:
    names = [model.name for model in NETWORKS]
    if network not in names:
        raise ValueError(f"must be one of {', '.join(names)}")
    return network


Ranges = dict[str, dict[str, Annotated[Range | Choices, PlainValidator(_range_or_choices)]]]


class TuneParams(Section):
    """Section `tune`: a search for params of one network on inner folds. No stage reads it."""

    network: Annotated[str, AfterValidator(_known)]
    trials: Annotated[int, Field(ge=1, le=100_000)]
    workers: Workers
    pruner: Literal["none", "median"]
    unpruned: Annotated[int, Field(ge=1, le=100_000)]
    folds: InnerFolds
    seed: Seed
    ranges: Ranges

    def of(self, model: NetworkEntry) -> dict[str, Range | Choices]:
        """Ranges of the params that `model` reads, by dotted key, sorted; ParamsError where there is none."""
        found = {
            f"{section}.{key}": values
            for section in (model.section, TRAIN)
            for key, values in self.ranges.get(section, {}).items()
        }
        if not found:
            rule = f"must hold a key of {model.section} or {TRAIN}, which the {model.title} reads"
            raise ParamsError("tune.ranges", list(self.ranges), rule)
        return dict(sorted(found.items()))


def range_mistakes(tune: TuneParams) -> list[ParamsError]:
    """What is wrong with the keys of `tune.ranges` and with values that no training would take."""
    found = []
    for section, ranges in tune.ranges.items():
        model = SECTIONS.get(section)
        if model is None:
            found.append(ParamsError(f"tune.ranges.{section}", "a section", _no_section(section)))
            continue
        for key, values in ranges.items():
            rule = _mistake(model, section, key, values)
            if rule:
                found.append(ParamsError(f"tune.ranges.{section}.{key}", _shown(values), rule))
    return found


SECTIONS: dict[str, type[Section]] = {model.section: model.architecture for model in NETWORKS} | {
    TRAIN: TrainParams
}


def _no_section(section: str) -> str:
    if section in BEFORE:
        return (
            "changes what stages before a training make, which a trial does not run; compare such runs by "
            f"`dvc exp run --queue -S '{section}.KEY=A,B'`, and judge by the candidate's own test alone"
        )
    return f"no training reads it{nearest(section, SECTIONS)}; must be one of {', '.join(SECTIONS)}"


def _mistake(model: type[Section], section: str, key: str, values: Any) -> str:
    """The rule that a range is against, empty where it is in order."""
    if key not in model.model_fields:
        return f"is no known key{nearest(key, model.model_fields)}"
    if section == TRAIN and key in FIXED:
        return "must be the same in all trials: it says how one is measured or run, not what it learns"
    field = model.model_fields[key]
    kind: Any = Annotated[(field.annotation, Field(), *field.metadata)]
    adapter = TypeAdapter(kind)
    for value in values.ends if isinstance(values, Range) else values:
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            return f"{value!r} can't be {section}.{key}: {broken_rule(error.errors()[0])}"
    if isinstance(values, Range) and field.annotation not in (int, float):
        return "must be a list of choices: it is no number"
    return ""


def _shown(values: Any) -> Any:
    return values.model_dump(exclude_none=True) if isinstance(values, Range) else list(values)
