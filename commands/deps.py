"""Write the code deps and the params of every stage into dvc.yaml."""

from tapeline.checks.deps import write_deps
from tapeline.closure import ROOT
from tapeline.ending import run_command


def main() -> None:
    """Write dvc.yaml."""
    write_deps(ROOT / "dvc.yaml")


if __name__ == "__main__":
    run_command(main)
