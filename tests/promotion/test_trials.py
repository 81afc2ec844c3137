"""Trials: what counts as another one, and that no clone forgets what another knows."""

import copy
import json
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import ArtifactError
from tapeline.promotion.trials import FILE, Trial, collect_trials, read_trials, trial_of, write_trials

CODE = (
    "tapeline/nets/lstm.py", "tapeline/backtest/kernel.py", "tapeline/features/returns.py",
    "tapeline/splits/walk_forward.py", "tapeline/tiers.py", "stages/evaluate.py",
)  # fmt: skip


# What each stage reads and writes.
STAGES = {
    "features": (["data/candles"], "data/features"),
    "splits": (["data/features"], "data/splits.json"),
    "train_lstm": (["data/features", "data/splits.json"], "data/predictions/lstm.parquet"),
    "train_transformer": (["data/features", "data/splits.json"], "data/predictions/transformer.parquet"),
    "evaluate": (
        ["data/candles", "data/features", "data/splits.json", "data/predictions/lstm.parquet",
         "data/predictions/transformer.parquet"],
        "metrics/lstm.json",
    ),
}  # fmt: skip


def lock(hidden=64, code="1", data="a", **params):
    """A dvc.lock of a finished run."""
    stages = {"ingest": {"outs": [{"path": "data/candles", "md5": data}]}}
    for name, (read, made) in STAGES.items():
        stages[name] = {
            "deps": [{"path": path, "md5": data} for path in read]
            + [{"path": path, "md5": code} for path in CODE],
            "params": {"params.yaml": {"model.hidden": hidden} | params},
            "outs": [{"path": made, "md5": data}],
        }
    return {"schema": "2.0", "stages": stages}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.source", "files"),
        ("data.path", "data/raw/X"),
        ("simulation.start", "2025-01-01"),
        ("evaluation.resamples", 5),
        ("costs.as_of", "2026-10-01"),
        ("quality.seed", 3),
    ],
)
def test_other_candles_are_no_other_trial(key, value):
    """Nor are their source, dates and how they are judged."""
    assert trial_of(lock(data="b", **{key: value})) == trial_of(lock())


@pytest.mark.parametrize(
    "key",
    [
        "signals.stop", "signals.tiers", "signals.tier_shares", "signals.hold", "signals.trade_tiers",
        "costs.multiple", "costs.instruments", "costs.basis_bps", "execution.latency_s", "execution.slippage",
        "instruments", "data.symbols", "data.interval", "features.groups", "labels.horizon", "splits.train",
        "train.seed", "ftmo.guard", "ftmo.program", "promotion.refit",
    ],
)  # fmt: skip
def test_another_choice_is_another_trial(key):
    """A param of prediction or trading, or the code of one."""
    assert trial_of(lock(**{key: 2})) != trial_of(lock(**{key: 1}))
    assert trial_of(lock(code="2")) != trial_of(lock())
    assert trial_of(lock(code="2")).params == trial_of(lock()).params


@pytest.mark.parametrize("path", CODE)
def test_code_of_any_room_that_predicts_or_trades_is_another_trial(path):
    """One file changed alone."""
    found = lock()
    for stage in found["stages"].values():
        for dep in stage.get("deps", []):
            dep["md5"] = "2" if dep["path"] == path else dep["md5"]
    assert trial_of(found).code != trial_of(lock()).code


def test_other_weights_to_begin_with_are_another_choice_in_the_same_folder():
    """By the hash of the folder; a file, which stands for none, may change."""

    def begun(path, md5):
        found = lock(**{"train.start_from": path})
        found["stages"]["train_lstm"]["deps"].append({"path": "models/start", "md5": md5})
        return trial_of(found)

    assert begun("models/start", "a.dir") != begun("models/start", "b.dir")
    assert begun("models/start/", "a.dir").code == begun("models/start", "b.dir").code
    assert begun("models/start", "a") == begun("models/start", "b")
    assert begun("models/other", "a.dir") == begun("models/other", "b.dir")


def test_code_that_judges_is_no_choice():
    """Nor is code that reads candles; nothing but these changes."""
    found = lock()
    changed = copy.deepcopy(found)
    for known, version in ((found, "1"), (changed, "2")):
        for room in ("market", "quality", "evaluation"):
            known["stages"]["evaluate"]["deps"].append({"path": f"tapeline/{room}/x.py", "md5": version})
    assert trial_of(found) == trial_of(changed)


def test_a_run_without_figures_is_no_trial():
    """Not finished, never run, or evaluated before something that it lies behind was run again."""
    unfinished, stale, half = lock(), lock(), lock()
    del unfinished["stages"]["evaluate"]
    stale["stages"]["train_lstm"]["outs"][0]["md5"] = "other"
    del half["stages"]["train_transformer"]
    assert [trial_of(found) for found in (unfinished, stale, half, {})] == [None] * 4


def test_a_model_counts_by_being_evaluated():
    """A third one that is read is another trial, one left behind in the lock is none."""
    left, third = lock(), lock()
    for found in (left, third):
        found["stages"]["train_gru"] = {
            "deps": [{"path": "data/features", "md5": "a"}, {"path": "tapeline/nets/gru.py", "md5": "1"}],
            "outs": [{"path": "data/predictions/gru.parquet", "md5": "a"}],
        }
    third["stages"]["evaluate"]["deps"].append({"path": "data/predictions/gru.parquet", "md5": "a"})
    assert trial_of(left) == trial_of(lock())
    assert trial_of(third) not in (None, trial_of(lock()))


TRIALS = st.sets(st.builds(Trial, st.sampled_from("abc"), st.sampled_from("xyz")))


@given(ours=TRIALS, theirs=TRIALS)
def test_a_merge_of_two_files_counts_both(ours, theirs, tmp_path_factory):
    """Lines of one after those of the other, some twice; written again they are sorted and once."""
    folder = tmp_path_factory.mktemp("trials")
    texts = []
    for trials in (ours, theirs):
        write_trials(folder, trials)
        texts.append((folder / FILE).read_text() if trials else "")
    (folder / FILE).write_text("".join(texts))
    merged = read_trials("".join(texts))
    assert merged == ours | theirs
    assert write_trials(folder, merged) == 0
    lines = (folder / FILE).read_text().splitlines()
    assert lines == sorted(set(lines))
    assert [Trial(**json.loads(line)) for line in lines] == sorted(merged)


@pytest.mark.parametrize("line", ["<<<<<<< HEAD", "{}", '{"code": "a"}', "[]", "3"])
def test_a_line_that_is_no_trial_is_named(line):
    """File, line, what stands there, what should."""
    with pytest.raises(ArtifactError, match=r"trials.jsonl line 2: .* must be a line like {"):
        read_trials('{"code": "a", "params": "b"}\n' + line)


class Clone:
    """A repository that runs are committed to."""

    def __init__(self, folder):
        self.folder = folder
        self.git("init -q -b main")
        self.git("config user.name t")
        self.git("config user.email t@example.org")

    def git(self, command):
        """Run git."""
        subprocess.run(["git", *command.split()], cwd=self.folder, check=True, capture_output=True)

    def commit(self, found):
        """Commit a lock."""
        (self.folder / "dvc.lock").write_text(yaml.safe_dump(found))
        self.git("add -A")
        self.git("commit -q -m run")


@pytest.fixture
def clone(tmp_path):
    """An empty one."""
    return Clone(tmp_path)


def test_trials_are_those_of_all_branches_and_experiments(clone):
    """Retrained, merged and reverted ones once; queued experiments, which have not run, not at all."""
    clone.commit(lock(1))
    clone.commit(lock(1, data="b"))
    clone.commit(lock(2))
    clone.git("checkout -q -b other HEAD~1")
    for hidden in (8, 3):
        clone.commit(lock(hidden))
    clone.git("checkout -q main")
    clone.git("merge -q -s ours other")
    clone.git("branch -q -D other")  # only the merge, which took nothing of it, leads there now
    clone.git("checkout -q -b again HEAD~1")
    clone.git("merge -q -s ours --no-commit --no-ff main")
    clone.commit(lock(7))  # run in the merge itself
    for name, hidden in (("refs/exps/ab/cdef/brave-owl", 4), ("refs/exps/celery/stash", 5)):
        clone.git("checkout -q --detach main")
        clone.commit(lock(hidden))
        clone.git(f"update-ref {name} HEAD")
    clone.git("checkout -q main")
    (clone.folder / "dvc.lock").write_text(yaml.safe_dump(lock(6)))
    assert collect_trials(clone.folder) == {trial_of(lock(hidden)) for hidden in (1, 2, 3, 4, 6, 7, 8)}


def test_thirty_daily_retrainings_are_one_trial(clone):
    """New candles every day, nothing else."""
    for day in range(30):
        clone.commit(lock(data=str(day), **{"simulation.days": day}))
    assert len(collect_trials(clone.folder)) == 1


def test_another_clone_counts_what_this_one_has_written(clone, tmp_path_factory):
    """Also when the branch is gone; and lines taken out of the file, not committed, still count."""
    clone.commit(lock(1))
    clone.git("checkout -q -b tried")
    clone.commit(lock(2))
    clone.git("checkout -q main")
    assert write_trials(clone.folder, collect_trials(clone.folder)) == 2
    clone.git("add -A")
    clone.git("commit -q -m trials")
    clone.git("branch -q -D tried")
    fresh = tmp_path_factory.mktemp("fresh")
    subprocess.run(["git", "clone", "-q", str(clone.folder), str(fresh)], check=True)
    assert collect_trials(fresh) == {trial_of(lock(1)), trial_of(lock(2))}
    (fresh / FILE).write_text("")
    assert len(collect_trials(fresh)) == 2


def test_a_clone_without_runs_knows_none(clone):
    """No lock in any commit."""
    (clone.folder / "x").write_text("")
    clone.git("add -A")
    clone.git("commit -q -m x")
    assert collect_trials(clone.folder) == set()
    assert write_trials(clone.folder, set()) == 0
    assert not (clone.folder / FILE).exists()
