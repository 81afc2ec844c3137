"""Stops that were given, kept beside the records: they hold until a person takes them back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.outputs import read_json, write_json

STOPS = "stops.json"


def read_stops(folder: Path, bundles: Mapping[str, str]) -> tuple[str, ...]:
    """Why the bundles of these ids, by artifact, were stopped; nothing if they were not."""
    if not (folder / STOPS).exists():
        return ()
    try:
        given = read_json(folder / STOPS)
        return tuple(
            str(reason) for stop in given if stop["bundles"] == dict(bundles) for reason in stop["why"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{folder / STOPS}: can't be read; remove it if no stop that it holds is to last"
        ) from error


def write_stop(folder: Path, bundles: Mapping[str, str], why: Sequence[str]) -> None:
    """Add the stop of these bundles to those that were given."""
    given = read_json(folder / STOPS) if (folder / STOPS).exists() else []
    write_json(folder / STOPS, [*given, {"bundles": dict(bundles), "why": list(why)}])
