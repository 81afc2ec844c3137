"""The hooks before a commit: a valid file, tools that there are, and all that `make lint` runs."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tapeline.closure import ROOT

CONFIG = ROOT / ".pre-commit-config.yaml"
VENV = ".venv/bin/"  # as `make env` has it, wherever the tests run
HOOKS = [hook for repo in yaml.safe_load(CONFIG.read_text())["repos"] for hook in repo["hooks"]]


def tool(name):
    """The tool of that name in the environment that runs the tests."""
    return Path(sys.executable).parent / name


def test_the_file_is_one_that_pre_commit_takes(tmp_path):
    """By its own check, which refuses one whose hook lacks its language."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(CONFIG.read_text().replace("        language: system\n", "", 1))
    for path, status in ((CONFIG, 0), (broken, 1)):
        done = subprocess.run([tool("pre-commit"), "validate-config", path], capture_output=True)
        assert done.returncode == status


def test_hooks_fetch_nothing_and_run_what_the_environment_holds():
    """Local ones alone, each of a tool of this environment, which says its version."""
    assert [repo["repo"] for repo in yaml.safe_load(CONFIG.read_text())["repos"]] == ["local"]
    for name in {hook["entry"].split()[0] for hook in HOOKS}:
        assert name.startswith(VENV)
        assert (
            subprocess.run([tool(name.removeprefix(VENV)), "--version"], capture_output=True).returncode == 0
        )


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_what_a_hook_runs_is_there(hook):
    """Its module and the files that it names; and it runs on the whole tree, not on the files of a commit."""
    words = hook["entry"].split()
    if "-m" in words:
        assert importlib.util.find_spec(words[words.index("-m") + 1])
    assert all((ROOT / word).exists() for word in words[1:] if "/" in word)
    assert hook["language"] == "system"
    assert hook["pass_filenames"] is False


def test_all_that_make_lint_runs_is_a_hook():
    """The same commands, so that what a commit passes CI does not refuse."""
    (target,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    entries = {hook["entry"].removeprefix(VENV) for hook in HOOKS}
    assert {line.strip() for line in target.splitlines()} <= entries


@pytest.mark.parametrize("path", ["tapeline/params.py", "stages/ingest.py", "pyproject.toml"])
def test_a_change_of_code_or_rules_is_looked_at_by_every_linter(path):
    """Each linter's `files` match it."""
    linters = [hook for hook in HOOKS if hook["id"] not in ("deps", "contract")]
    assert all(re.search(hook["files"], path) for hook in linters)
