"""What is read from dvc.lock, .dvc files and manifests; what is none of them is named in one line."""

import hashlib
import json

import pytest

from tapeline.errors import DataError
from tapeline.release.locked import (
    Record,
    RecordedParam,
    cached_listing,
    manifest_records,
    read_manifest,
    read_stages,
    stage_params,
    stage_records,
    tracked_records,
)

LOCK = """\
schema: '2.0'
stages:
  features:
    cmd: python -m stages.features
    deps:
    - {path: data/candles, hash: md5, md5: 0a.dir, size: 7, nfiles: 2}
    - {path: old.txt, md5: 1b}
    params:
      params.yaml:
        data.symbols: [BTC-USD, ΕΘ-USD]
        labels.horizon: 15
    outs:
    - {path: data/features, hash: md5, md5: 2c.dir, size: 9}
  bare:
    cmd: python -m stages.bare
"""


def test_a_stage_has_its_deps_before_its_outs_each_with_where_it_is_recorded(tmp_path):
    """One without a named algorithm is of DVC 2, one without a size has none; .dir is a folder's."""
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK, encoding="utf-8")
    records = list(stage_records("features", read_stages(path)["features"]))
    assert records == [
        Record("data/candles", "dep", "of features", "md5", "0a.dir", 7),
        Record("old.txt", "dep", "of features", "md5-dos2unix", "1b", None),
        Record("data/features", "out", "of features", "md5", "2c.dir", 9),
    ]
    assert [record.is_folder for record in records] == [True, False, True]


def test_each_param_of_a_stage_has_its_file_and_key(tmp_path):
    """A list is one value; a stage without params, deps and outs has nothing recorded."""
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK, encoding="utf-8")
    stages = read_stages(path)
    assert list(stage_params("features", stages["features"])) == [
        RecordedParam("params.yaml", "data.symbols", "features", ["BTC-USD", "ΕΘ-USD"]),
        RecordedParam("params.yaml", "labels.horizon", "features", 15),
    ]
    assert list(stage_params("bare", stages["bare"])) == list(stage_records("bare", stages["bare"])) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no lock file: it has no stages"),
        ("[1, 2]", "is no lock file: it has no stages"),
        ("schema: '2.0'", "is no lock file: it has no stages"),
        ("stages: [features]", "is no lock file: it has no stages"),
        ("stages: {features: text}", "is no lock file: stage features is broken"),
        ("stages: {features: {deps: [{md5: 0a}]}}", "is no lock file: stage features is broken"),
        ("stages: {features: {params: {params.yaml: 3}}}", "is no lock file: stage features is broken"),
        ("stages: {", "is not YAML: "),
    ],
)
def test_what_is_no_lock_is_refused_in_one_line(tmp_path, text, message):
    """The file, and the stage where one is broken."""
    path = tmp_path / "dvc.lock"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_stages(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_lock_that_is_not_there_or_is_no_text_is_refused(tmp_path):
    """As one that is no YAML."""
    for content in (None, b"\xff\xfe\x00"):
        path = tmp_path / "dvc.lock"
        if content:
            path.write_bytes(content)
        with pytest.raises(DataError, match="is not YAML"):
            read_stages(path)


def test_outs_of_dvc_files_lie_beside_them(tmp_path, monkeypatch):
    """Or where their wdir says; in order of the files, and a folder of such a name is none."""
    monkeypatch.chdir(tmp_path)
    for folder in ("raw/deep/er", "raw/folder.dvc"):
        (tmp_path / folder).mkdir(parents=True)
    raw = type(tmp_path)("raw")
    (raw / "B.dvc").write_text("outs: [{path: B, hash: md5, md5: aa.dir, size: 3}]")
    (raw / "deep/er/C.dvc").write_text("wdir: ..\nouts: [{path: x y.csv, hash: md5, md5: bb, size: 4}]")
    assert list(tracked_records(raw)) == [
        Record("raw/B", "in", "raw/B.dvc", "md5", "aa.dir", 3),
        Record("raw/deep/x y.csv", "in", "raw/deep/er/C.dvc", "md5", "bb", 4),
    ]


def test_a_folder_without_dvc_files_tracks_nothing_and_one_without_outs_is_refused(tmp_path):
    """A folder that is not there has none either."""
    assert list(tracked_records(tmp_path)) == list(tracked_records(tmp_path / "nothing")) == []
    (tmp_path / "A.dvc").write_text("md5: 0a")
    with pytest.raises(DataError, match=r"A.dvc: is no .dvc file: it has no outs"):
        list(tracked_records(tmp_path))


def test_a_manifest_names_files_beside_it(tmp_path):
    """A bundle's by hash alone, the feature store's with size too; a bundle's own hashes go first."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"files": {"BTC-USD.parquet": {"sha256": "aa", "bytes": 5, "rows": 9}}}))
    assert manifest_records(path) == [
        Record(f"{tmp_path}/BTC-USD.parquet", "in", str(path), "sha256", "aa", 5)
    ]
    path.write_text(json.dumps({"sha256": {"model.onnx": "bb"}, "files": {}}))
    assert manifest_records(path) == [Record(f"{tmp_path}/model.onnx", "in", str(path), "sha256", "bb", None)]
    path.write_text(json.dumps({"sha256": {}}))
    assert manifest_records(path) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is no manifest: it has no hashes of files"),
        ("[]", "is no manifest: it has no hashes of files"),
        ('{"sha256": 3}', "is no manifest: it has no hashes of files"),
        ('{"files": {"a": {"bytes": 3}}}', "is no manifest: it has no hashes of files"),
        ("{", "is no manifest: Expecting property name"),
        (None, "is no manifest: [Errno 2]"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, message):
    """Not there, no JSON, no object, no hashes."""
    path = tmp_path / "manifest.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError) as caught:
        manifest_records(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_manifest_is_given_as_it_is_written(tmp_path):
    """Every key, also those that nobody asks for."""
    (tmp_path / "manifest.json").write_text('{"sha256": {}, "more": [1]}')
    assert read_manifest(tmp_path / "manifest.json") == {"sha256": {}, "more": [1]}


def test_a_listing_is_taken_from_the_cache_only_while_it_is_whole(tmp_path):
    """By its hash; one that is changed or not there is none."""
    content = b'[{"md5": "aa", "relpath": "a.csv"}, {"md5": "bb", "relpath": "b/c.csv"}]'
    digest = hashlib.md5(content).hexdigest() + ".dir"
    path = tmp_path / digest[:2] / digest[2:]
    assert cached_listing(tmp_path, digest) is None
    path.parent.mkdir()
    path.write_bytes(content)
    assert cached_listing(tmp_path, digest) == {"a.csv": "aa", "b/c.csv": "bb"}
    path.write_bytes(content.replace(b"aa", b"cc"))
    assert cached_listing(tmp_path, digest) is None
