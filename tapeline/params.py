"""`params.yaml`, read one section or one key at a time into frozen pydantic models.

No default lives in Python: DVC could not see it. A stage asks only for what it uses, so that its
`params` in dvc.yaml can be compared with what it reads.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tapeline.errors import LONGEST, ParamsError, brief, broken_rule

PARAMS_FILE = Path("params.yaml")
# How fast, never what: the same bytes for any value, so no stage lists them as its params in dvc.yaml.
UNHASHED = frozenset({"data.memory_gb", "data.workers", "train.workers"})


class Section(BaseModel):
    """A section of params.yaml: frozen, strict about types, closed to unknown keys, NaN and infinity.

    Every number has a least and a largest value: what is absurd is a slip of the hand, and would end a run
    hours later, or a gate that nothing fails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


AnySection = TypeVar("AnySection", bound=BaseModel)  # those that are one mapping are RootModels


class Params:
    """The parsed file, which hands out validated sections and keys."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    @classmethod
    def read(cls, path: Path = PARAMS_FILE) -> "Params":
        """Parse the YAML file at `path` (YAML 1.2, so that `1e-3` is a number)."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ParamsError("the file", None, f"can't be read: {error.strerror}") from error
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> "Params":
        """Parse what the file holds, as of another commit."""
        try:
            values = YAML(typ="safe", pure=True).load(text)
        except (YAMLError, ValueError, RecursionError) as error:
            raise ParamsError("the file", None, not_yaml(error, text)) from error
        if not isinstance(values, dict):
            raise ParamsError("the file", values, "must be a mapping of sections")
        return cls(values)

    @property
    def sections(self) -> list[str]:
        """Names of the sections, in the file's order."""
        return list(self._values)

    def section(self, name: str, model: type[AnySection]) -> AnySection:
        """Return section `name` as a `model`; raise ParamsError naming the first wrong key."""
        try:
            return self._validated(name, model)
        except ValidationError as error:
            raise _params_errors(name, error, model)[0] from error

    def mistakes(self, name: str, model: type[AnySection]) -> list[ParamsError]:
        """Everything that is wrong in section `name`, a mistake a key; none where `section` returns it."""
        try:
            self._validated(name, model)
        except ParamsError as error:
            return [error]
        except ValidationError as error:
            return _params_errors(name, error, model)
        return []

    def _validated(self, name: str, model: type[AnySection]) -> AnySection:
        if not isinstance(self._values.get(name), dict):
            raise ParamsError(name, self._values.get(name), "must be a section with keys")
        return model.model_validate(self._values[name])

    def value(self, key: str, kind: Any) -> Any:
        """Return the single dotted `key`, validated as the annotated type `kind`."""
        node: Any = self._values
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                raise ParamsError(key, None, "is missing")
            node = node[part]
        try:
            return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False)).validate_python(
                node
            )
        except ValidationError as error:
            raise _params_errors(key, error)[0] from error


def not_yaml(error: Exception, text: str) -> str:
    """What keeps `text` from being YAML: the line that is wrong, and why."""
    if not isinstance(error, MarkedYAMLError) or error.problem is None:
        return f"is not YAML: {' '.join(str(error).split())[:LONGEST]}"
    # Of a key without a colon the parser's own mark is where it gave up, on a line that is in order.
    is_earlier = "simple key" in (error.context or "")
    mark = (error.context_mark if is_earlier else None) or error.problem_mark or error.context_mark
    if mark is None:
        return f"is not YAML: {error.problem}"
    lines = text.splitlines()
    shown = lines[mark.line].split(" #")[0].rstrip() if mark.line < len(lines) else "its end"
    return f"is not YAML: line {mark.line + 1}, {brief(shown)}: {' '.join(error.problem.split())[:LONGEST]}"


NEAREST = "; nearest is "


def nearest(name: str, candidates: Iterable[str]) -> str:
    """`; nearest is X`, where one of `known` is spelt much like `name`, else nothing."""
    matches = get_close_matches(name, list(candidates), n=1)
    return f"{NEAREST}{matches[0]}" if matches else ""


def _params_errors(
    prefix: str, error: ValidationError, model: type[BaseModel] | None = None
) -> list[ParamsError]:
    """One a key; an unknown key comes first, and the one that it misspells is then not missing."""
    details = error.errors()
    unknown = [detail for detail in details if detail["type"] == "extra_forbidden"]
    missing = [_key(detail) for detail in details if detail["type"] == "missing"]
    found, meant = {}, set()
    for detail in unknown:
        *parents, name = _key(detail)
        siblings = [key[-1] for key in missing if key[:-1] == parents]
        known = model.model_fields if model and not parents else []
        hint = nearest(name, siblings) or nearest(name, known)
        meant.add((*parents, hint.removeprefix(NEAREST)))
        found[*parents, name] = (detail["input"], "is no known key" + hint)
    for detail in details:
        key = tuple(_key(detail))
        if detail["type"] == "missing" and key not in meant:
            found[key] = (None, "is missing")
        elif detail["type"] not in ("missing", "extra_forbidden"):
            rule = broken_rule(detail)
            if key in found:  # a union has a message for each of its kinds
                rule = f"{found[key][1]}, or {rule}"
            if not any(other[: len(key)] == key for other in found if other != key):
                found[key] = (detail["input"], rule)
    return [ParamsError(".".join((prefix, *key)), value, rule) for key, (value, rule) in found.items()]


def _key(detail: Any) -> list[str]:
    """Names from the section down to what is wrong; pydantic adds which kind of a union it tried."""
    return [str(part) for part in detail["loc"] if not str(part).endswith("]")]
