"""What must be the same wherever the work is done: the project's folder, its code, Python and packages."""

import hashlib
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tapeline.closure import PACKAGES, ROOT

LOCK = "requirements.lock"
WRITTEN = "written"  # file of a session's folder


def describe(session: Path) -> dict[str, str]:
    """What a process is and sees, by name: what `session`'s file holds, its code, versions of packages."""
    try:
        written = (session / WRITTEN).read_text(encoding="utf-8")
    except OSError:
        written = ""
    versions = {name: _version(name) for name in _pinned(ROOT / LOCK)}
    return {WRITTEN: written, "code": _code(), "Python": platform.python_version()} | versions


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What a worker lacks to do the same as this process, with what to do; nothing where it lacks nothing."""
    if there[WRITTEN] != here[WRITTEN]:
        return "doesn't see a file written here: the project's folder must be shared, at the same path"
    if there["code"] != here["code"]:
        return "has other code of tapeline: no other copy may be installed or on its PYTHONPATH"
    others = [name for name in here if here[name] != there.get(name)]
    told = [f"{name} {there.get(name) or 'missing'} and not {here[name] or 'missing'}" for name in others]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"has {', '.join(told[:3])}{more}: start it from this environment" if told else ""


def _code() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py")):
        digest.update(f"{path.relative_to(ROOT)} ".encode() + path.read_bytes())
    return digest.hexdigest()


def _pinned(lock: Path) -> list[str]:
    if not lock.is_file():  # installed, without the checkout
        return []
    return re.findall(r"^([\w.-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
