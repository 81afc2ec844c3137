"""dvc.yaml says what the code does: deps, params, outs and the layers of the house."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from commands.deps import (
    ROOMS,
    ROOT,
    import_closure,
    imports,
    module_path,
    params_read,
    script_of,
    write_deps,
)

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
DATA_ROOTS = ("data/", "models/", "metrics/", "plots/")
PATH = re.compile(r"(data|models|metrics|plots)(/[\w.{}*-]+)*/?$")

# A room may import the rooms below it and itself; rooms of one level are peers.
LEVELS = [
    {"tapeline.errors"},
    {"tapeline.params", "tapeline.schema", "tapeline.outputs", "tapeline.restoring", "tapeline.tiers"},
    {
        f"tapeline.{room}"
        for room in ("market", "features", "quality", "splits", "nets", "backtest", "evaluation")
    }
    | {"tapeline.promotion"},
    {"tapeline.serving"},
    {"stages"},
    {"commands"},  # a release trades the champion as a stage trades the candidate
]
# Only these rooms may import these libraries.
KEPT_TO = {
    "torch": ("tapeline.nets", "stages"),
    "lightning_fabric": ("tapeline.nets",),
    "onnxruntime": ("tapeline.promotion",),
    "numba": ("tapeline.market", "tapeline.features", "tapeline.backtest"),
    "great_expectations": ("tapeline.quality",),
    "git": (),
    "gto": ("tapeline.promotion",),
}


def script(stage):
    """The script that a stage's command runs."""
    return script_of(STAGES[stage]["cmd"])


def listed(entries):
    """Paths or keys of a list in dvc.yaml, options left off."""
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries or ()}


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_equal_the_import_closure(stage):
    """Every file a stage may import is a dep and no other code is: none stale, none retrained in vain."""
    code = {dep for dep in listed(STAGES[stage]["deps"]) if dep.endswith(".py")}
    assert code == {str(path) for path in import_closure(script(stage))}, "run make deps"


@pytest.mark.parametrize("stage", STAGES)
def test_params_equal_what_is_read(stage):
    """Every key a stage reads is listed, as a leaf, and no other."""
    assert listed(STAGES[stage].get("params")) == params_read(import_closure(script(stage))), "run make deps"


def test_make_deps_leaves_a_right_file_as_it_is(tmp_path):
    """Comments, order and the entries written by hand stay."""
    copy = tmp_path / "dvc.yaml"
    copy.write_text((ROOT / "dvc.yaml").read_text())
    write_deps(copy)
    assert copy.read_text() == (ROOT / "dvc.yaml").read_text()


def paths_named(files):
    """Constant paths under the data roots that files name; a formatted part stands as `*`."""
    found = set()
    for file in files:
        tree = ast.parse((ROOT / file).read_text())
        docstrings = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            text = None
            if isinstance(node, ast.Constant) and node not in docstrings and id(node) not in inside:
                text = node.value
            elif isinstance(node, ast.JoinedStr):
                text = "".join(p.value if isinstance(p, ast.Constant) else "*" for p in node.values)
            if isinstance(text, str) and text.startswith(DATA_ROOTS) and PATH.match(text):
                found.add(text.rstrip("/"))
    return found


def matches(named, declared):
    """Whether a path named in code is the declared one or lies in it; `*` stands for a part of a name."""
    pattern = re.escape(named).replace(r"\*", r"[^/]+")
    return bool(re.fullmatch(pattern, declared)) or named.startswith(declared + "/")


@pytest.mark.parametrize("stage", STAGES)
def test_paths_named_in_the_code_are_deps_or_outs(stage):
    """Paths that a stage names under data, models, metrics and plots are declared, and the reverse."""
    spec = STAGES[stage]
    declared = {
        path
        for key in ("deps", "outs", "metrics", "plots")
        for path in listed(spec.get(key))
        if path.startswith(DATA_ROOTS)
    }
    named = paths_named(file for file in import_closure(script(stage)) if file.parts[0] == "stages")
    assert not {path for path in named if not any(matches(path, other) for other in declared)}
    assert not {path for path in declared if not any(matches(other, path) for other in named)}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_lock_file_and_on_no_folder_of_code(stage):
    """A torch upgrade must retrain; a folder of code as a dep would retrain for nothing."""
    deps = listed(STAGES[stage]["deps"])
    assert "requirements.lock" in deps
    assert not deps & {"stages", "tapeline", "stages/", "tapeline/"}


def test_packages_hold_no_code_in_their_init():
    """`__init__` files hold a docstring and nothing else, so they need not be deps."""
    for path in [p for room in ROOMS for p in (ROOT / room).rglob("__init__.py")]:
        body = ast.parse(path.read_text()).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path


def room_of(path):
    """The room a file belongs to, e.g. `tapeline.nets`, `tapeline.params`, `stages`."""
    parts = Path(path).with_suffix("").parts
    return parts[0] if parts[0] != "tapeline" else ".".join(parts[:2])


FILES = sorted(
    path.relative_to(ROOT)
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_go_one_way(path):
    """A file imports its own room and the rooms of lower levels, never a peer."""
    level = {room: depth for depth, rooms in enumerate(LEVELS) for room in rooms}
    for name in imports(path):
        target = room_of(module_path(name))
        assert target == room_of(path) or level[target] < level[room_of(path)], f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_libraries_are_kept_to_their_rooms(path):
    """torch is imported in nets alone, onnxruntime in promotion, Great Expectations in quality."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        for name in names:
            rooms = KEPT_TO.get(name.split(".")[0])
            assert rooms is None or room_of(path) in rooms, f"{path} imports {name}"


def test_every_stage_has_its_thin_script():
    """The nine stages, in the mission's order, each a script of at most 45 lines of its own."""
    assert list(STAGES) == [
        "ingest", "features", "expectations", "splits", "train_lstm", "train_transformer",
        "evaluate", "promote", "latency",
    ]  # fmt: skip
    for stage in STAGES:
        tree = ast.parse((ROOT / script(stage)).read_text())
        (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
        assert main.end_lineno - main.lineno < 45


def test_nothing_depends_on_latency():
    """Its output differs from run to run, so no stage may read it."""
    outs = listed(STAGES["latency"].get("outs"))
    for stage, spec in STAGES.items():
        assert stage == "latency" or not outs & listed(spec["deps"])
