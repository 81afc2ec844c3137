"""Stages run one after the other in the current folder, a copy of the project; its own code runs them.

A training is not run: what follows from its weights is made again.
"""

import runpy
import shutil
from collections.abc import Sequence
from pathlib import Path

from tapeline.params import Params
from tapeline.release.locked import LOCK
from tapeline.release.rerun import BASELINES, DONE, TRAINED, outputs_of
from tapeline.training.baselines import retrace_baselines
from tapeline.training.retraced import retrace


def run_steps(stages: Sequence[str], project: str) -> None:
    """Remove what each stage writes and write it again; `project` holds the weights of trainings.

    A stage that fails says so and ends the process with its status.
    """
    for stage in stages:
        for path in outputs_of(stage, Path(LOCK)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if stage in TRAINED:
            retrace(Params.read(), TRAINED[stage], Path(project))
        elif stage == BASELINES:
            retrace_baselines(Params.read(), Path(project))
        else:
            runpy.run_module(f"stages.{stage}", run_name="__main__")
        print(f"{DONE}{stage}", flush=True)
