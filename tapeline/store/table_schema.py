"""The schema in a feature table's file: its metadata and the types and encodings of its columns."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tapeline.errors import DataError, broken_rule
from tapeline.schema import Horizon, Interval

STORE_SCHEMA = 1  # counts up when files change so that older code can't read them
SYMBOL, TIMESTAMP = "symbol", "timestamp"
TIMESTAMP_ARROW = pa.timestamp("us", tz="UTC")
ROW_GROUP_SIZE = 65_536  # rows; the least that is read of a column
DTYPES = frozenset(
    ["bool", "float32", "float64"] + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)


class FeatureInfo(BaseModel):
    """What a feature column means; made of a mapping with these keys or a record with these fields.

    `lookback` counts the candles, its own included, that a value depends on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, from_attributes=True)

    name: str
    group: str
    lookback: int = Field(ge=1)
    meaning: str


class Column(BaseModel):
    """Name and pandas dtype of a stored column."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    dtype: str


class TableSchema(BaseModel):
    """The metadata and columns of a feature table; frozen, compared by value.

    `feature_version` is a hash of the definitions, alike for every symbol; `input_version` one of what this
    symbol's table was computed from, None where it was not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    feature_version: str
    input_version: str | None
    horizon: Horizon
    interval: Interval
    features: tuple[FeatureInfo, ...]
    columns: tuple[Column, ...]

    @property
    def groups(self) -> dict[str, str]:
        """Group of each feature, by its column's name, in the order they are declared."""
        return {feature.name: feature.group for feature in self.features}

    @classmethod
    def of(
        cls, where: object, table: pd.DataFrame, description: "Mapping[str, Any] | TableSchema"
    ) -> "TableSchema":
        """Make the schema of `table` from its `description`; columns and their types are the table's own.

        A mapping has `feature_version, horizon, interval, features` and, if known, `input_version`. Raises
        DataError, naming `where`, for a wrong key and for features or columns that the table does not have.
        """
        own = tuple(Column(name=str(name), dtype=str(dtype)) for name, dtype in table.dtypes.items())
        values = dict(description)
        if values.setdefault("columns", own) != own:
            detail = difference(*([c.model_dump() for c in columns] for columns in (values["columns"], own)))
            raise DataError(where, f"schema and table differ in columns: {detail}")
        values = {"schema_version": STORE_SCHEMA, "input_version": None} | values
        values["features"] = _feature_infos(where, values.get("features", ()))
        try:
            schema = cls.model_validate(values)
        except ValidationError as error:
            raise _schema_error(where, error) from error
        without = [info.name for info in schema.features if info.name not in table.columns]
        if without:
            raise DataError(where, f"features {', '.join(without)} have no column in the table")
        return schema

    @classmethod
    def from_arrow(cls, where: object, arrow: pa.Schema) -> "TableSchema":
        """Read the schema out of a Parquet file's; DataError if the store has not written it."""
        metadata = {key.decode(): value.decode() for key, value in (arrow.metadata or {}).items()}
        version = metadata.get("store_schema")
        if version is None:
            raise DataError(where, "is no feature table: the feature store has not written it")
        if version != str(STORE_SCHEMA):
            raise DataError(where, f"is of store schema {version}, this code reads {STORE_SCHEMA}")
        try:
            return cls(
                schema_version=STORE_SCHEMA,
                feature_version=metadata["feature_version"],
                input_version=metadata.get("input_version"),
                horizon=int(metadata["horizon"]),
                interval=metadata["interval"],
                features=_parsed(metadata["features"]),
                columns=tuple(Column(name=field.name, dtype=_pandas_dtype(field.type)) for field in arrow),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(where, "is no feature table: its metadata is broken") from error

    @property
    def dtypes(self) -> dict[str, str]:
        """The pandas dtype of every column, by name, in the file's order."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def shared(self) -> dict[str, Any]:
        """What symbols must have alike to be read as one table: all but their input."""
        return self.model_dump(exclude={"input_version"})

    def metadata(self) -> dict[str, str]:
        """The Parquet file's key-value metadata, keys sorted; the columns are in the file's own schema."""
        pairs = {
            "feature_version": self.feature_version,
            "features": json.dumps([info.model_dump() for info in self.features], ensure_ascii=False),
            "horizon": str(self.horizon),
            "interval": self.interval,
            "store_schema": str(self.schema_version),
        }
        if self.input_version is not None:
            pairs["input_version"] = self.input_version
        return dict(sorted(pairs.items()))


def to_arrow(where: object, table: pd.DataFrame, schema: TableSchema) -> pa.Table:
    """Turn `table` into the Arrow table of `schema`; DataError names the column that can't be stored.

    Values keep their bits: NaN stays NaN and never becomes null. The pandas index is left behind.
    """
    arrays = {name: pa.array(_plain_values(where, table, name), from_pandas=False) for name in schema.dtypes}
    arrays[TIMESTAMP] = arrays[TIMESTAMP].cast(TIMESTAMP_ARROW)
    return pa.table(arrays).replace_schema_metadata(schema.metadata())


def check_table(where: object, table: pd.DataFrame) -> pd.DataFrame:
    """Return `table`, timestamps in microseconds; DataError if they are not UTC, strictly rising, whole.

    where : names the file in the message
    """
    names = list(table.columns)
    if not all(isinstance(name, str) for name in names) or len({*names}) < len(names):
        raise DataError(where, f"column names must be unique strings, got {_listing(names)}")
    if TIMESTAMP not in names or SYMBOL in names:
        raise DataError(where, "must have a column timestamp and none of name symbol")
    dtype = table[TIMESTAMP].dtype
    if not isinstance(dtype, pd.DatetimeTZDtype) or str(dtype.tz) != "UTC":
        raise DataError(where, f"timestamp is of type {dtype}, must be datetime64[us, UTC]")
    if table[TIMESTAMP].isna().any():
        raise DataError(where, f"row {int(table[TIMESTAMP].isna().argmax())} has no timestamp")
    times = table[TIMESTAMP].dt.as_unit("us")
    if dtype.unit == "ns" and not (times == table[TIMESTAMP]).all():
        raise DataError(where, "timestamps must be whole microseconds")
    steps = np.diff(times.to_numpy("datetime64[us]").view(np.int64))
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0))
        fault = "twice" if steps[row] == 0 else "unsorted"
        raise DataError(where, f"timestamps are {fault} at row {row + 1}: {times.iloc[row + 1].isoformat()}")
    return table.assign(timestamp=times)


def parquet_options(arrow: pa.Table) -> dict[str, Any]:
    """Keywords of the Parquet writer: what makes the bytes, all of it fixed."""
    # Byte streams of floats compress a third smaller than their values and are written four times as fast.
    encodings = {
        field.name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(field.type) else "DELTA_BINARY_PACKED"
        for field in arrow.schema
        if not pa.types.is_boolean(field.type)
    }
    return {
        "row_group_size": ROW_GROUP_SIZE,
        "compression": "zstd",
        "compression_level": 3,
        "version": "2.6",
        "use_dictionary": False,
        "column_encoding": encodings,
        "write_statistics": True,
        "sorting_columns": [pq.SortingColumn(arrow.schema.get_field_index(TIMESTAMP))],
    }


def _plain_values(where: object, table: pd.DataFrame, name: str) -> np.ndarray:
    if name == TIMESTAMP:
        return table[name].to_numpy("datetime64[us]")
    if str(table[name].dtype) not in DTYPES:
        dtype = table[name].dtype
        raise DataError(where, f"column {name} is of type {dtype}; the store holds numbers and booleans")
    return table[name].to_numpy()


def _pandas_dtype(kind: pa.DataType) -> str:
    # Arrow's float64 is called double, its own name for a time no pandas dtype at all.
    return "datetime64[us, UTC]" if kind == TIMESTAMP_ARROW else str(np.dtype(kind.to_pandas_dtype()))


@lru_cache(maxsize=16)
def _parsed(features: str) -> tuple[FeatureInfo, ...]:
    # Alike in all months and symbols, and a hundred of them take longer than the rest of a footer.
    return tuple(FeatureInfo(**info) for info in json.loads(features))


def _feature_infos(where: object, features: Iterable[Any]) -> tuple[FeatureInfo, ...]:
    try:
        return tuple(FeatureInfo.model_validate(feature) for feature in features)
    except ValidationError as error:
        raise _schema_error(where, error) from error


def _schema_error(where: object, error: ValidationError) -> DataError:
    first = error.errors()[0]
    return DataError(
        where, f"schema: {'.'.join(map(str, first['loc'])) or error.title}: {broken_rule(first)}"
    )


def _listing(names: Iterable[object]) -> str:
    return ", ".join(map(str, names)) or "nothing"


def difference(one: Any, other: Any) -> str:
    """Both values, or of lists of columns and features the first place where they differ."""
    if isinstance(one, tuple | list):
        pairs = zip([*one, None], [*other, None], strict=False)
        one, other = next(pair for pair in pairs if pair[0] != pair[1])
        one, other = (", ".join(map(str, (item or {"": "nothing"}).values())) for item in (one, other))
    return f"{one} and {other}"
