"""The table of versions: one row each, what is in production, figures where a version has them."""

from types import SimpleNamespace

from tapeline.promotion.release_record import ReleaseRecord
from tapeline.promotion.versions import Version
from tapeline.reports.versions_table import versions_table

PRINTS = {name: f"{name}0123456789abcdef" for name in ("data", "code")}


def release(version, metrics):
    """A release of that version."""
    record = ReleaseRecord(
        bundle_id=f"bundle{version}",
        fingerprints=PRINTS,
        gates=(),
        lock_sha256="0",
        metrics=metrics,
        why="x",
    )
    return SimpleNamespace(version=Version.parse(version), commit="c" * 40, record=record)


def test_every_version_is_a_row_and_one_of_each_model_is_in_production():
    """After a rollback the older one, with the numbers of all its assignments."""
    first, second = release("v1.0.0", {"lstm": {"accuracy_all": 0.73161}}), release("v1.1.0", {"lstm": {}})
    other = release("v1.0.0", {"transformer": {"mae": 0.19, "rank_correlation": None}})
    served = enumerate((first, second, first), 1)
    history = [SimpleNamespace(number=n, version=v.version, withdraws=False) for n, v in served]
    history.insert(2, SimpleNamespace(number=9, version=second.version, withdraws=True))
    registry = SimpleNamespace(
        releases={"transformer-trend": [other], "lstm-direction": [first, second]},
        history={"lstm-direction": history},
        production={"lstm-direction": first}.get,
        shadow={"lstm-direction": second}.get,
    )
    table = versions_table(registry)
    assert table["model"].tolist() == ["lstm-direction", "lstm-direction", "transformer-trend"]
    assert table["version"].tolist() == ["v1.0.0", "v1.1.0", "v1.0.0"]
    assert table["production"].tolist() == ["yes", "", ""]
    assert table["shadow"].tolist() == ["", "yes", ""]
    assert table["assigned"].tolist() == ["1,3", "2", ""]
    assert table["market"].tolist() == ["unknown"] * 3
    assert table["commit"].tolist() == ["ccccccc"] * 3
    assert table["data"].tolist() == ["data012"] * 3
    assert table["accuracy_all"].tolist() == ["0.7316", "", ""]
    assert table["mae"].tolist() == ["", "", "0.19"]
    assert "rank_correlation" not in table


def test_without_a_version_there_is_no_row():
    """An empty table, not an error."""
    assert versions_table(SimpleNamespace(releases={}, history={})).empty
