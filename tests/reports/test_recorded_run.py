"""A run read at a revision: nothing is checked out, and what can't be had is said."""

import subprocess

import pytest

from tapeline.errors import ArtifactError
from tapeline.reports.recorded_run import WORKING_TREE, MissingFileError, open_run
from tests.warm import warm_environment

pytestmark = pytest.mark.xdist_group("recorded run")  # one repository
DVC = str(warm_environment() / "bin/dvc")
FORMER, LATER = "day,net_pnl\n2024-01-01,1.5\n", "day,net_pnl\n2024-01-01,-2.5\n"


def run(folder, *command):
    """Run a command in `folder`."""
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def write(folder, stop, table):
    """Files of a run whose plots lie in DVC's cache, as an evaluation leaves them."""
    (folder / "params.yaml").write_text(f"signals: {{stop: {stop}, sides: [long, short]}}\n")
    (folder / "metrics/summary.json").write_text(f'{{"stop": {stop}}}')
    (folder / "metrics/backtest.json").write_text(f'{{"net_pnl": {stop}}}')
    (folder / "plots/daily_pnl.csv").write_text(table)
    run(folder, DVC, "add", "-q", "plots/daily_pnl.csv")


def commit(folder, subject):
    """Commit all that is there."""
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=N", "-c", "user.email=n@n", "commit", "-qm", subject)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A commit without a run, tag `former` with one, and another one that is not committed."""
    folder = tmp_path_factory.mktemp("repository")
    run(folder, "git", "init", "-q")
    run(folder, DVC, "init", "-q")
    commit(folder, "nothing yet")
    (folder / "metrics").mkdir()
    (folder / "plots").mkdir()
    write(folder, 6.0, FORMER)
    commit(folder, "a run of before")
    run(folder, "git", "tag", "former")
    write(folder, 4.0, LATER)
    return folder


@pytest.fixture(autouse=True)
def _there(repository, monkeypatch):
    monkeypatch.chdir(repository)


def test_a_revision_is_read_as_it_was_while_another_run_lies_here():
    """Figures and params out of git, tables out of DVC's cache; those of the working tree stay."""
    former, here = open_run("former"), open_run()
    assert (former.metrics(), here.metrics()) == (
        {"backtest": {"net_pnl": 6.0}},
        {"backtest": {"net_pnl": 4.0}},
    )
    assert former.params() == {"signals.stop": 6.0, "signals.sides": ["long", "short"]}
    assert former.csv("plots/daily_pnl.csv")["net_pnl"].tolist() == [1.5]
    assert here.csv("plots/daily_pnl.csv")["net_pnl"].tolist() == [-2.5]
    assert "a run of before" in former.what
    assert (former.name, here.name) == ("former", WORKING_TREE)


@pytest.mark.parametrize(("revision", "says"), [("nope", "unknown Git revision"), ("former~1", "no run was")])
def test_a_revision_without_a_run_is_refused_in_a_line(revision, says):
    """Unknown, or known and without a run: the line names it."""
    with pytest.raises(ArtifactError, match=says) as refused:
        open_run(revision)
    assert str(refused.value).startswith(revision)
    assert "\n" not in str(refused.value)


def test_what_is_not_at_hand_names_what_brings_it(repository):
    """A table that was never pushed and is gone from the cache: the run, the path, the command."""
    former, here = open_run("former"), open_run()
    with pytest.raises(MissingFileError, match="plots/odds.csv of former: neither in git nor in DVC's cache"):
        former.csv("plots/odds.csv")
    with pytest.raises(MissingFileError, match="plots/odds.csv: not there; `dvc repro`"):
        here.csv("plots/odds.csv")
    assert former.missing(["a", "b"]).startswith("a, b of former")
