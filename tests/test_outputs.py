"""Outputs appear whole or not at all, the same bytes every time."""

import json

import numpy as np
import pandas as pd
import pytest

from tapeline.outputs import whole_file, whole_folder, write_csv, write_json, write_table
from tests.faulting import run


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    """An error inside the block leaves what was there and nothing else."""
    path = tmp_path / "deep" / "a.txt"
    with whole_file(path) as aside:
        aside.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(path) as aside:
        aside.write_text("half")
        raise OSError(28, "disk full")
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path):
    """A folder is replaced as a whole: old files go only when the new ones are complete."""
    path = tmp_path / "out"
    with whole_folder(path) as aside:
        (aside / "one").write_text("1")
    with pytest.raises(KeyboardInterrupt), whole_folder(path) as aside:
        (aside / "two").write_text("2")
        raise KeyboardInterrupt
    assert [p.name for p in path.iterdir()] == ["one"]
    with whole_folder(path) as aside:
        (aside / "two").write_text("2")
    assert [p.name for p in path.iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def fill(word):
    """Replace the folder `out`."""
    with whole_folder("out") as aside:
        for name in "abc":
            (aside / name).write_text(word)


SELDOM = [pytest.param(fault, marks=pytest.mark.slow) for fault in ("SIGTERM", "SIGINT", "ENOSPC", "EACCES")]


@pytest.mark.parametrize("fault", ["SIGKILL", *SELDOM])
def test_a_folder_is_never_a_part_of_itself(tmp_path, monkeypatch, fault):
    """Killed or starved at whatever step: the old one, the new one or, killed, none; then it is made anew."""
    monkeypatch.chdir(tmp_path)
    fill("old")
    n_steps = len(run(tmp_path, lambda: fill("old"), [])["steps"])
    for number in range(1, n_steps + 1):
        fill("old")
        ended = run(tmp_path, lambda: fill("new"), [], number, fault)
        found = {path.name: path.read_text() for path in tmp_path.glob("out/*")}
        assert found in (dict.fromkeys("abc", "old"), dict.fromkeys("abc", "new"), {}), number
        assert found or ended["status"] == -9 or fault == "SIGTERM", number
        assert run(tmp_path, lambda: fill("new"), [])["status"] == 0
        assert {path.name: path.read_text() for path in tmp_path.glob("out/*")} == dict.fromkeys("abc", "new")
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_former_folder_comes_back_when_the_new_one_fails_after_a_kill(tmp_path):
    """Killed between the two renames, and the next attempt fails: what was there is there again."""
    path, former = tmp_path / "out", tmp_path / ".out.former.partial"
    former.mkdir()
    (former / "a").write_text("old")
    with pytest.raises(OSError, match="full"), whole_folder(path):
        raise OSError(28, "disk full")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["out", "out/a"]


def test_json_has_no_nan_and_keeps_order(tmp_path):
    """NaN and infinities become null at any depth, NumPy scalars become numbers."""
    write_json(tmp_path / "m.json", {"b": np.float64("nan"), "a": [np.int64(2), (float("inf"), 1 / 3)]})
    text = (tmp_path / "m.json").read_text()
    assert json.loads(text) == {"b": None, "a": [2, [None, 0.3333333333]]}
    assert text.index('"b"') < text.index('"a"')


def test_tables_are_the_same_bytes_wherever_they_are_written(tmp_path):
    """Two writes in two folders agree byte for byte, and read back as they were, metadata included."""
    times = pd.date_range("2025-01-01", periods=3, freq="min", tz="UTC", unit="us")
    table = pd.DataFrame({"timestamp": times, "close": [1.0, np.nan, 3.0], "is_filled": [True, False, True]})
    for name in ("a", "b"):
        write_table(tmp_path / name / "t.parquet", table, {"version": "x", "k": "v"})
        write_csv(tmp_path / name / "t.csv", table)
    for file in ("t.parquet", "t.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a" / "t.parquet"), table)
