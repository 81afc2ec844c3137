"""Everything is hashed again: whatever differs from a record is named, and nothing else is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tapeline.market.store import FeatureStore
from tests.closure import ROOT

PIPELINE = """
stages:
  make:
    cmd: mkdir -p data/made && cp source.txt data/made/a.txt && echo b > data/made/b.txt
    deps: [source.txt]
    params: [make.size, make.deep]
    outs: [data/made]
  use:
    cmd: mkdir -p metrics && cat data/made/a.txt > metrics/use.json
    deps: [data/made]
    outs:
      - metrics/use.json:
          cache: false
"""
PARAMS = "make: {size: 3, deep: {x: 1, y: two}}\n"
SCHEMA = {"feature_version": "f", "horizon": 15, "interval": "1m", "features": []}


def run(folder, command):
    """Run a command in `folder`; return its status and what it said."""
    done = subprocess.run(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {
            "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        shell=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def verify(folder):
    """Status and lines of `make verify`."""
    status, said = run(folder, "python -m commands.verify")
    return status, said.splitlines()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project of two stages with raw candles, features and a bundle, as a run leaves it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "source.txt").write_text("source\n")
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "dvc.yaml").write_text(PIPELINE)
    raw = folder / "data/raw/X/A"
    raw.mkdir(parents=True)
    (raw / "1.csv").write_text("1\n")
    times = pd.date_range("2024-01-01", periods=5, freq="min", tz="UTC").as_unit("us")
    store = FeatureStore(folder / "data/features")
    store.write("A", pd.DataFrame({"timestamp": times, "x": np.arange(5.0)}), SCHEMA)
    store.write_manifest()
    bundle = folder / "models/candidate/lstm"
    bundle.mkdir(parents=True)
    (bundle / "model.onnx").write_text("graph")
    status, said = run(
        folder,
        "git init -q && git config user.name t && git config user.email t@example.org && dvc init -q && "
        "dvc add -q data/raw/X && dvc repro -q && python -c "
        '"from pathlib import Path; from tapeline.promotion.bundle import pack; import shutil; '
        "f = Path('models/candidate/lstm'); shutil.rmtree(f); pack(f, {'model.onnx': b'graph'})\"",
    )
    assert status == 0, said
    return folder


@pytest.fixture
def project(template, tmp_path):
    """A copy to spoil, times of files kept."""
    assert run(tmp_path, f"cp -a {template} {tmp_path}/p")[0] == 0
    return tmp_path / "p"


def test_a_run_is_as_recorded(project):
    """Nothing differs: one line, status 0."""
    status, lines = verify(project)
    assert (status, len(lines)) == (0, 1)
    assert lines[0].endswith("bytes hashed: all as recorded")
    assert int(lines[0].split()[0]) >= 6


def test_a_changed_byte_is_found_though_size_and_time_are_as_they_were(project):
    """DVC trusts size and time; this does not."""
    path = project / "data/made/a.txt"
    before = path.stat()
    path.unlink()  # it may be a link into the cache
    path.write_text("sourcE\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    status, lines = verify(project)
    assert status == 1
    (line,) = lines[:-1]
    assert line.startswith("data/made/a.txt: md5 ")
    assert line.endswith("(out of make, dep of use)")
    assert lines[-1].endswith("1 differences")


def tampered_manifest(folder):
    """Another hash, and a bundle id that follows from it no more."""
    path = folder / "models/candidate/lstm/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["sha256"]["model.onnx"] = "0" * 64
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("spoil", "starts"),
    [
        (lambda p: (p / "data/made/b.txt").unlink(), ["data/made/b.txt: is missing (out of make, dep"]),
        (lambda p: (p / "data/made/c.txt").write_text("c"), ["data/made/c.txt: is not recorded (out of"]),
        (lambda p: (p / "metrics/use.json").write_text("other\n"), ["metrics/use.json: md5 "]),
        (lambda p: (p / "metrics/use.json").unlink(), ["metrics/use.json: is missing (out of use)"]),
        (lambda p: (p / "source.txt").write_text("other\n"), ["source.txt: md5 "]),
        (lambda p: (p / "data/raw/X/A/1.csv").write_text("2\n"), ["data/raw/X/A/1.csv: md5 "]),
        (
            lambda p: (p / "params.yaml").write_text(PARAMS.replace("3", "4").replace("two", "2")),
            [
                "params.yaml: make.size is 4, expected 3 (param of make)",
                "params.yaml: make.deep.y is 2, expected \"two\" (param of make)",
            ],
        ),
        (lambda p: (p / "data/features/A.parquet").write_bytes(b"no"), ["data/features/A.parquet: sha256 "]),
        (lambda p: (p / "data/features/B.parquet").write_bytes(b"b"), ["data/features/B.parquet: is not"]),
        (
            tampered_manifest,
            ["models/candidate/lstm/manifest.json: bundle_id", "models/candidate/lstm/model.onnx: sha256 "],
        ),
        (lambda p: (p / "models/candidate/lstm/manifest.json").write_text("{"), ["models/candidate/lstm/m"]),
    ],
    ids=[
        "missing in a folder", "not recorded", "changed", "missing", "dep", "raw", "params", "features",
        "strange features", "tampered", "broken manifest",
    ],
)  # fmt: skip
def test_what_differs_is_named_and_nothing_else(project, spoil, starts):
    """A line each, every one of them, and status 1."""
    spoil(project)
    status, lines = verify(project)
    assert status == 1
    assert len(lines) == len(starts) + 1
    for start in starts:
        assert any(line.startswith(start) for line in lines), lines


def test_without_the_cache_the_folder_is_named(project):
    """Which file of a folder it was only its listing can tell."""
    (project / "data/made/b.txt").unlink()
    assert run(project, "rm -rf .dvc/cache")[0] == 0
    status, lines = verify(project)
    assert status == 1
    assert lines[0].startswith("data/made: md5 ")
    assert "the cache has no listing of it" in lines[0]


def test_without_a_run_there_is_nothing_to_verify(tmp_path):
    """One line says what to do first."""
    status, lines = verify(tmp_path)
    assert (status, lines) == (1, ["dvc.lock: is not there: run `dvc repro` first"])
