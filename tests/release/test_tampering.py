"""What somebody alters in bundles, tags, index, journal or lock is named, healed or refused, never served.

A sample here, all of it by `make torture`, which prints a table.
"""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from commands.predict import hold_against_tags
from tapeline.errors import TapelineError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import JOURNAL, one_at_a_time, settle
from tapeline.promotion.production import INDEX, PROMOTED, in_production, write_index
from tapeline.promotion.registry import Registry
from tapeline.promotion.repository import git
from tapeline.release.restore import restore
from tests.promotion.tagging import raw_tag
from tests.release.former import LSTM, TRANSFORMER, two_runs

pytestmark = pytest.mark.xdist_group("tampering")

BUNDLE = PROMOTED / LSTM


def write(path, content):
    """Other content, whatever the file's rights."""
    Path(path).unlink(missing_ok=True)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())


def edit(path, **changes):
    """Keys of a JSON file."""
    write(path, json.dumps(json.loads(Path(path).read_text()) | changes))


def extend(path):
    """One byte more."""
    write(path, path.read_bytes() + b" ")


def swap(folder):
    """The other model's bundle."""
    shutil.rmtree(folder / BUNDLE)
    shutil.copytree(folder / PROMOTED / TRANSFORMER, folder / BUNDLE)


def older(folder):
    """A whole bundle of a version that is not in production."""
    from tests.release.former import FIXTURES

    shutil.rmtree(folder / BUNDLE)
    shutil.copytree(FIXTURES / f"bundles/{LSTM}@v1.0.0", folder / BUNDLE)


def replaced_by_link(folder):
    """A file that lies elsewhere and can change."""
    path = folder / BUNDLE / "model.onnx"
    write(folder / "elsewhere", b"other")
    path.unlink()
    path.symlink_to(folder / "elsewhere")


# Of the bundle in production: none of them may be served, and `make restore` heals each.
FILES = sorted(
    ["contract.json", "features.json", "metrics.json", "model.json", "model.onnx", "model_card.md"]
)
OF_BUNDLES = (
    {f"{name} emptied": lambda folder, name=name: write(folder / BUNDLE / name, b"") for name in FILES}
    | {f"{name} removed": lambda folder, name=name: (folder / BUNDLE / name).unlink() for name in FILES}
    | {f"{name} extended": lambda folder, name=name: extend(folder / BUNDLE / name) for name in FILES}
    | {
        "a file added": lambda folder: write(folder / BUNDLE / "more.bin", b"x"),
        "a folder added": lambda folder: (folder / BUNDLE / "more").mkdir(),
        "a file linked elsewhere": replaced_by_link,
        "the manifest removed": lambda folder: (folder / BUNDLE / "manifest.json").unlink(),
        "the manifest emptied": lambda folder: write(folder / BUNDLE / "manifest.json", b""),
        "the manifest another type": lambda folder: write(folder / BUNDLE / "manifest.json", b"[1]"),
        "the id changed": lambda folder: edit(folder / BUNDLE / "manifest.json", bundle_id="0" * 16),
        "the hashes emptied": lambda folder: edit(folder / BUNDLE / "manifest.json", sha256={}),
        "the other model's bundle": swap,
        "an older bundle": older,
        "the bundle removed": lambda folder: shutil.rmtree(folder / BUNDLE),
        "a file instead of the bundle": lambda f: (shutil.rmtree(f / BUNDLE), write(f / BUNDLE, b"x")),
        "a model that nobody promoted": lambda f: shutil.copytree(f / BUNDLE, f / PROMOTED / "mine"),
    }
)  # fmt: skip


def tag(name, message, target="HEAD"):
    """A tag of these bytes."""
    return lambda folder: raw_tag(folder, name, message, target)


# Of tags, index, journal and lock: what is served stays, or is what GTO says; every command goes on.
OF_RECORDS = {
    "a tag of no UTF-8": tag(f"{LSTM}@v7.0.0", b"\xff"),
    "an assignment of no UTF-8": tag(f"{LSTM}#prod#70", b"\xff"),
    "a tag without a message": tag(f"{LSTM}@v7.0.1", b""),
    "a record of wrong types": tag(f"{LSTM}@v7.0.2", b'{"bundle_id": [], "gates": 3}'),
    "an assignment of wrong types": tag(f"{LSTM}#prod#71", b'{"version": {}}'),
    "an assignment of an unknown version": tag(f"{LSTM}#prod#72", b'{"version": "v9.9.9"}'),
    "an assignment of a foreign commit": tag(f"{TRANSFORMER}#prod#73", b"by hand"),
    "a withdrawal of an unknown version": tag(f"{TRANSFORMER}#prod!#74", b"by hand"),
    "a tag of a tree": tag(f"{LSTM}@v7.0.3", b"{}", "HEAD^{tree}"),
    "a very large number": tag(f"{LSTM}#prod#{'9' * 200}", b'{"version": "v9.9.9"}'),
    "a light tag": lambda folder: git(folder, "tag", f"{LSTM}@v7.0.4"),
    "the index emptied": lambda folder: write(folder / INDEX, b""),
    "the index of another type": lambda folder: write(folder / INDEX, b"[[]]"),
    "another version in the index": lambda folder: edit(folder / INDEX, **{LSTM: {"versions": []}}),
    "the index removed": lambda folder: (folder / INDEX).unlink(),
    "an empty journal": lambda folder: write(folder / ".git" / JOURNAL, b""),
    "a journal of another type": lambda folder: write(folder / ".git" / JOURNAL, b'{"tags": 3}'),
    "a journal of tags that are not there": lambda folder: write(
        folder / ".git" / JOURNAL,
        json.dumps({"tags": [{"name": f"{LSTM}@v8.0.0", "commit": "0" * 40, "message": "x"}], "bundles": []}),
    ),
    "a journal that names a release with another message": lambda folder: write(
        folder / ".git" / JOURNAL,
        json.dumps({"tags": [{"name": f"{LSTM}@v1.1.0", "commit": "0" * 40, "message": "x"}], "bundles": []}),
    ),
    "a journal of the former form": lambda folder: write(folder / ".git" / JOURNAL, f"{LSTM}@v1.1.0"),
    "the lock's file removed": lambda folder: (folder / ".git/tapeline.lock").unlink(missing_ok=True),
    "the lock's file filled": lambda folder: write(folder / ".git/tapeline.lock", b"x" * 100),
    "leftovers of a bundle": lambda f: shutil.copytree(f / BUNDLE, f / PROMOTED / f".{LSTM}.partial"),
    "a file where a bundle is staged": lambda f: write(f / PROMOTED / f".{LSTM}.before", b"x"),
    "DVC's rwlock emptied": lambda folder: write(folder / ".dvc/tmp/rwlock", b""),
    "a version in production deprecated": tag(f"{LSTM}@v1.1.0!", b"by hand"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two runs and their releases, restored."""
    folder = two_runs(tmp_path_factory.mktemp("made"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        restore(lambda line: None)
    return folder


@pytest.fixture
def tampered(made, tmp_path, monkeypatch):
    """A copy, the working directory, after a tampering."""

    def tamper(change):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(made, folder, symlinks=True)
        change(folder)
        monkeypatch.chdir(folder)
        return folder

    return tamper


def served(folder):
    """Ids of what predicting would serve; None if it refuses, in a line."""
    try:
        return set(hold_against_tags(folder / PROMOTED))
    except TapelineError:
        return None


def named(folder):
    """Ids that the tags put into production."""
    releases = [Registry(folder, ARTIFACTS).production(name) for name in ARTIFACTS]
    return {release.record.bundle_id for release in releases if release}


def fault_of_bundle(folder):
    """What is wrong after a bundle was tampered with; empty if nothing is."""
    if served(folder) is not None:
        return "served"
    restore(lambda line: None)
    if (folder / PROMOTED / "mine").exists():
        shutil.rmtree(folder / PROMOTED / "mine")  # of no model of this project: a person's to remove
    return "" if served(folder) == named(folder) else "not healed"


def fault_of_record(folder):
    """What is wrong after a record was tampered with; empty if nothing is."""
    told = []
    settle(folder, ARTIFACTS, told.append)
    before = served(folder)
    with one_at_a_time(folder, ARTIFACTS, told.append):
        registry = write_index(folder, ARTIFACTS)
    told += registry.notes()
    if before is not None and before != named(folder):
        return "served what the tags don't name"
    restore(told.append)
    if served(folder) != named(folder):
        return "not healed"
    return "" if all(in_production(folder, name) for name in (LSTM, TRANSFORMER)) else "lost"


SAMPLE = ["model.onnx extended", "an older bundle", "a model that nobody promoted", "the id changed"]
SAMPLE_OF_RECORDS = ["a tag of no UTF-8", "an assignment of an unknown version", "a journal of another type"]


@pytest.mark.parametrize("name", SAMPLE)
def test_a_tampered_bundle_is_not_served_and_comes_back(tampered, name):
    """By `make restore`, as the tags say."""
    assert fault_of_bundle(tampered(OF_BUNDLES[name])) == ""


@pytest.mark.parametrize("name", SAMPLE_OF_RECORDS)
def test_a_tampered_record_stops_nothing(tampered, name):
    """Served is what the tags name, before and after."""
    assert fault_of_record(tampered(OF_RECORDS[name])) == ""


@pytest.mark.torture
def test_fifty_tamperings(tampered, capsys):
    """Every one; the table says what was tried and survived."""
    wrong, tried = {}, Counter()
    for title, changes, fault in (
        ("bundles", OF_BUNDLES, fault_of_bundle), ("records", OF_RECORDS, fault_of_record),
    ):  # fmt: skip
        for name, change in changes.items():
            tried[title] += 1
            if found := fault(tampered(change)):
                wrong[title, name] = found
    with capsys.disabled():
        print(f"\n{'tampered':<12}{'tried':>8}{'survived':>10}")
        for title, n in tried.items():
            print(f"{title:<12}{n:>8}{n - sum(key[0] == title for key in wrong):>10}")
    assert tried.total() >= 50
    assert wrong == {}
