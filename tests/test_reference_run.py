"""The run that the repository holds is of its own code and params: what `dvc metrics diff` compares with."""

import hashlib
import subprocess

import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT

MADE = ("data/", "models/", "plots/")  # in DVC's cache, not in git


def committed(path):
    """Content of a file at HEAD; None where git has none of that name."""
    done = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def read_yaml(path):
    """A YAML file at HEAD."""
    return YAML(typ="safe").load(committed(path))


def value_of(params, key):
    """The value of a dotted key."""
    for part in key.split("."):
        params = params[part]
    return params


if committed("dvc.lock") is None:
    pytest.skip("no commit here to look into", allow_module_level=True)
LOCK, PIPELINE, PARAMS = (read_yaml(path) for path in ("dvc.lock", "dvc.yaml", "params.yaml"))
AGAIN = "dvc.lock is of other code or params: run `make repro`, commit dvc.lock and metrics/"


@pytest.mark.parametrize("stage", PIPELINE["stages"])
def test_the_lock_is_of_this_code_and_params(stage):
    """Commands, hashes of code and lock file, values of params, outputs in metrics/."""
    locked, spec = LOCK["stages"][stage], PIPELINE["stages"][stage]
    assert locked["cmd"] == spec["cmd"], AGAIN
    deps = {entry["path"]: entry.get("md5") for entry in locked["deps"]}
    named = ("data.path", "data.extra_path", "train.start_from")
    paths = {f"${{{key}}}": value_of(PARAMS, key) for key in named}
    listed = {paths.get(dep, dep) for dep in spec["deps"]}
    assert set(deps) == listed, AGAIN
    outs = {entry["path"]: entry["md5"] for entry in locked["outs"]}
    for path, md5 in (deps | outs).items():
        content = None if path.startswith(MADE) and path not in paths.values() else committed(path)
        if content is not None:
            assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5, f"{path}: {AGAIN}"
        else:
            assert path.startswith(MADE), f"{path} is not committed: {AGAIN}"
    values = locked.get("params", {}).get("params.yaml", {})
    assert values == {key: value_of(PARAMS, key) for key in spec.get("params", ())}, AGAIN
