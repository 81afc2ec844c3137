"""Environments that hold only some of the installed distributions, without installing anything."""

import json
import subprocess
import sys
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def distributions(requirements):
    """Of the installed distributions those that `requirements` name, and what they require, by name."""
    found, wanted = {}, [Requirement(line) for line in requirements]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        is_meant = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
        )
        if is_meant and name not in found:
            found[name] = distribution(requirement.name)
            wanted += [Requirement(line) for line in found[name].requires or []]
    return found


def link_packages(requirements, folder):
    """Fill the new `folder` with links to what `distributions` of `requirements` have installed."""
    folder.mkdir()
    for found in distributions(requirements).values():
        for top in {path.parts[0] for path in found.files if path.parts[0] != ".."}:
            if not (folder / top).exists():
                (folder / top).symlink_to(found.locate_file(top))
    return folder


def run_alone(code, paths, cwd, **options):
    """Run Python `code` where only its own library and `paths` can be imported; return the process."""
    code = f"import sys; sys.path[:0] = {json.dumps([str(path) for path in paths])}\n{code}"
    command = [sys.executable, "-I", "-S", "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **options)
