"""Put an earlier version back into production: MODEL, TO a version or the one before, WHY."""

import sys

from tapeline.ending import run_command
from tapeline.release.rollback import rollback
from tapeline.webhook import ROLLED_BACK, tell


def main() -> None:
    """Roll back the model named first to the version named second, for the reason named third."""
    artifact, to, why = (*sys.argv[1:], "", "", "")[:3]
    release = rollback(artifact, to, why, print)
    print(f"{artifact} {release.version} is in production again")
    tell(ROLLED_BACK, print, model=artifact, version=str(release.version), why=why)
    print("published by: git push --tags")


if __name__ == "__main__":
    run_command(main)
