"""`make verify` names everything that differs from what a run has recorded, and nothing else."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from commands import verify as command
from tapeline.closure import ROOT
from tapeline.ending import run_command
from tapeline.release import verification
from tests.warm import warm_environment

pytestmark = pytest.mark.xdist_group("verify")  # one run that all of them copy

PIPELINE = """\
stages:
  features:
    cmd: python make.py features
    deps: [data/raw/EX, make.py]
    params: [data.symbols, costs, labels.horizon]
    outs: [data/features, {metrics/data.json: {cache: false}}]
  promote:
    cmd: python make.py promote
    deps: [data/features, make.py]
    params: [labels.horizon]
    outs: [models/candidate]
"""
PARAMS = """\
data: {symbols: [BTC-USD, ETH-USD]}
labels: {horizon: 15}
costs: {default: {spread_bps: 2.0}}
"""
MAKE = """\
import sys
from pathlib import Path
import pandas as pd
if sys.argv[1] == "features":
    from tapeline.store.feature_store import FeatureStore
    times = pd.date_range("2024-01-01", periods=9, freq="min", tz="UTC", unit="us")
    said = {"feature_version": "v1", "horizon": 15, "interval": "1m", "features": []}
    store = FeatureStore("data/features")
    for symbol in ("BTC-USD", "ETH-USD"):
        store.write(symbol, pd.DataFrame({"timestamp": times, "close": range(9)}), said)
    store.write_manifest()
    Path("metrics").mkdir(exist_ok=True)
    Path("metrics/data.json").write_text("{}")
else:
    from tapeline.promotion.bundle import pack
    pack(Path("models/candidate/lstm-direction"), {"model.onnx": b"graph", "model.json": b"{}"}, {})
"""


def run(folder, command):
    """Run a shell command in `folder`; return its output."""
    binaries = f"{warm_environment() / 'bin'}:{Path(sys.executable).parent}"
    env = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    env |= {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository whose two stages have run, over a raw file that DVC tracks."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "data" / "raw" / "EX" / "BTC-USD").mkdir(parents=True)
    (folder / "data" / "raw" / "EX" / "BTC-USD" / "2024.csv").write_text("candles\n")
    for name, text in (("dvc.yaml", PIPELINE), ("params.yaml", PARAMS), ("make.py", MAKE)):
        (folder / name).write_text(text)
    run(folder, "git init -q && dvc init -q && dvc add -q data/raw/EX && dvc repro -q")
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of that repository to spoil, and to stand in."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def told(capsys):
    """Function that runs the command: its exit status, the lines before the summary, the summary."""

    def run():
        with pytest.raises(SystemExit) as left:
            run_command(command.main)
        *lines, summary = capsys.readouterr().out.splitlines()
        return left.value.code, lines, summary

    return run


def md5(content):
    """The first digits, as they are told."""
    return hashlib.md5(content).hexdigest()[:8] + ".."


def sha256(content):
    """Likewise."""
    return hashlib.sha256(content).hexdigest()[:8] + ".."


def edit_json(path, change):
    """Change a JSON file by a function; return the content before and after."""
    before, value = path.read_bytes(), json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value, indent=2) + "\n")
    return before, path.read_bytes()


def test_a_run_that_nobody_touched_is_as_recorded(project, told):
    """Status 0 and one line, with every file of deps, outs, .dvc files and manifests counted once."""
    files = [
        path
        for name in ("data/raw/EX", "data/features", "models/candidate", "metrics", "make.py")
        for path in ([project / name] if (project / name).is_file() else (project / name).rglob("*"))
        if path.is_file() and not path.name.startswith(".git")
    ]
    assert len(files) == 1 + 3 + 3 + 1 + 1
    n_bytes = sum(path.stat().st_size for path in files)
    status, lines, summary = told()
    assert (status, lines) == (0, [])
    assert summary.startswith(f"9 files, {n_bytes:,} bytes hashed: all as recorded, not whether it follows")


def test_a_changed_byte_is_found_behind_its_old_time_and_size(project, told):
    """DVC is blind to it: the same size, time and inode; the file is named, in both records of it."""
    path = project / "data/features/BTC-USD.parquet/2024-01.parquet"
    before, status = path.read_bytes(), path.stat()
    assert run(project, "dvc status -q; dvc status").strip().endswith("up to date.")
    content = bytearray(before)
    content[20] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run(project, "dvc status").strip().endswith("up to date.")
    name = "data/features/BTC-USD.parquet/2024-01.parquet"
    assert told()[:2] == (
        1,
        [
            f"{name}: md5 {md5(content)} expected {md5(before)} (out of features, dep of promote)",
            f"{name}: sha256 {sha256(content)} expected {sha256(before)} (in data/features/manifest.json)",
        ],
    )


def test_a_missing_file_and_one_too_many_are_named(project, told):
    """In a folder by their paths; whether a stage, a .dvc file or a manifest records them."""
    (project / "data/features/ETH-USD.parquet/2024-01.parquet").unlink()
    (project / "data/features/deep").mkdir()
    (project / "data/features/deep/notes.txt").write_text("x")
    (project / "data/raw/EX/BTC-USD/2024.csv").unlink()
    (project / "metrics/data.json").unlink()
    status, lines, summary = told()
    by = "(out of features, dep of promote)"
    assert sorted(lines) == sorted(
        [
            "data/raw/EX/BTC-USD/2024.csv: is missing (in data/raw/EX.dvc, dep of features)",
            f"data/features/ETH-USD.parquet/2024-01.parquet: is missing {by}",
            f"data/features/deep/notes.txt: is not recorded {by}",
            "metrics/data.json: is missing (out of features)",
            "data/features/ETH-USD.parquet/2024-01.parquet: is missing (in data/features/manifest.json)",
            "data/features/deep/notes.txt: is not recorded (in data/features/manifest.json)",
        ]
    )
    assert (status, summary.split(": ")[1]) == (1, "6 differences")


def test_a_missing_folder_is_one_line(project, told):
    """Not one for every file in it; a file in its place is told too."""
    shutil.rmtree(project / "models/candidate")
    shutil.rmtree(project / "data/raw/EX")
    (project / "data/raw/EX").write_text("")
    assert told()[1] == [
        "data/raw/EX: is a file, expected a folder (in data/raw/EX.dvc, dep of features)",
        "models/candidate: is missing (out of promote)",
    ]


def test_a_file_left_out_by_dvcignore_is_no_difference(project, told):
    """DVC does not see it either."""
    (project / ".dvcignore").write_text("*.swp\n")
    (project / "data/raw/EX/.a.swp").write_text("x")
    assert told()[0] == 0


def test_a_folder_is_named_where_its_listing_is_lost(project, told):
    """Without DVC's cache, or with a listing that was tampered with, what differs is the folder."""
    (project / "data/raw/EX/BTC-USD/2024.csv").write_text("Candles\n")
    recorded = YAML().load((project / "data/raw/EX.dvc").read_text())["outs"][0]["md5"]
    listing = project / ".dvc/cache/files/md5" / recorded[:2] / recorded[2:]
    for spoil in (lambda: (listing.chmod(0o644), listing.write_text("[]")), listing.unlink):
        spoil()
        (line,) = told()[1]
        assert line.startswith("data/raw/EX: md5 ")
        assert f"expected {recorded[:8]}.., in what file is not known: the cache has no listing" in line


def test_changed_params_are_named_with_both_values(project, told):
    """Leaf by leaf, with every stage that read them; what no stage read may change."""
    text = PARAMS.replace("15", "30").replace(", ETH-USD", "").replace("spread_bps: 2.0", "spread: 2.0")
    (project / "params.yaml").write_text(text + "other: 1\n")
    assert told()[1] == [  # in the order of dvc.lock
        "params.yaml: costs.default.spread_bps is missing, expected 2.0 (param of features)",
        "params.yaml: costs.default.spread is 2.0, expected nothing (param of features)",
        'params.yaml: data.symbols is ["BTC-USD"], expected ["BTC-USD", "ETH-USD"] (param of features)',
        "params.yaml: labels.horizon is 30, expected 15 (param of features, promote)",
    ]
    (project / "params.yaml").write_text("a: [")
    first, second = told()[1]
    assert first.startswith("DVC says: unable to read: 'params.yaml', YAML file structure is corrupted")
    assert [second] == ["params.yaml: is missing or broken (params of features, promote)"]
    (project / "params.yaml").unlink()
    assert told()[1] == ["params.yaml: is missing or broken (params of features, promote)"]


def test_a_changed_dep_is_named_with_its_stages(project, told):
    """Code too; stages that recorded different versions of it are told apart."""
    before = (project / "make.py").read_bytes()
    (project / "make.py").write_bytes(before + b"#")
    found = f"make.py: md5 {md5(before + b'#')} expected"
    assert told()[1] == [f"{found} {md5(before)} (dep of features, promote)"]
    lock = YAML().load((project / "dvc.lock").read_text())
    lock["stages"]["promote"]["deps"][1]["md5"] = "f" * 32
    YAML().dump(lock, project / "dvc.lock")
    assert told()[1] == [
        f"{found} {md5(before)} (dep of features)",
        f"{found} ffffffff.. (dep of promote)",
    ]


def test_a_size_that_is_not_the_files_is_a_difference(project, told):
    """Of a file and of a folder, where the hash is right and the lock is not."""
    lock = YAML().load((project / "dvc.lock").read_text())
    for entry in lock["stages"]["features"]["outs"]:
        entry["size"] = 3
    YAML().dump(lock, project / "dvc.lock")
    total = sum(path.stat().st_size for path in (project / "data/features").rglob("*") if path.is_file())
    assert sorted(told()[1]) == [
        f"data/features: {total} bytes in all, expected 3 (out of features, dep of promote)",
        "metrics/data.json: 2 bytes, expected 3 (out of features)",
    ]


def test_a_tampered_manifest_of_features_is_found(project, told):
    """By DVC's hash of it, and by each of its words that its file belies."""
    path = project / "data/features/manifest.json"

    def change(manifest):
        manifest["files"]["BTC-USD.parquet/2024-01.parquet"] |= {"rows": 8, "sha256": "0" * 64}
        manifest["files"]["ETH-USD.parquet/2024-01.parquet"]["bytes"] = 1

    before, after = edit_json(path, change)
    btc = (project / "data/features/BTC-USD.parquet/2024-01.parquet").read_bytes()
    size = (project / "data/features/ETH-USD.parquet/2024-01.parquet").stat().st_size
    by = "(in data/features/manifest.json)"
    assert sorted(told()[1]) == [
        f"data/features/BTC-USD.parquet/2024-01.parquet: rows 9 expected 8 {by}",
        f"data/features/BTC-USD.parquet/2024-01.parquet: sha256 {sha256(btc)} expected 00000000.. {by}",
        f"data/features/ETH-USD.parquet/2024-01.parquet: {size} bytes, expected 1 {by}",
        f"data/features/manifest.json: md5 {md5(after)} expected {md5(before)}"
        " (out of features, dep of promote)",
    ]


def test_a_tampered_bundle_is_found(project, told):
    """A file and its hash in the manifest, changed together, still belie the bundle's id."""
    folder = Path("models/candidate/lstm-direction")
    (folder / "model.onnx").write_bytes(b"Graph")
    path = folder / "manifest.json"
    hashes = {"model.onnx": hashlib.sha256(b"Graph").hexdigest()}
    before, after = edit_json(path, lambda manifest: manifest["sha256"].update(hashes))
    lines = told()[1]
    assert lines[0].startswith(f"{path}: bundle_id {json.loads(before)['bundle_id']} expected ")
    assert lines[1:] == [
        f"{path}: md5 {md5(after)} expected {md5(before)} (out of promote)",
        f"{folder}/model.onnx: md5 {md5(b'Graph')} expected {md5(b'graph')} (out of promote)",
    ]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": {"a": {}}}', '{"sha256": 1}'])
def test_what_is_no_manifest_is_named(text, project, told):
    """In one line, beside its own hash; the other records are checked all the same."""
    path = project / "models/candidate/lstm-direction/manifest.json"
    before = path.read_bytes()
    path.write_text(text)
    lines = told()[1]
    assert lines[0].startswith("models/candidate/lstm-direction/manifest.json: is no manifest: ")
    (second,) = lines[1:]
    assert f"md5 {md5(text.encode())} expected {md5(before)} (out of promote)" in second


def test_stages_that_have_not_run_or_are_gone_are_named(project, told):
    """dvc.yaml and dvc.lock must know the same stages."""
    text = PIPELINE.replace("  promote:", "  Promote:")
    (project / "dvc.yaml").write_text(text)
    assert told()[1] == [
        "dvc.lock: stage promote is not in dvc.yaml",
        "dvc.yaml: stage Promote is not in dvc.lock",
    ]


def test_what_is_not_local_is_told_as_not_checked(project, told):
    """It is no difference, and it is not passed over in silence."""
    lock = YAML().load((project / "dvc.lock").read_text())
    lock["stages"]["promote"]["deps"].append({"path": "https://example.org/a", "etag": "abc", "size": 1})
    YAML().dump(lock, project / "dvc.lock")
    assert told()[:2] == (
        0,
        ["not checked, not a local file with an md5: https://example.org/a (dep of promote)"],
    )


def test_a_file_that_cannot_be_read_keeps_no_other_from_being_told(project, told, monkeypatch):
    """A bad sector is one line among the others."""

    def fail(file, name):
        if file.name.endswith("make.py"):
            raise OSError(5, "Input/output error")
        return hashlib.file_digest(file, name).hexdigest()

    monkeypatch.setattr(verification, "fobj_md5", fail)
    (project / "metrics/data.json").unlink()
    assert told()[1] == [
        "make.py: can't be read: Input/output error (dep of features, promote)",
        "metrics/data.json: is missing (out of features)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "dvc.lock: is not there: run `dvc repro` first"),
        ("stages: [", "dvc.lock: is not YAML"),
        ("schema: '2.0'\n", "dvc.lock: is no lock file: it has no stages"),
        ("stages: {features: {deps: [{md5: a}]}}", "dvc.lock: is no lock file: stage features is broken"),
    ],
)
def test_without_a_lock_there_is_one_line(text, message, project, capsys):
    """No run, or no lock file."""
    (project / "dvc.lock").unlink()
    if text is not None:
        (project / "dvc.lock").write_text(text)
    with pytest.raises(SystemExit, match=message) as left:
        run_command(command.main)
    assert "\n" not in left.value.code
    assert capsys.readouterr().out == ""


def test_outside_of_a_project_there_is_one_line(project):
    """A folder that DVC does not know."""
    shutil.rmtree(project / ".dvc")
    with pytest.raises(SystemExit, match="not inside of a DVC repository"):
        run_command(command.main)
