"""Tables on an S3 server, read and written as on a disk; what is wrong there is told in one line."""

import boto3
import pandas as pd
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from tapeline.errors import DataError
from tapeline.store.feature_store import FeatureStore
from tapeline.store.remote import has_folders, reached
from tapeline.store.tables import read_table, read_tables
from tests.candles import random_candles
from tests.store.test_feature_store import SAID, made_table

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}


@pytest.fixture(scope="module")
def server():
    """An S3 server of these tests' own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(server, monkeypatch, tmp_path):
    """A client of it; the environment says where it is and who asks."""
    nothing = tmp_path / "config"
    nothing.touch()
    files = {"AWS_CONFIG_FILE": str(nothing), "AWS_SHARED_CREDENTIALS_FILE": str(nothing)}
    for name, value in (SETTINGS | files | {"AWS_ENDPOINT_URL": server}).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    yield client
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_store_in_a_bucket_is_read_as_one_on_disk(s3, tmp_path):
    """The same bytes, tables, extents and manifest."""
    there, here = FeatureStore("s3://data/features"), FeatureStore(tmp_path / "features")
    for store in (there, here):
        for symbol, n_rows in (("A", 7), ("B", 5)):
            store.write(symbol, made_table(n_rows), SAID)
        store.write_manifest()
    assert there.symbols() == ["A", "B"]
    assert there.manifest() == here.manifest()
    assert there.extent("A") == here.extent("A")
    pd.testing.assert_frame_equal(there.read(), here.read())
    start = "2024-01-01T00:02:00Z"
    pd.testing.assert_frame_equal(there.read("A", start, columns="rsi"), here.read("A", start, columns="rsi"))
    stored = s3.get_object(Bucket="data", Key="features/A.parquet/2024-01.parquet")["Body"].read()
    assert stored == (tmp_path / "features/A.parquet/2024-01.parquet").read_bytes()


def test_candles_in_a_bucket_are_read_as_those_on_disk(s3, tmp_path):
    """One symbol's, some columns, several symbols'."""
    for seed, symbol in enumerate(("A", "B")):
        random_candles(50, seed=seed).to_parquet(tmp_path / f"{symbol}.parquet")
        s3.upload_file(str(tmp_path / f"{symbol}.parquet"), "data", f"candles/{symbol}.parquet")
    url = "s3://data/candles/"
    pd.testing.assert_frame_equal(read_table(url, "A"), read_table(tmp_path, "A"))
    pd.testing.assert_frame_equal(read_table(url, "A", ["close"]), read_table(tmp_path, "A", ["close"]))
    pd.testing.assert_frame_equal(read_tables(url, ("B", "A")), read_tables(tmp_path, ("B", "A")))
    with pytest.raises(DataError, match=r"s3://data/candles/C.parquet: no such table; .* holds A, B$"):
        read_table(url, "C")


def calls(url):
    """Whatever asks a store, by name."""
    store = FeatureStore(url)
    return {
        "symbols": store.symbols,
        "read": store.read,
        "schema": lambda: store.schema("A"),
        "extent": lambda: store.extent("A"),
        "manifest": store.manifest,
        "write": lambda: store.write("A", made_table(), SAID),
        "write_manifest": store.write_manifest,
        "candles": lambda: read_table(url, "A"),
    }


NAMES = ("symbols", "read", "schema", "extent", "manifest", "write", "write_manifest", "candles")


@pytest.mark.parametrize("name", NAMES)
def test_a_bucket_that_is_not_there_is_one_line_and_none_is_made(s3, name):
    """A slip of the hand makes no bucket."""
    with pytest.raises(DataError, match="s3://slip/features") as error:
        calls("s3://slip/features")[name]()
    assert "\n" not in str(error.value)
    assert "slip" not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


@pytest.mark.parametrize("name", NAMES)
def test_without_credentials_it_is_one_line_that_says_so(s3, monkeypatch, name):
    """Whatever is asked first."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(key)
    with pytest.raises(DataError, match="s3://data/features.*can't be reached.* credentials") as error:
        calls("s3://data/features")[name]()
    assert "\n" not in str(error.value)


def test_a_server_that_does_not_answer_is_one_line(s3, monkeypatch):
    """Its address is in it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    once = {"retries": {"max_attempts": 0}, "connect_timeout": 1}
    with pytest.raises(DataError, match=r"can't be reached.*127\.0\.0\.1:9") as error:
        FeatureStore("s3://data/features", config_kwargs=once).symbols()
    assert "\n" not in str(error.value)


def test_a_defect_of_our_own_is_no_matter_of_the_network():
    """Only such libraries' errors are turned into a line."""
    with pytest.raises(ZeroDivisionError), reached("s3://data"):
        raise ZeroDivisionError
    assert has_folders(object())
