"""What a sweep on tests counts as: a trial each, for good; and on inner folds, what it has seen."""

import subprocess

import pytest
import yaml

from tapeline.errors import ArtifactError
from tapeline.promotion.trials import FILE, LOCK, collect_trials, trial_of
from tapeline.sweeping.trials import count_trials
from tests.promotion.test_trials import lock
from tests.sweeping.market import make_sweep, params_of
from tests.trading.shipped import SHIPPED

RANGES = {
    "signals": {"stop": [4.0, 5.0], "tiers.A": [[0.7, 1.0], [0.8, 1.0]]},
    "costs": {"multiple": [1.0, 2.0]},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository whose run has the shipped params of trading."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(
        "git init -q && git -c user.name=t -c user.email=t@e commit -q --allow-empty -m x",
        shell=True,
        check=True,
    )
    keys = {f"signals.{key}": value for key, value in SHIPPED["signals"].items()}
    keys |= {"costs.multiple": 1.0, "costs.rollover": SHIPPED["costs"]["rollover"]}
    write(tmp_path / LOCK, lock(**keys))
    write(tmp_path / "params.yaml", SHIPPED)
    return tmp_path


def write(path, values):
    """As DVC writes YAML: without quotes around a time, which others read as a number."""
    path.write_text(yaml.safe_dump(values).replace("'23:55'", "23:55"))


def count(ranges=RANGES):
    """Count a sweep; return all trials."""
    return count_trials(make_sweep(params_of(), ranges))


def test_each_configuration_counts_once_and_for_good(project):
    """The run itself is one of them; the same sweep again adds none, another one its own."""
    before = collect_trials(project)
    assert len(before) == 1
    n = count()
    assert n == (1 + 4) * 2
    assert len((project / FILE).read_text().splitlines()) == n
    assert collect_trials(project) >= before
    assert count() == n
    assert (
        count({"signals": {"stop": [4.0, 9.0]}}) == n + 1
    )  # 6.0 and 4.0 have been tried, with the present tiers


def test_a_configuration_is_the_trial_that_its_experiment_would_be(project):
    """So that who runs the chosen one is not told of one more."""
    n = count()
    ran = yaml.safe_load((project / LOCK).read_text())
    for stage in ran["stages"].values():
        if "params" in stage:
            stage["params"]["params.yaml"] |= {"signals.stop": 4.0, "costs.multiple": 2.0}
            tiers = stage["params"]["params.yaml"]["signals.tiers"]
            stage["params"]["params.yaml"]["signals.tiers"] = tiers | {"A": [0.8, 1.0]}
    assert trial_of(ran) in collect_trials(project)
    assert n == len(collect_trials(project))


def test_what_else_params_say_by_now_makes_others(project):
    """A sweep with another target tries other configurations, swept or not."""
    n = count()
    write(project / "params.yaml", SHIPPED | {"signals": SHIPPED["signals"] | {"target": 3.0}})
    assert count() == 2 * n


def test_a_run_that_is_not_up_to_date_is_not_swept_on(project):
    """Whose predictions they are, nobody could say."""
    stale = lock()
    stale["stages"]["evaluate"]["deps"][0]["md5"] = "other"
    (project / LOCK).write_text(yaml.safe_dump(stale))
    with pytest.raises(ArtifactError, match="evaluate is not up to date; run `dvc repro evaluate` first"):
        count()
    (project / LOCK).unlink()
    with pytest.raises(ArtifactError, match="dvc.lock: is not there"):
        count()
    assert not (project / FILE).exists()
