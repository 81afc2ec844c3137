"""Take a model out of production, or out of the shadow, so that no version of it serves: MODEL, FROM, WHY."""

import sys

from tapeline.ending import run_command
from tapeline.promotion.registry import PROD, SHADOW
from tapeline.release.rollback import withdraw
from tapeline.webhook import WITHDRAWN, tell


def main() -> None:
    """Withdraw the model named first from the environment named second, for the reason named third."""
    artifact, environment, why = (*sys.argv[1:], "", "", "")[:3]
    if environment not in ("", PROD, SHADOW):
        sys.exit(f"FROM is {environment!r}: must be {PROD} or {SHADOW}")
    release = withdraw(artifact, environment or PROD, why, print)
    print(f"{artifact} {release.version} is withdrawn from {environment or PROD}")
    where = environment or PROD
    tell(WITHDRAWN, print, model=artifact, version=str(release.version), why=why, environment=where)
    print("published by: git push --tags")


if __name__ == "__main__":
    run_command(main)
