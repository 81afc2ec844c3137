"""What a training comes from, as hashes; no torch in here, which baselines do without."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tapeline.definitions import Definition, definitions_hash
from tapeline.store.feature_store import FeatureStore

FEATURES, SPLITS = "data/features", "data/splits.json"


def provenance(symbols: tuple[str, ...], code: Iterable[Definition]) -> dict[str, str]:
    """Hashes of candles and folds, of the meaning of the features, and of the `code` that trains."""
    store = FeatureStore(FEATURES)
    schemas = {symbol: store.schema(symbol) for symbol in symbols}
    inputs = [f"{symbol} {schema.input_version}" for symbol, schema in schemas.items()]
    data = hashlib.sha256("\n".join([*inputs, Path(SPLITS).read_text()]).encode()).hexdigest()[:16]
    version = schemas[symbols[0]].feature_version
    return {"data": data, "features": version, "code": definitions_hash(code)}
