"""Everything recorded is read anew: counted once, compared by every record, listed where it can't be."""

import hashlib
import json

import pytest
from dvc.repo import Repo

from tapeline.errors import DataError
from tapeline.promotion.bundle import pack
from tapeline.release.verification import verify

PIPELINE = """\
stages:
  cut:
    cmd: python cut.py
    deps: [raw.csv]
    params: [labels.horizon]
    outs: [out.csv]
"""
RAW, OUT = b"candles\r\n", b"rows\n"


def md5(content):
    """As DVC records it."""
    return hashlib.md5(content).hexdigest()


def lock(deps=(), outs=(), horizon=15, name="cut"):
    """Text of a lock of one stage, its deps and outs beside raw.csv and out.csv."""
    item = {"hash": "md5"}
    entry = {
        "cmd": "python cut.py",
        "deps": [item | {"path": "raw.csv", "md5": md5(RAW), "size": len(RAW)}, *deps],
        "params": {"params.yaml": {"labels.horizon": horizon}},
        "outs": [item | {"path": "out.csv", "md5": md5(OUT), "size": len(OUT)}, *outs],
    }
    return json.dumps({"schema": "2.0", "stages": {name: entry}})  # JSON is YAML


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A DVC project without git."""
    folder = tmp_path_factory.mktemp("made")
    Repo.init(str(folder), no_scm=True).close()
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """One stage that has run, in the current folder."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text((made / ".dvc/config").read_text())
    monkeypatch.chdir(tmp_path)
    for name, content in (("raw.csv", RAW), ("out.csv", OUT), ("dvc.yaml", PIPELINE.encode())):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "params.yaml").write_text("labels: {horizon: 15}\n")
    (tmp_path / "dvc.lock").write_text(lock())
    return tmp_path


def test_a_run_as_recorded_has_no_difference_and_its_bytes_are_counted(project):
    """Two files."""
    verdict = verify()
    assert (verdict.differences, verdict.not_checked) == ([], [])
    assert (verdict.n_files, verdict.n_bytes) == (2, len(RAW) + len(OUT))


def test_a_file_of_two_records_is_counted_once_and_named_with_both(project):
    """The same content as a dep and as an out."""
    (project / "dvc.lock").write_text(lock(deps=[{"path": "out.csv", "hash": "md5", "md5": md5(OUT)}]))
    assert verify().n_files == 2
    (project / "out.csv").write_bytes(b"rowz\n")
    (line,) = verify().differences
    expected = f"md5 {md5(b'rowz' + chr(10).encode())[:8]}.. expected {md5(OUT)[:8]}.."
    assert line == f"out.csv: {expected} (out of cut, dep of cut)"


def test_a_record_of_dvc_2_is_of_text_with_unix_line_ends(project):
    """An entry without a named algorithm: the carriage return does not count."""
    old = {"path": "raw.csv", "md5": md5(b"candles\n")}
    (project / "dvc.lock").write_text(lock(deps=[old]))
    assert verify().differences == []


def test_what_has_no_hash_or_lies_elsewhere_is_listed_as_not_checked(project):
    """It is no difference."""
    outs = [{"path": "s3://there/a", "md5": "a" * 32}, {"path": "made.csv"}]
    (project / "dvc.lock").write_text(lock(outs=outs))
    verdict = verify()
    assert verdict.differences == []
    assert verdict.not_checked == ["s3://there/a (out of cut)", "made.csv (out of cut)"]


def test_files_params_and_bundles_are_told_together(project):
    """In one go: a file that is gone, a param that changed, a bundle with one file too many."""
    (project / "raw.csv").unlink()
    (project / "params.yaml").write_text("labels: {horizon: 20}\n")
    pack(project / "models/candidate/lstm-direction", {"model.onnx": b"graph"}, {})
    (project / "models/candidate/lstm-direction/more.txt").write_text("")
    manifest = "models/candidate/lstm-direction/manifest.json"
    assert sorted(verify().differences) == [
        f"models/candidate/lstm-direction/more.txt: is not recorded (in {manifest})",
        "params.yaml: labels.horizon is 20, expected 15 (param of cut)",
        "raw.csv: is missing (dep of cut)",
    ]


def test_stages_of_one_file_alone_are_named_and_their_files_left_out(project):
    """A stage that was renamed: both names."""
    (project / "dvc.lock").write_text(lock(name="former"))
    (project / "out.csv").unlink()
    assert verify().differences == [
        "dvc.lock: stage former is not in dvc.yaml",
        "dvc.yaml: stage cut is not in dvc.lock",
    ]


def test_a_broken_pipeline_keeps_no_file_from_being_checked(project):
    """DVC's word on it, in one line, and what else differs."""
    (project / "dvc.yaml").write_text("stages: 3\n")
    (project / "out.csv").write_bytes(b"")
    of_pipeline, of_file = verify().differences
    assert of_pipeline.startswith("DVC says: ")
    assert "\n" not in of_pipeline
    assert of_file.startswith("out.csv: md5 ")


def test_a_broken_manifest_is_one_line(project):
    """The other files are checked."""
    (project / "models/candidate/x").mkdir(parents=True)
    (project / "models/candidate/x/manifest.json").write_text("[]")
    verdict = verify()
    assert verdict.differences == [
        "models/candidate/x/manifest.json: is no manifest: it has no hashes of files"
    ]
    assert verdict.n_files == 2


def test_without_a_lock_there_is_nothing_to_verify(project):
    """What to do is said."""
    (project / "dvc.lock").unlink()
    with pytest.raises(DataError, match="^dvc.lock: is not there: run `dvc repro` first$"):
        verify()
