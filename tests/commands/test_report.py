"""`make report` writes what a run has left enough for, and says what is missing for the rest."""

import pytest

from commands import report
from tapeline.outputs import write_json
from tapeline.reports import data_report

FOUND = {"passed": True, "tables": {}, "rules": [], "failures": [], "audits": [], "leaks": []}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to write reports in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _leave(**changes):
    write_json("metrics/data.json", {"BTC-USD": {"rows": 1}})
    write_json("metrics/detail/expectations.json", FOUND | changes)


def test_nothing_to_report_ends_in_one_line(folder):
    """The first file that is missing is named, and the status is not zero."""
    with pytest.raises(SystemExit, match=r"^metrics/data.json is not there: run `dvc repro` first$"):
        report.main()
    assert not (folder / "reports").exists()


def test_the_data_are_reported_before_anything_is_trained(folder, capsys):
    """The page about the data is written; for the other a line says which file is missing."""
    _leave()
    report.main()
    assert data_report.PAGE.exists()
    assert not report.PAGE.exists()
    assert capsys.readouterr().out.splitlines() == [
        "written: reports/data.html",
        "reports/index.html: not written, metrics/lstm.json is not there",
    ]


def test_figures_of_an_earlier_run_are_not_shown_as_of_data_that_failed(folder, capsys):
    """The page of the whole run stays as it was, and that is said."""
    _leave(passed=False)
    report.PAGE.parent.mkdir()
    report.PAGE.write_text("earlier")
    report.main()
    assert report.PAGE.read_text() == "earlier"
    assert capsys.readouterr().out.splitlines()[1] == (
        "reports/index.html: left as an earlier run wrote it, the data did not pass"
    )
