"""`params.yaml`, read one section or one key at a time into frozen pydantic models.

No default lives in Python: DVC could not see it. A stage asks only for what it uses, so that its
`params` in dvc.yaml can be compared with what it reads.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tapeline.errors import ParamsError

PARAMS_FILE = Path("params.yaml")
# How fast, never what: the same bytes for any value, so no stage lists them as its params in dvc.yaml.
UNHASHED = frozenset({"data.workers", "train.workers"})


class Section(BaseModel):
    """A section of params.yaml: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


AnySection = TypeVar("AnySection", bound=Section)


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
        except YAMLError as error:
            raise ParamsError("the file", None, "is not YAML: " + " ".join(str(error).split())) from error
        if not isinstance(values, dict):
            raise ParamsError("the file", values, "must be a mapping of sections")
        return cls(values)

    @property
    def sections(self) -> list[str]:
        """Names of the sections, in the file's order."""
        return list(self._values)

    def section(self, name: str, model: type[AnySection]) -> AnySection:
        """Return section `name` as a `model`; raise ParamsError naming the first wrong key."""
        if not isinstance(self._values.get(name), dict):
            raise ParamsError(name, self._values.get(name), "must be a section with keys")
        try:
            return model.model_validate(self._values[name])
        except ValidationError as error:
            raise _params_error(name, error) from error

    def value(self, key: str, kind: Any) -> Any:
        """Return the single dotted `key`, validated as the annotated type `kind`."""
        node: Any = self._values
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                raise ParamsError(key, None, "is missing")
            node = node[part]
        try:
            return TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(node)
        except ValidationError as error:
            raise _params_error(key, error) from error


def _params_error(prefix: str, error: ValidationError) -> ParamsError:
    # A misspelt key is unknown and leaves the right one missing: the unknown one is what to look at.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join([prefix, *map(str, first["loc"])])
    if first["type"] == "missing":
        return ParamsError(key, None, "is missing")
    rules = {"extra_forbidden": "is no known key"}
    return ParamsError(
        key, first["input"], rules.get(first["type"], first["msg"].removeprefix("Value error, "))
    )
