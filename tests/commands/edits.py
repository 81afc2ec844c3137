"""Edits of what a run came to, each whole in itself, with what is said once the run is made again."""

import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tapeline.nets.models import content_version
from tapeline.promotion.bundle import pack


def edit_table(name, column, message):
    """An edit of one value of a table, and what is said of it."""

    def edit(folder):
        path = folder / name
        path = max(path.iterdir()) if path.is_dir() else path  # the last month
        schema = pq.read_schema(path)
        table = pd.read_parquet(path)
        table.loc[len(table) - 100, column] *= 1.001
        arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False)
        pq.write_table(arrow.replace_schema_metadata(schema.metadata), path)
        return message

    return edit


def edit_fold(folder):
    """Another scaler, with the version that its content has."""
    path = folder / "models/lstm/fold_0/model.json"
    record = json.loads(path.read_text())
    del record["version"]
    record["scaler"]["mean"][0] += 0.01
    version = content_version(path.with_name("weights.safetensors").read_bytes(), record)
    path.write_text(json.dumps({"version": version} | record, indent=2) + "\n")
    return r"models/lstm/fold_0/model.json: scaler.mean\[0\] is"


def edit_candidate(folder):
    """Another threshold, packed whole."""
    path = folder / "models/candidate/lstm-direction"
    files = {file.name: file.read_bytes() for file in path.iterdir()}
    fingerprints = json.loads(files.pop("manifest.json"))["fingerprints"]
    contract = json.loads(files["contract.json"])
    contract["tiers"]["tiers"]["A"][0] += 0.01
    shutil.rmtree(path)
    pack(path, files | {"contract.json": json.dumps(contract, indent=2).encode()}, fingerprints)
    return r"contract.json: tiers.tiers.A\[0\] is"


EDITS = {
    "candles": edit_table(
        "data/candles/ETH-USD.parquet", "close", r"candles/ETH-USD.parquet/\d{4}-\d\d.parquet: close of row"
    ),
    "features": edit_table(
        "data/features/BTC-USD.parquet", "rsi_14", r"BTC-USD.parquet/\d{4}-\d\d.parquet: rsi_14 of row"
    ),
    "predictions": edit_table("data/predictions/lstm.parquet", "prediction", "prediction of row"),
    "a fold": edit_fold,
    "the candidate": edit_candidate,
}
