"""A stage that does not fit says so before it begins, in one line, with what to lower."""

import pandas as pd
import pytest

from tapeline import memory
from tapeline.errors import ParamsError
from tapeline.memory import GB, NEEDS, require_memory
from tapeline.params import Params

ROWS = {"A": 3000, "B": 1000, "C": 2000}


def params_of(memory_gb, workers=2):
    """Of three symbols."""
    data = {"memory_gb": memory_gb, "symbols": [*ROWS], "workers": workers}
    return Params({"data": data, "train": {"workers": workers}})


@pytest.fixture
def tables(tmp_path):
    """A folder with a table a symbol."""
    for symbol, rows in ROWS.items():
        pd.DataFrame({"timestamp": range(rows)}).to_parquet(tmp_path / f"{symbol}.parquet")
    return tmp_path


@pytest.mark.parametrize("stage", NEEDS)
def test_what_a_stage_takes_fits_and_a_byte_less_does_not(tables, stage):
    """Whatever the stage, with a line that names the budget and the rows."""
    need = NEEDS[stage]
    exact = need.bytes_for([*ROWS.values()], 2 if need.workers else 0) / GB
    require_memory(params_of(exact), stage, tables)
    with pytest.raises(
        ParamsError, match=rf"data.memory_gb is .*: {stage} takes about .* 3,000 rows a symbol"
    ):
        require_memory(params_of(exact * 0.999), stage, tables)


def test_workers_that_could_be_fewer_are_named(tables):
    """With one worker the symbols are all that is left."""
    with pytest.raises(ParamsError, match=r"lower data.workers \(2\) or data.symbols \(3\)"):
        require_memory(params_of(0.01), "expectations", tables)
    with pytest.raises(ParamsError, match="lower data.symbols, or shorten the history"):
        require_memory(params_of(0.01, workers=1), "expectations", tables)


def test_symbols_one_after_the_other_take_less():
    """Only those that are worked on at once count, the longest first; where all are read, all do."""
    need = NEEDS["expectations"]
    of_one, of_two = (need.bytes_for([1, 5, 3], n) - (need.worker_mb * n << 20) for n in (1, 2))
    assert of_two - of_one == 3 * need.row_bytes
    assert NEEDS["splits"].bytes_for([1, 5, 3], 0) - NEEDS["splits"].bytes_for([], 0) == 9 * 100


def test_without_a_budget_the_machine_is_asked(tables, monkeypatch):
    """And named; a group of processes that may take less counts."""
    require_memory(params_of(None), "splits", tables)
    monkeypatch.setattr(memory, "machine_bytes", lambda: 1 << 20)
    with pytest.raises(
        ParamsError, match="params.yaml: data.memory_gb is empty: .* this machine has 0.00098"
    ):
        require_memory(params_of(None), "splits", tables)


@pytest.mark.parametrize(
    ("membership", "limited"),
    [
        ("0::/", "memory.max"),
        ("0::/user/mine", "user/memory.max"),
        ("3:cpu:/x\n0::/user/mine", "user/mine/memory.max"),
        ("4:memory:/docker/one\n0::/", "memory/docker/one/memory.limit_in_bytes"),
        ("4:memory:/docker/one", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_group_of_processes_that_may_take_less_counts(tmp_path, monkeypatch, membership, limited):
    """The least of its own limit and of those of the groups that it is in, in either version of them."""
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "cgroup")
    whole = memory.machine_bytes()  # nothing is known of groups
    (tmp_path / "cgroup").write_text(membership + "\n")
    limit = tmp_path / limited
    limit.parent.mkdir(parents=True, exist_ok=True)
    limit.write_text("max\n")
    assert memory.machine_bytes() == whole
    limit.write_text("9223372036854771712\n")
    assert memory.machine_bytes() == whole
    limit.write_text("1048576\n")
    assert memory.machine_bytes() == 1 << 20 < whole


def test_tables_that_are_not_there_are_for_the_stage_to_name(tmp_path):
    """Nothing is known of them here."""
    require_memory(params_of(0.001), "splits", tmp_path)
