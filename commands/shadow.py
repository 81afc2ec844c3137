"""Put a version into models/shadow/, served beside production: MODEL, TO a version or the highest, WHY."""

import sys

from tapeline.ending import run_command
from tapeline.release.rollback import shadow


def main() -> None:
    """Put the version named second of the model named first into the shadow, for the reason named third."""
    artifact, to, why = (*sys.argv[1:], "", "", "")[:3]
    release = shadow(artifact, to, why, print)
    print(f"{artifact} {release.version} is in the shadow: `make predict MODELS=models/shadow`")
    print("published by: git push --tags")


if __name__ == "__main__":
    run_command(main)
