"""The run beside the last commit with other figures, in words."""

import subprocess

import pytest

from tapeline.outputs import write_json
from tapeline.promotion.versions import Version
from tapeline.reports.changes import compare, compare_run, last_commit
from tapeline.reports.wording import Wording
from tests.promotion.tagging import assign, new_repository, record, register, withdraw

WORDING = Wording("USD")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def leave(accuracy, hidden):
    """Leave a run of some accuracy, made with a param."""
    write_json("metrics/summary.json", {"accuracy": accuracy})
    write_json("metrics/lstm.json", {"accuracy_all": accuracy, "ece": 0.01})
    with open("params.yaml", "w") as file:
        file.write(f"model: {{hidden: {hidden}}}\nsymbols: [A, B]\n")
    return {"lstm": {"accuracy_all": accuracy, "ece": 0.01}}


def commit(words):
    """Commit all that lies there."""
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", words],
    ):
        subprocess.run(["git", *command], check=True, capture_output=True)


def test_a_run_is_compared_with_the_last_commit_that_has_other_figures(folder):
    """Before it is committed with HEAD, afterwards with the run before; commits of words are passed over."""
    leave(0.6, 4)
    commit("first run")
    now = leave(0.65, 8)
    (before,) = compare_run(now, "lstm", "lstm-direction", WORDING)
    commit("second run")
    (folder / "README.md").write_text("words")
    commit("words")
    (after,) = compare_run(now, "lstm", "lstm-direction", WORDING)
    for found in (before, after):
        assert found.title.endswith("first run")
        assert found.figures == {"lstm.accuracy_all": {"before": "60 %", "now": "65 %"}}
        assert found.params == {"model.hidden": {"before": "4", "now": "8"}}


def test_a_run_is_compared_with_the_champion_by_its_own_record(folder, monkeypatch):
    """Figures are those of its tag, params those of its commit; a version taken out of production is none."""
    monkeypatch.setattr("tapeline.promotion.tags.LONGEST_WAIT_S", 0)
    new_repository(folder)
    leave(0.6, 4)
    commit("champion's run")
    version = Version(1, 0, 0)
    champion = record().model_copy(update={"metrics": {"lstm": {"accuracy_all": 0.61, "ece": 0.01}}})
    register(folder, "lstm-direction", version, champion)
    assign(folder, "lstm-direction", version, "first")
    leave(0.62, 6)
    commit("between")
    now = leave(0.65, 8)
    _, found = compare_run(now, "lstm", "lstm-direction", WORDING)
    assert found.title == "Since the champion, lstm-direction v1.0.0"
    assert found.figures["lstm.accuracy_all"] == {"before": "61 %", "now": "65 %"}
    assert found.params == {"model.hidden": {"before": "4", "now": "8"}}
    withdraw(folder, "lstm-direction")
    assert len(compare_run(now, "lstm", "lstm-direction", WORDING)) == 1


def test_without_an_earlier_run_there_is_nothing_to_compare_with(folder):
    """Nor outside a repository."""
    now = leave(0.6, 4)
    assert compare_run(now, "lstm", "lstm-direction", WORDING) == []
    commit("only run")
    assert last_commit() is None
    assert compare_run(now, "lstm", "lstm-direction", WORDING) == []


def test_figures_that_are_the_same_are_counted_and_not_shown():
    """Among those a reader looks at first."""
    now = {"lstm": {"accuracy_all": 0.6}, "backtest": {"net_pnl": -5.0}, "ftmo": {"breached": 1}}
    found = compare("t", {"lstm": {"accuracy_all": 0.6}, "ftmo": {"breached": 0}}, now, "lstm", WORDING, {})
    assert found.figures == {
        "backtest.net_pnl": {"before": "–", "now": "−5 USD"},
        "ftmo.breached": {"before": "no", "now": "yes"},
    }
    assert found.n_same == 16
