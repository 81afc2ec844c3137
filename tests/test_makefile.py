"""What a user gives to make reaches the command as it was written."""

import json
import os
import re
import subprocess
import sys
from itertools import product

import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT

# What make, a shell and Python might each read otherwise.
ODD = """it's $5 "dear" $(shell touch made) `touch made` $$HOME ${PATH} \\ ; touch made # %s & * é"""
ASKED = {
    "rollback": ("commands.rollback", {"MODEL": ODD, "TO": ODD, "WHY": ODD}),
    "withdraw": ("commands.withdraw", {"MODEL": ODD, "FROM": ODD, "WHY": ODD}),
    "shadow": ("commands.shadow", {"MODEL": ODD, "TO": ODD, "WHY": ODD}),
    "promote": ("commands.promote", {"MODEL": ODD}),
    "check-release": ("commands.check_release", {"TAG": ODD}),
    "download": (
        "commands.download",
        {"EXCHANGE": ODD, "SYMBOLS": ODD, "SINCE": ODD, "UNTIL": ODD, "INTERVAL": ODD},
    ),
    "prove": ("commands.prove", {"SEED": ODD}),
    "tune": ("commands.tune", {"TRIALS": ODD, "NETWORK": ODD}),
    "sweep": ("commands.sweep", {"ON": ODD}),
    "predict": ("commands.predict", {"CANDLES": ODD, "SYMBOLS": ODD, "LAST": ODD, "MODELS": ODD}),
    "serve": ("commands.serve", {"MODELS": ODD, "HOST": ODD, "PORT": ODD}),
}


@pytest.fixture
def make(tmp_path):
    """Run a target with a `python` that prints its arguments and a `dvc` that does nothing.

    The folder it ran in stays as it was.
    """
    (tmp_path / "venv/bin").mkdir(parents=True)
    python = tmp_path / "venv/bin/python"
    python.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    python.chmod(0o755)
    (tmp_path / "venv/bin/dvc").symlink_to("/bin/true")
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
    given = make("predict", {}, False)[2:]
    assert given == ["--candles=", "--symbols=", "--last=0", "--models=models/promoted"]
    assert make("promote", {}, False)[2:] == [""]


PAYLOADS = [
    "it lost $500", "$(shell touch made)", "$(eval x := $(shell touch made))", "${shell touch made}",
    "$$(touch made)", "$(touch made)", "`touch made`", "; touch made", "&& touch made", "| touch made",
    "> made", "a\nb: ; touch made\n\ttouch made", "' ; touch made ; '", '" ; touch made ; "',
    "--eval=$(shell touch made)", "-f made --version", "$(file >made)", "x := y # $(error no) %",
    "\\", "é\t*?~",
]  # fmt: skip
# A few by `make test`, in each of the ways; all of them with each variable where there is time.
WAYS = [
    pytest.param(target, payload, environment, marks=() if index % 11 == 0 else pytest.mark.torture)
    for index, (target, payload, environment) in enumerate(product(ASKED, PAYLOADS, (False, True)))
]


@pytest.mark.parametrize(("target", "payload", "environment"), WAYS)
def test_nothing_in_a_value_is_run(make, target, payload, environment):
    """Neither by make nor by a shell, line breaks and flags of make among it; it arrives as it was given."""
    module, given = ASKED[target]
    told = make(target, dict.fromkeys(given, payload), environment)
    assert told[:2] == ["-m", module]
    assert [
        re.sub(r"^--(candles|symbols|last|models|host|port)=", "", argument) for argument in told[2:]
    ] == [payload] * len(given)


@pytest.mark.parametrize(
    "payload", [*PAYLOADS[:2], *(pytest.param(each, marks=pytest.mark.slow) for each in PAYLOADS[2:6])]
)
@pytest.mark.parametrize("name", ["ANYTHING", "PYTEST", "RUNTIME", "PIP_COMPILE", "GIVEN", "PYTHON", "TORCH"])
def test_a_variable_that_no_target_takes_runs_nothing(make, name, payload):
    """make hands all of its command line to the recipes, and would expand it on the way."""
    told = make("predict", {name: payload}, False)[2:]
    assert told == ["--candles=", "--symbols=", "--last=0", "--models=models/promoted"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_makes_the_environment_is_text_too(tmp_path, payload):
    """Python, where torch comes from and where the environment lies: handed on, never run."""
    (tmp_path / "bin").mkdir()
    for name in ("python", "pip"):
        path = tmp_path / "bin" / name
        path.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        path.chmod(0o755)
    for name in ("Makefile", "requirements-dev.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    given = {
        "TORCH": payload,
        "TORCH_INDEX": payload,
        "PYTHON": str(tmp_path / "bin/python"),
        "VENV": payload,
    }
    paths = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "-s", "env", *(f"{name}={value}" for name, value in given.items())], cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "MAKE" not in name} | {"PATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    calls = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert calls[0] == ["-m", "venv", "--clear", "--", payload]
    assert calls[1][-4:] == ["--extra-index-url", payload, "--", payload]
    assert not (tmp_path / "made").exists()


def test_the_workflow_takes_no_text_of_others_into_a_script():
    """Only through the environment; its actions are named by their commits, and it may only read."""
    workflows = list((ROOT / ".github/workflows").glob("*"))
    assert workflows
    for path in workflows:
        workflow = YAML(typ="safe").load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            assert "permissions" not in job
            for step in job["steps"]:
                assert "${{" not in step.get("run", "")
                assert "GITHUB_REF" not in step.get("run", "")
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", "a@" + "0" * 40))
