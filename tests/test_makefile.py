"""What a user gives to make reaches the command as it was written."""

import json
import os
import subprocess
import sys

import pytest

from tapeline.closure import ROOT

# What make, a shell and Python might each read otherwise.
ODD = """it's $5 "dear" $(shell touch made) `touch made` $$HOME ${PATH} \\ ; touch made # %s & * é"""
ASKED = {
    "rollback": ("commands.rollback", {"MODEL": ODD, "TO": ODD, "WHY": ODD}),
    "promote": ("commands.promote", {"MODEL": ODD}),
    "prove": ("commands.prove", {"SEED": ODD}),
    "check-release": ("commands.check_release", {"TAG": ODD}),
    "download": (
        "commands.download",
        {"EXCHANGE": ODD, "SYMBOLS": ODD, "SINCE": ODD, "UNTIL": ODD, "INTERVAL": ODD},
    ),
    "predict": ("commands.predict", {"CANDLES": ODD, "SYMBOLS": ODD, "LAST": ODD}),
}


@pytest.fixture
def make(tmp_path):
    """Run a target with a `python` that prints its arguments; the folder it ran in stays as it was."""
    (tmp_path / "venv/bin").mkdir(parents=True)
    python = tmp_path / "venv/bin/python"
    python.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    python.chmod(0o755)
    for target, source in (("venv/installed.lock", "requirements-dev.lock"), ("Makefile", "Makefile")):
        (tmp_path / target).write_bytes((ROOT / source).read_bytes())
    (tmp_path / "requirements-dev.lock").write_bytes((ROOT / "requirements-dev.lock").read_bytes())
    (tmp_path / "params.yaml").touch()
    before = sorted(tmp_path.rglob("*"))

    def run(target, given, environment):
        values = [f"{name}={value}" for name, value in given.items()]
        done = subprocess.run(
            ["make", "-s", target, f"VENV={tmp_path / 'venv'}", *([] if environment else values)],
            cwd=tmp_path, env={name: value for name, value in os.environ.items() if "MAKE" not in name}
            | (given if environment else {}), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert sorted(tmp_path.rglob("*")) == before
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.parametrize("environment", [False, True], ids=["argument", "environment"])
@pytest.mark.parametrize("target", ASKED)
def test_a_value_is_passed_on_as_it_stands(make, target, environment):
    """Dollars, quotes, backticks and semicolons are text, wherever they were given; nothing is run."""
    module, given = ASKED[target]
    told = make(target, given, environment)
    assert told[:2] == ["-m", module]
    assert [argument.split("=", 1)[-1] for argument in told[2:]] == list(given.values())


def test_what_is_not_given_is_left_to_the_command(make):
    """As in `make predict` and `make promote` alone."""
    assert make("predict", {}, False)[2:] == ["--candles=", "--symbols=", "--last=0"]
    assert make("promote", {}, False)[2:] == [""]
