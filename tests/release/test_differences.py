"""A line per difference between what is recorded and what lies there, and none where there is none."""

import hashlib
import json
from types import SimpleNamespace

import pandas as pd
import pytest
from dvc.fs import LocalFileSystem

from tapeline.errors import DataError
from tapeline.promotion.bundle import pack
from tapeline.release.differences import (
    compare_file,
    compare_folder,
    compare_manifest,
    compare_params,
    roles_of,
)
from tapeline.release.locked import Record, RecordedParam
from tapeline.store.feature_store import FeatureStore

A, B, C = (letter * 32 for letter in "abc")
REPO = SimpleNamespace(fs=LocalFileSystem())  # all that reading params takes of DVC


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty project to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(path, digest, size=None):
    """The record of an out."""
    return Record(path, "out", "of features", "md5", digest, size)


def listing(files):
    """DVC's listing of a folder's `files`, md5 by path, and its hash: JSON in order of the paths."""
    content = json.dumps([{"md5": files[name], "relpath": name} for name in sorted(files)]).encode()
    return content, hashlib.md5(content).hexdigest() + ".dir"


def cached(folder, files):
    """Put the listing of `files` into a cache; return its hash."""
    content, digest = listing(files)
    path = folder / "cache" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return digest


@pytest.mark.parametrize(
    ("digests", "size", "lines"),
    [
        ({"a.csv": A}, 5, []),
        ({"a.csv": B}, 5, ["a.csv: md5 bbbbbbbb.. expected aaaaaaaa.."]),
        ({"a.csv": A}, 6, ["a.csv: 6 bytes, expected 5"]),
        ({}, 0, ["a.csv: is missing"]),
        ({"a.csv": "can't be read: Input/output error"}, 5, ["a.csv: can't be read: Input/output error"]),
    ],
)
def test_a_file_is_as_recorded_or_has_one_line(folder, digests, size, lines):
    """The hash before the size; what can't be read is not called different."""
    assert list(compare_file(recorded("a.csv", A, 5), digests, size, folder)) == lines


def test_a_file_without_a_recorded_size_is_compared_by_its_hash_alone(folder):
    """Whatever its bytes."""
    assert list(compare_file(recorded("a.csv", A), {"a.csv": A}, 77, folder)) == []


def test_a_folder_where_a_file_was_recorded_is_said_and_the_reverse(folder):
    """Neither is compared further."""
    (folder / "a").mkdir()
    (folder / "b").write_text("")
    assert list(compare_file(recorded("a", A), {"a/x": A}, 1, folder)) == ["a: is a folder, expected a file"]
    _, digest = listing({"x": A})
    for name, line in (("b", "b: is a file, expected a folder"), ("c", "c: is missing")):
        assert list(compare_folder(recorded(name, digest), {}, 0, folder)) == [line]


def test_a_folder_with_the_recorded_files_has_no_line_but_of_its_size(folder):
    """The order of its files does not matter; no listing is needed."""
    (folder / "data").mkdir()
    _, digest = listing({"x.csv": A, "y/ü.csv": B})
    digests = {"data/y/ü.csv": B, "data/x.csv": A}
    for recorded_size, size, lines in [
        (9, 9, []),
        (None, 8, []),
        (9, 8, ["data: 8 bytes in all, expected 9"]),
    ]:
        record = recorded("data", digest, recorded_size)
        assert list(compare_folder(record, digests, size, folder / "cache")) == lines


def test_each_file_of_a_folder_that_differs_is_named(folder):
    """Changed, gone, one too many, unreadable: in order of their names, the others not at all."""
    (folder / "data").mkdir()
    digest = cached(folder, {"changed": A, "gone": A, "same": B, "torn": C})
    digests = {
        "data/same": B,
        "data/more": C,
        "data/changed": C,
        "data/torn": "can't be read: Input/output error",
    }
    assert list(compare_folder(recorded("data", digest, 4), digests, 4, folder / "cache")) == [
        "data/changed: md5 cccccccc.. expected aaaaaaaa..",
        "data/gone: is missing",
        "data/more: is not recorded",
        "data/torn: can't be read: Input/output error",
    ]


def test_a_folder_that_is_empty_now_lacks_all_its_files(folder):
    """Each by name."""
    (folder / "data").mkdir()
    digest = cached(folder, {"x": A, "y": B})
    assert list(compare_folder(recorded("data", digest), {}, 0, folder / "cache")) == [
        "data/x: is missing",
        "data/y: is missing",
    ]


def test_without_a_listing_the_folder_has_one_line_and_what_cannot_be_read_its_own(folder):
    """In which file the difference is can't be known then."""
    (folder / "data").mkdir()
    _, now = listing({"x": B})
    _, digest = listing({"x": A})
    (line,) = compare_folder(recorded("data", digest), {"data/x": B}, 1, folder / "cache")
    assert line == (
        f"data: md5 {now[:8]}.. expected {digest[:8]}.., in what file is not known: "
        "the cache has no listing of it"
    )
    lines = list(compare_folder(recorded("data", digest), {"data/x": "can't be read: E"}, 1, folder))
    assert lines[0] == "data/x: can't be read: E"
    assert len(lines) == 2


def test_roles_name_outs_before_deps_and_the_kind_once():
    """As a person would say whose file it is."""
    records = [
        Record("a", kind, source, "md5", A, None)
        for kind, source in [
            ("dep", "of splits"),
            ("dep", "of evaluate"),
            ("out", "of features"),
            ("in", "a.dvc"),
        ]
    ]
    assert roles_of(records) == "out of features, in a.dvc, dep of splits, evaluate"
    assert roles_of(records[:1]) == "dep of splits"


def test_a_bundle_as_packed_has_no_line(folder):
    """Its id is the hash of its hashes."""
    pack(folder / "bundle", {"model.onnx": b"graph"}, {"code": "1"})
    assert list(compare_manifest(folder / "bundle/manifest.json")) == []


def test_a_file_that_a_manifest_does_not_name_is_one_line_and_so_is_another_id(folder):
    """Also where the file lies deeper; fingerprints are part of what the id is of."""
    bundle_id = pack(folder / "bundle", {"model.onnx": b"graph"}, {"code": "1"})
    manifest = folder / "bundle/manifest.json"
    (folder / "bundle/deep").mkdir()
    (folder / "bundle/deep/model.onnx").write_text("")
    parsed = json.loads(manifest.read_text())
    parsed["fingerprints"]["code"] = "2"
    manifest.write_text(json.dumps(parsed))
    foreign, other = compare_manifest(manifest)
    assert foreign == f"{folder}/bundle/deep/model.onnx: is not recorded (in {manifest})"
    assert other.startswith(f"{manifest}: bundle_id {bundle_id} expected ")
    assert not other.startswith(f"{manifest}: bundle_id {bundle_id} expected {bundle_id}")


def test_the_extent_of_a_table_is_held_against_the_table(folder):
    """Each key by itself; a table that is missing or broken has a line for its hash elsewhere."""
    store = FeatureStore(folder / "features")
    times = pd.date_range("2024-01-01", periods=4, freq="min", tz="UTC", unit="us")
    metadata = {"feature_version": "v1", "horizon": 15, "interval": "1m", "features": []}
    for symbol in ("A", "B", "C"):
        store.write(symbol, pd.DataFrame({"timestamp": times, "close": range(4)}), metadata)
    store.write_manifest()
    manifest = folder / "features/manifest.json"
    assert list(compare_manifest(manifest)) == []
    parsed = json.loads(manifest.read_text())
    for name in parsed["files"]:
        parsed["files"][name]["rows"] = 5
    manifest.write_text(json.dumps(parsed))
    (folder / "features/B.parquet/2024-01.parquet").unlink()
    (folder / "features/C.parquet/2024-01.parquet").write_text("no table")
    assert list(compare_manifest(manifest)) == [
        f"{folder}/features/A.parquet/2024-01.parquet: rows 4 expected 5 (in {manifest})"
    ]


def test_what_is_no_manifest_is_refused(folder):
    """By its name."""
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(DataError, match=r"manifest.json: is no manifest"):
        list(compare_manifest(folder / "manifest.json"))


def param(key, value, stage="features", file="params.yaml"):
    """A recorded param."""
    return RecordedParam(file, key, stage, value)


def test_params_as_recorded_have_no_line(folder):
    """Also a whole section, and a value in another form of the same number; no params, no lines."""
    (folder / "params.yaml").write_text("a: {b: 1.0, c: [x, y]}\nname: ΕΘ\n")
    params = [param("a", {"b": 1, "c": ["x", "y"]}), param("name", "ΕΘ")]
    assert list(compare_params(params, REPO)) == []
    assert list(compare_params([], REPO)) == []


def test_a_changed_param_is_one_line_with_all_stages_that_read_it(folder):
    """Text as JSON, letters of any alphabet as they are."""
    (folder / "params.yaml").write_text("a: {b: 2}\nname: ΕΘ\n")
    params = [param("a.b", 1), param("a.b", 1, "train"), param("name", "BTC")]
    assert list(compare_params(params, REPO)) == [
        "params.yaml: a.b is 2, expected 1 (param of features, train)",
        'params.yaml: name is "ΕΘ", expected "BTC" (param of features)',
    ]


def test_of_a_section_only_the_leaves_that_differ_are_named(folder):
    """Changed, gone, and new; an empty mapping is a value."""
    (folder / "params.yaml").write_text("a: {same: 1, changed: 3, new: null, left: {}}\n")
    params = [param("a", {"same": 1, "changed": 2, "gone": {"deep": True}, "left": {}})]
    assert list(compare_params(params, REPO)) == [
        "params.yaml: a.changed is 3, expected 2 (param of features)",
        "params.yaml: a.gone.deep is missing, expected true (param of features)",
        "params.yaml: a.new is null, expected nothing (param of features)",
    ]


def test_a_param_that_is_gone_is_missing_even_where_it_was_null(folder):
    """Null is a value."""
    (folder / "params.yaml").write_text("a: {}\n")
    assert list(compare_params([param("a.b", None)], REPO)) == [
        "params.yaml: a.b is missing, expected null (param of features)"
    ]


@pytest.mark.parametrize("text", [None, "a: {"])
def test_a_params_file_that_cannot_be_read_is_one_line_and_others_are_compared(folder, text):
    """With each stage once, however many of its params were recorded."""
    if text:
        (folder / "a.yaml").write_text(text)
    (folder / "b.yaml").write_text("x: 2\n")
    params = [
        param("x", 1, file="b.yaml"),
        param("a", 1, file="a.yaml"),
        param("b", 1, file="a.yaml"),
        param("a", 1, "train", "a.yaml"),
    ]
    assert list(compare_params(params, REPO)) == [
        "a.yaml: is missing or broken (params of features, train)",
        "b.yaml: x is 2, expected 1 (param of features)",
    ]
