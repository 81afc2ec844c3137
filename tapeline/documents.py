"""JSON that outlives the code that wrote it, as frozen models: closed where written, read over where read."""

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from tapeline.errors import ArtifactError, broken_rule


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value  # a NumPy scalar


Figure = Annotated[int | float | None, BeforeValidator(_plain)]  # None: undefined


class Document(BaseModel):
    """One JSON object. Making one, an unknown key and a wrong type are errors; reading one, keys of other
    versions of this project are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def read(cls, text: str | bytes, refusal: str) -> Self:
        """Read JSON; ArtifactError begins with `refusal` and ends with the first key that is wrong."""
        try:
            return cls.model_validate(json.loads(text), strict=False, extra="ignore")
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise ArtifactError(f"{refusal}: {key} {broken_rule(first)}".replace(":  ", ": ")) from error
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"{refusal}: {error}") from error

    @classmethod
    def read_file(cls, path: Path) -> Self:
        """Read the JSON file at `path`; ArtifactError names it and what is wrong with it."""
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            raise ArtifactError(f"{path}: is missing") from None
        except OSError as error:
            raise ArtifactError(f"{path}: can't be read: {error.strerror}") from error
        return cls.read(text, f"{path}: can't be read")

    def plain(self) -> dict[str, Any]:
        """What JSON holds of it: the keys that were given, in the order of the fields."""
        return self.model_dump(mode="json", exclude_unset=True)


class Metrics(Document):
    """Declared metrics of one file: numbers by key, None where undefined."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All keys, in the file's order."""
        return tuple(cls.model_fields)

    @classmethod
    def added(cls) -> tuple[str, ...]:
        """Keys that this class states beside those of the one that it extends."""
        before = next(base.model_fields for base in cls.__mro__[1:] if issubclass(base, BaseModel))
        return tuple(key for key in cls.model_fields if key not in before)
