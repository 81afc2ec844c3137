"""A copy of the project in a git repository of its own, with params for a tiny run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Self

from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.compiled import copy_kernels
from tests.warm import warm_environment

# The market of every run that tests make, whatever the default is: their gates and trades are of it.
TREND = {"market": "trend", "signal": 0.34, "seed": 1105, "regime_minutes": 240}
# Enough for two folds of every part; the networks learn nothing in a minute, and need not.
TINY = {
    "data": {"symbols": ["BTC-USD", "ETH-USD"], "workers": 1},  # a process more imports for seconds
    "simulation": TREND | {"days": 4},
    "features": {"exclude": ["weekend"]},  # is constant from Monday to Thursday
    "quality": {"leak_cuts": 3, "max_missing_labels": 0.5},
    "splits": {"folds": 2, "train": 1.5, "validation": 0.5, "test": 0.5},
    "model": {"hidden": 4, "layers": 1},
    "transformer": {"d_model": 8, "heads": 2, "layers": 1},
    "train": {
        "epochs": 1,
        "seeds": 1,
        "sequence_length": 20,
        "chunk_length": 64,
        "minimum_context": 10,
        "workers": 1,
        "importance_rows": 400,
    },
    "baselines": {"trees": 40, "leaf_rows": 50},
    "evaluation": {"block": 120, "resamples": 200},
    "proof": {"moments": 10},
    "ftmo": {"odds_paths": 200, "odds_days": 20, "control_runs": 5},
    "latency": {"warm_up": 2, "repeats": 10, "p99_budget_ms": 10_000},  # no test hangs on speed
    "tune": {
        "folds": 1,
        "unpruned": 2,
        "ranges": {
            "model": {"hidden": [4, 8, 128]},
            "transformer": {"d_model": [8, 16]},
            "train": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
        },
    },
}


# Gates that a tiny run passes.
EASY = {
    "lstm-direction": {"lstm.accuracy_all": {"min": 0.0}, "lstm.ece": {"max": 1.0}},
    "transformer-trend": {"transformer.mae": {"max": 1.0}},
    "baseline-direction": {"baseline_direction.ece": {"max": 1.0}},
    "baseline-trend": {"baseline_trend.mae": {"max": 1.0}},
    "ensemble-direction": {"ensemble_direction.ece": {"max": 1.0}},
}
# The copy begins from clean, whatever a run has left in the project.
MADE_BY_RUNS = (
    "dvc.lock",
    "trials.jsonl",
    "data/candles",
    "data/ceilings",
    "data/features",
    "data/predictions/",
    "data/splits",
    "models/",
    "metrics/",
    "plots/",
)


class Workshop:
    """The copy: run commands in it, change its params."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        for name in listed:
            if (ROOT / name).is_file() and not name.startswith(MADE_BY_RUNS):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self.take_compiled()
        self.set_params(TINY)
        self.run("git init -q && git config user.name t && git config user.email t@example.org")
        self.commit("tiny")

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Take what lies in `folder`, a copy or a clone, as it is."""
        shop = cls.__new__(cls)
        shop.folder = folder
        return shop

    @classmethod
    def copied(cls, source: Path, folder: Path) -> Self:
        """Copy `source`, repository and all."""
        shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True)
        return cls.at(folder)

    def take_compiled(self) -> None:
        """Take what Numba has compiled of the very same files."""
        copy_kernels(ROOT / "tapeline", self.folder / "tapeline")

    def set_params(self, changes: dict) -> None:
        """Change values of params.yaml, comments kept."""
        yaml, path = YAML(), self.folder / "params.yaml"
        params = yaml.load(path.read_text())
        for section, values in changes.items():
            params[section].update(values)
        with path.open("w") as file:
            yaml.dump(params, file)

    def run(self, command: str, status: int | None = 0, **environment: str) -> str:
        """Run a shell command in the copy; return its output after checking its exit status.

        `make` would build the environment that runs the tests anew if it were not of the lock.
        """
        venv = Path(sys.executable).parents[1]
        if command.startswith("make "):
            installed, wanted = venv / "installed.lock", self.folder / "requirements-dev.lock"
            is_current = installed.is_file() and installed.read_bytes() == wanted.read_bytes()
            assert is_current, f"{venv} is not as requirements-dev.lock says: run `make env` first"
        binaries, warm = Path(sys.executable).parent, warm_environment()
        env = os.environ | {
            "PATH": f"{warm / 'bin'}:{binaries}:{os.environ['PATH']}",
            "VENV": str(warm),
            "DVC_NO_ANALYTICS": "1",
            "OMP_NUM_THREADS": "1",
        }
        for name in ("PYTHONPATH", "MAKEFLAGS", "MAKELEVEL"):  # the last two when make runs the tests
            env.pop(name, None)
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=env | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert status is None or done.returncode == status, f"{command}\n{done.stdout[-4000:]}"
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.run(f"git add -A && git commit -q -m {message} --allow-empty")

    def stages_run(self, output: str) -> list[str]:
        """Stages that DVC says it ran, in order."""
        return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
