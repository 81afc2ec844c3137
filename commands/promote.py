"""Promote the candidates of the committed run: MODEL, or all."""

import sys

from tapeline.ending import run_command
from tapeline.models.table import ARTIFACTS
from tapeline.params import Params
from tapeline.promotion.gates import GateParams
from tapeline.release.promoting import promote
from tapeline.release.rollback import require_known
from tapeline.webhook import PROMOTED, tell


def main() -> None:
    """Promote the model named as the argument, or all."""
    chosen = tuple(name for name in sys.argv[1:] if name) or tuple(ARTIFACTS)
    for name in chosen:
        require_known(name)
    Params.read().section("gates", GateParams)
    plans = promote(chosen, print)
    for plan in plans:
        print(f"{plan.artifact} {plan.version} is in production ({plan.why}): {plan.judged}")
        tell(PROMOTED, print, model=plan.artifact, version=str(plan.version), why=plan.why)
    print("published by: git push --follow-tags && dvc push --all-tags")


if __name__ == "__main__":
    run_command(main)
