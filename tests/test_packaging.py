"""The package that others install: built whole, importable with what it declares, and declaring no more."""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from importlib.metadata import PathDistribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tapeline.closure import ROOT, module_path
from tests.candles import random_candles
from tests.environments import link_packages, run_alone

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Rooms that take more than a bare install, and the extras that hold it.
ROOMS = {
    "cluster": {"cluster"},
    "download": {"download"},
    "http": {"http", "serve"},
    "live": {"download", "http", "report", "serve", "release"},
    "nets": {"train"},
    "promotion": {"serve", "release"},
    "quality": {"quality"},
    "release": {"train", "serve", "release"},
    "reports": {"report", "release"},  # of runs, which are read from git and DVC
    "serving": {"serve"},
    "training": {"train"},
    "sweeping": {"train", "report", "serve", "release"},
    "tuning": {"train", "report", "tune"},
}
MODULES = {  # in rooms that take no more
    "baselines/export.py": {"train"},
    "baselines/stored.py": {"train"},
    "checks/dvc_lock.py": {"release"},
    "library/bundles.py": {"serve"},
    "market/hdf.py": {"ingest"},
    "onnx_model.py": {"train"},
}
# Imported by name while they run, by the library that is named.
NOT_THE_PIPELINES = {"cluster", "dev", "http"}  # extras
UNSEEN = {"tensorboard": "lightning-fabric", "onnxscript": "torch", "ruamel-yaml-clib": "dvc"}
FORBIDDEN = ("torch", "great_expectations", "ccxt", "altair", "dvc", "gto", "h5py")


def names(requirements):
    """Canonical names of distributions."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def declared(extras):
    """Distributions that an install with `extras` names."""
    return names(PROJECT["dependencies"]).union(*(names(EXTRAS[extra]) for extra in extras))


@cache
def homes():
    """Distributions by the name that is imported."""
    return packages_distributions()


@cache
def imported(path, in_functions):
    """Dotted names that the file at `path` imports, `in_functions` too; not what type checkers alone see."""
    pending, found = list(ast.parse((ROOT / path).read_text()).body), set()
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif in_functions or not isinstance(node, ast.FunctionDef):
            pending += ast.iter_child_nodes(node)
    return found


def others(imports):
    """Distributions of others that hold what is imported by name; of several the one that others add to."""
    tops = {name.split(".")[0] for name in imports}
    tops -= sys.stdlib_module_names | {"tapeline", "stages", "commands"}
    return {canonicalize_name(min(homes()[top], key=len)) for top in tops}


def imported_with(path):
    """All that is imported with the file at `path`, and what its own functions import later."""
    reached, pending, found = set(), [path], set(imported(path, in_functions=True))
    while pending:
        path = pending.pop()
        if path not in reached:
            reached.add(path)
            names = imported(path, in_functions=False)
            found |= names
            pending += [module for name in names if (module := module_path(name))]
    return found


def library_files():
    """Python files of the package, relative to the root."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "tapeline").rglob("*.py"))


def extras_of(path):
    """Extras that the module at `path` says it takes."""
    return MODULES.get("/".join(path.parts[1:]), ROOMS.get(path.parts[1], set()))


@pytest.mark.parametrize("path", library_files(), ids=str)
def test_what_a_module_imports_is_declared_by_its_extras(path):
    """Itself and all that it imports; a bare room is importable from a bare install."""
    assert others(imported_with(path)) <= declared(extras_of(path))


def test_what_extras_declare_is_imported():
    """Nothing is declared in vain; `live` has nothing yet, and development is no import."""
    everything = [*library_files(), *(p.relative_to(ROOT) for p in (ROOT / "commands").glob("*.py"))]
    for extra in set(EXTRAS) - {"dev"}:
        rooms = [path for path in everything if path.parts[0] == "commands" or extra in extras_of(path)]
        used = set().union(*(others(imported(path, in_functions=True)) for path in rooms))
        assert names(EXTRAS[extra]) - used <= set(UNSEEN), extra
    bare = [path for path in library_files() if not extras_of(path)]
    used = set().union(*(others(imported(path, in_functions=True)) for path in bare))
    assert names(PROJECT["dependencies"]) <= used


def test_every_extra_but_three_is_in_the_lock_of_the_pipeline():
    """Each name is pinned, so that `make lock` has left none out; a cluster and HTTP decide no byte."""
    runtime, dev = ((ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock"))
    pinned, all_pinned = (
        {canonicalize_name(line.split("==")[0]) for line in text.splitlines() if "==" in line}
        for text in (runtime, dev)
    )
    assert declared(set(EXTRAS) - NOT_THE_PIPELINES) <= pinned <= all_pinned
    assert declared(EXTRAS) - {"setuptools"} <= all_pinned  # which pip-tools leaves to pip
    for extra in NOT_THE_PIPELINES:
        assert names(EXTRAS[extra]) - declared(set(EXTRAS) - NOT_THE_PIPELINES) - pinned


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built from the files that git would hold, and the folder it is installed in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("tapeline", "stages", "commands"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    into = ["install", *offline, "--no-compile", "--target", str(folder / "site"), str(wheel)]
    subprocess.run([*pip, *into], check=True, capture_output=True)
    return wheel, folder / "site"


@pytest.mark.slow
def test_the_wheel_is_the_library_and_nothing_else(installed):
    """Every file of tapeline/, with templates and the typed marker; the licence; one version."""
    wheel, site = installed
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    of_git = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tapeline").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == of_git
    assert {"tapeline/py.typed", "tapeline/reports/report.html.j2"} <= files
    (about,) = (PathDistribution(path) for path in site.glob("*.dist-info"))
    assert about.version == PROJECT["version"]
    assert about.metadata["License-Expression"] == "MIT"
    assert set(about.metadata.get_all("Provides-Extra")) == set(EXTRAS)


def requirements(site, *extras):
    """What the installed package asks for with `extras`, as its own metadata says."""
    (about,) = (PathDistribution(path) for path in site.glob("*.dist-info"))
    asked = [Requirement(line) for line in about.requires]
    return [
        f"{each.name}{each.specifier}"
        for each in asked
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def alone(code, site, packages, folder):
    """Lines that `code` prints in the environment; nothing that was not asked for can be imported in it."""
    guard = f"""
from importlib.util import find_spec
assert not [name for name in {FORBIDDEN!r} if find_spec(name)]
"""
    assert ROOT not in (site, packages)
    done = run_alone(guard + code, [site, packages], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_bare_install_imports_and_works(installed, tmp_path):
    """Every module of the bare rooms; leak audit and folds give results; a bundle says what it needs."""
    _, site = installed
    packages = link_packages(requirements(site), tmp_path / "packages")
    bare = [path for path in library_files() if not extras_of(path) and path.name != "__init__.py"]
    modules = [".".join(path.with_suffix("").parts) for path in bare]
    candles = tmp_path / "candles.parquet"
    random_candles(600).to_parquet(candles)
    lines = alone(
        f"""
import importlib
for name in {modules!r}:
    importlib.import_module(name)
import pandas as pd
from tapeline import api
candles = pd.read_parquet({str(candles)!r})
audit = api.audit_features(
    lambda c: c["close"].shift(-1), candles, lookback=2, interval="1m", max_fill=0, leak_cuts=4, seed=1
)
folds = api.walk_forward_folds(
    candles["timestamp"], bars_per_day=1, horizon=5, mode="rolling", folds=2, train=200, validation=100,
    test=100, embargo=5,
)
print(sorted(set(audit["audit"])), [len(part) for part in folds[0]])
try:
    api.predict
except ImportError as error:
    print(error)
""",
        site, packages, tmp_path,
    )  # fmt: skip
    assert lines == [
        "['poison', 'truncation', 'warm_up'] [190, 90, 100]",
        "tapeline.api.predict needs onnxruntime: pip install 'tapeline[serve]'",
    ]


@pytest.mark.slow
def test_an_install_with_serve_predicts(installed, bundles, tmp_path):
    """A bundle on a table of candles, with neither torch nor DVC to be had."""
    _, site = installed
    packages = link_packages(requirements(site, "serve"), tmp_path / "packages")
    candles = tmp_path / "candles.parquet"
    random_candles(300).to_parquet(candles)
    (line,) = alone(
        f"""
import json
import pandas as pd
from tapeline import api
candles = pd.read_parquet({str(candles)!r})
found = api.predict({{"AAA-USD": candles}}, {[str(path) for path in bundles]!r}, last=3)
print(json.dumps([list(found["status"]), list(found["probability"])]))
""",
        site, packages, tmp_path,
    )  # fmt: skip
    status, probability = json.loads(line)
    assert status == ["predicted"] * 3
    assert all(0 <= value <= 1 for value in probability)


def test_the_path_of_a_test_is_not_the_checkout():
    """An environment that could see the checkout would prove nothing."""
    done = run_alone("import tapeline", [], Path("/"))
    assert done.returncode == 1
    assert "No module named 'tapeline'" in done.stderr
