"""Figures beside those that were kept: the same figure is found again, whatever its number is now."""

import sys

import pytest

from benchmarks import __main__ as module
from benchmarks.__main__ import beside, by_wording, keyed, numbers_of
from tapeline.errors import ArgumentError

KEPT = [
    "a processor",
    "== features",
    "100 features of one candle: 60 us",
    "1,000,000 candles:   1.00 s",
    "LSTM 64 x 2   2,000   0.5",
    "== sweep",
    "1,000,000 candles:   8.00 s",
    "share 50 %",
    "share 40 %",
]


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("100 features of one candle: 54.5 us", [100, 54.5]),
        ("a million, 1,234,567 rows at 1e-3, bf16 and p99", [1234567, 0.001]),
        ("nothing", []),
    ],
)
def test_numbers_of_a_line(line, numbers):
    """Those that stand by themselves; names that hold a digit are names."""
    assert numbers_of(line) == numbers


def test_a_figure_is_told_as_a_multiple_of_the_kept_one():
    """By benchmark and wording; lines of one wording in their order; what is the same is not repeated."""
    now = [
        "== features",
        "100 features of one candle: 30 us",
        "1,000,000 candles:  10.00 s",
        "LSTM 64 x 2   3,000   0.5",
        "== sweep",
        "1,000,000 candles:   8.00 s",
        "share 25 %",
        "share 80 %",
        "something new 5",
    ]
    kept = by_wording(KEPT)
    assert [beside(line, kept.get(key)).removeprefix(line) for key, line in keyed(now)] == [
        "", "   [0.50]", "   [10.00]", "   [1.50]", "", "", "   [0.50]", "   [2.00]", "",
    ]  # fmt: skip


def test_a_figure_is_found_whichever_benchmarks_run():
    """Two benchmarks word a figure alike: each has its own, also where one of them runs alone."""
    kept = by_wording(KEPT)
    now = ["== sweep", "1,000,000 candles:   4.00 s"]
    assert [beside(line, kept.get(key)) for key, line in keyed(now)][1].endswith("   [0.50]")


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Run the command with --keep on a machine; return what is kept then."""
    path = tmp_path / "kept.txt"
    for name in ("features", "sweep"):
        (tmp_path / f"{name}.py").touch()
    printed = {"features": "candles: 1 s", "sweep": "candles: 2 s"}
    monkeypatch.setattr(module, "KEPT", path)
    monkeypatch.setattr(module, "NAMES", ("features", "sweep"))
    monkeypatch.setattr(
        module, "lines_of", lambda names: (line for name in names for line in (f"== {name}", printed[name]))
    )

    def run(*names, on="one", **now):
        printed.update(now)
        monkeypatch.setattr(module, "machine", lambda: on)
        monkeypatch.setattr(sys, "argv", ["benchmarks", "--keep", *names])
        module.main()
        return path.read_text().splitlines()

    return run


def test_what_is_kept_of_other_benchmarks_stays(keep):
    """The machine first; a benchmark that runs alone takes the place of its own lines."""
    assert keep() == ["one", "== features", "candles: 1 s", "== sweep", "candles: 2 s"]
    found = keep("features", features="candles: 3 s")
    assert found == ["one", "== features", "candles: 3 s", "== sweep", "candles: 2 s"]
    assert keep(on="another")[0] == "another"


def test_figures_of_two_machines_are_not_kept_together(keep):
    """Some of them can't be kept on another machine, and what was kept stays."""
    before = keep()
    with pytest.raises(ArgumentError, match=r"kept\.txt is of one, this is another: keep all"):
        keep("sweep", on="another", sweep="candles: 9 s")
    assert module.KEPT.read_text().splitlines() == before
