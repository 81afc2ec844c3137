"""Put an earlier version back into production: MODEL, TO a version or the one before, WHY."""

import sys

from dvc.exceptions import DvcException

from tapeline.errors import TapelineError
from tapeline.models.table import ARTIFACTS
from tapeline.release.rollback import rollback


def main() -> None:
    """Roll back the model named first to the version named second, for the reason named third."""
    artifact, to, why = (*sys.argv[1:], "", "", "")[:3]
    if artifact not in ARTIFACTS:
        sys.exit(f"MODEL is {artifact!r}: must be one of {', '.join(ARTIFACTS)}")
    try:
        release = rollback(artifact, to, why)
    except (TapelineError, DvcException, OSError) as error:
        sys.exit(" ".join(str(error).split()))
    print(f"{artifact} {release.version} is in production again")
    print("published by: git push --tags")


if __name__ == "__main__":
    main()
