"""What was computed before: the same bytes, or nothing."""

import os
import shutil
import time
from pathlib import Path

import pytest

import tapeline.cache
from tapeline import closure
from tapeline.cache import LONGEST_WRITE, Cache, code_key, key_of


@pytest.fixture
def cache(tmp_path):
    """A cache with one entry, `k` * 64."""
    kept = Cache("months", tmp_path / ".cache")
    (tmp_path / "made").write_bytes(b"content")
    kept.keep("k" * 64, tmp_path / "made", {"rows": 7})
    return kept


def test_an_entry_is_copied_with_what_was_noted_of_it(cache, tmp_path):
    """Not linked: who takes it over may change it."""
    out = tmp_path / "deep/out"
    entry = cache.take("k" * 64, out)
    assert (out.read_bytes(), entry.facts) == (b"content", {"rows": 7})
    out.write_bytes(b"changed")
    assert cache.take("k" * 64, tmp_path / "again").sha256 == entry.sha256
    assert cache.take("o" * 64, tmp_path / "other") is None
    assert cache.damaged == []


@pytest.mark.parametrize(
    "broken",
    [
        "a byte",
        "cut",
        "record",
        "bytes of a record",
        "deep record",
        "facts",
        "folder",
        "folder of a record",
        "file above",
        "no record",
        "no file",
    ],
)
def test_a_damaged_entry_is_removed_and_told(broken, cache, tmp_path):
    """And made anew."""
    (record,) = (tmp_path / ".cache").rglob("*.json")
    file = record.with_name("k" * 64)
    if broken == "a byte":
        file.write_bytes(b"c0ntent")
    elif broken == "cut":
        file.write_bytes(b"cont")
    elif broken == "record":
        record.write_text("{")
    elif broken == "bytes of a record":
        record.write_bytes(b"\xff\x00")
    elif broken == "deep record":
        record.write_text("[" * 100_000)
    elif broken == "facts":
        record.write_text(record.read_text().replace('"rows": 7', '"rows": 8'))
    elif broken.startswith("folder"):
        (folder := record if "record" in broken else file).unlink()
        folder.mkdir()
        (folder / "more").write_text("in it")
    elif broken == "file above":
        shutil.rmtree(record.parent)
        record.parent.write_text("a file where the folder would be")
    else:
        (record if broken == "no record" else file).unlink()
    assert cache.take("k" * 64, tmp_path / "out") is None
    assert not (tmp_path / "out").exists()
    assert cache.damaged == ([] if broken.startswith("no ") else ["k" * 64])
    cache.keep("k" * 64, tmp_path / "made", {})
    again = Cache("months", cache.folder)
    assert again.take("k" * 64, tmp_path / "out")
    assert again.damaged == []


@pytest.mark.parametrize("left", ["k" * 64, f"{'k' * 64}.json", f".{'k' * 64}.partial", "other"])
def test_what_a_killed_run_left_is_removed_once_nobody_can_be_writing_it(left, cache):
    """A file without a record, a record without a file, a part of either; not while it is fresh."""
    folder = cache.folder / "months" / "kk"
    for path in folder.iterdir():
        path.unlink()
    path = folder / left
    path.write_bytes(b"part")
    cache.prune([])
    assert path.exists()
    old = time.time() - 2 * LONGEST_WRITE
    os.utime(path, (old, old))
    cache.prune([])
    assert not path.exists()


def test_an_entry_that_is_whole_is_never_taken_for_half_written(cache, tmp_path):
    """However old its file and its record are."""
    for path in (cache.folder / "months").rglob("k*"):
        os.utime(path, (1e9, 1e9))
    cache.prune(["k" * 64])
    assert cache.take("k" * 64, tmp_path / "out")


def test_what_is_longest_unused_goes_beyond_four_times_what_is_used(tmp_path):
    """Never what this run has used."""
    cache = Cache("months", tmp_path / ".cache")
    (tmp_path / "made").write_bytes(b"x" * 10_000)
    keys = [f"{k}" * 64 for k in range(7)]
    for age, key in enumerate(keys):
        cache.keep(key, tmp_path / "made", {})
        (record,) = (tmp_path / ".cache").rglob(f"{key}.json")
        os.utime(record, (1e9 - age, 1e9 - age))
    cache.prune([keys[6]])
    assert [key for key in keys if cache.take(key, tmp_path / "out")] == [*keys[:3], keys[6]]
    assert sorted(path.name for path in (tmp_path / ".cache").rglob("*") if path.is_file()) == sorted(
        name for key in [*keys[:3], keys[6]] for name in (key, f"{key}.json")
    )


def test_a_cache_that_cannot_be_written_is_none(tmp_path):
    """The work is done all the same."""
    (tmp_path / ".cache").write_text("a file where the folder would be")
    cache = Cache("months", tmp_path / ".cache")
    (tmp_path / "made").write_bytes(b"x")
    assert cache.keep("k" * 64, tmp_path / "made", {"rows": 1}).facts == {"rows": 1}
    assert cache.take("k" * 64, tmp_path / "out") is None
    cache.prune([])


def test_what_is_noted_is_there_until_it_is_damaged(tmp_path):
    """With no file of its own."""
    cache = Cache("audits", tmp_path / ".cache")
    assert cache.noted("k" * 64) is None
    cache.note("k" * 64, {"cells": 3})
    assert cache.noted("k" * 64) == {"cells": 3}
    assert cache.noted("o" * 64) is None
    cache.prune(["k" * 64])
    assert cache.noted("k" * 64) == {"cells": 3}
    (record,) = (tmp_path / ".cache").rglob("*.json")
    record.write_text("[")
    assert cache.noted("k" * 64) is None
    assert cache.damaged == ["k" * 64]
    assert not record.exists()


def test_keys_are_of_whole_words():
    """What is told is not run together."""
    assert key_of("a", "bc") != key_of("ab", "c")


def test_code_is_every_file_that_may_run_and_the_versions_of_packages(tmp_path, monkeypatch):
    """A file that is imported by what is imported; not what is beside them."""
    files = {
        "stages/one.py": "import tapeline.near",
        "tapeline/near.py": "from tapeline.far import X",
        "tapeline/far.py": "X = 1",
        "tapeline/beside.py": "",
        "requirements.lock": "numpy==1.0",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for module in (closure, tapeline.cache):
        monkeypatch.setattr(module, "ROOT", tmp_path)

    def key():
        closure.syntax_tree.cache_clear()
        return code_key.__wrapped__(Path("stages/one.py"))

    try:
        before, moved = key(), {}
        for name, text in files.items():
            (tmp_path / name).write_text(text + "\n# another")
            moved[name] = key() != before
            (tmp_path / name).write_text(text)
    finally:
        closure.syntax_tree.cache_clear()
    assert moved == {name: name != "tapeline/beside.py" for name in files}
