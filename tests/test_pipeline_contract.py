"""dvc.yaml says what the code does: deps, params, outs and the layers of the house."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tapeline.checks.deps import params_read, script_of, write_deps
from tapeline.closure import PACKAGES, ROOT, import_closure, syntax_tree
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.table import ARTIFACTS, NETWORKS
from tapeline.promotion.bundle import PREDICTING

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
DATA_ROOTS = ("data/", "models/", "metrics/", "plots/")
PATH = re.compile(r"(data|models|metrics|plots)(/[\w.{}*-]+)*/?$")

COMPOSED = ("training", "trading", "scoring", "serving", "release")  # rooms whose path literals a stage's are


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
        tree = syntax_tree(file)
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
    rooms = [Path("stages"), *(Path("tapeline") / room for room in COMPOSED)]
    named = paths_named(
        file for file in import_closure(script(stage)) if any(file.is_relative_to(room) for room in rooms)
    )
    assert not {path for path in named if not any(matches(path, other) for other in declared)}
    assert not {path for path in declared if not any(matches(other, path) for other in named)}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_lock_file_and_on_no_folder_of_code(stage):
    """A torch upgrade must retrain; a folder of code as a dep would retrain for nothing."""
    deps = listed(STAGES[stage]["deps"])
    assert "requirements.lock" in deps
    assert not deps & {"stages", "tapeline", "stages/", "tapeline/"}


# How what is run by name begins: it decides no byte of what is written.
BEGINNING = {
    "commands": ["from tapeline.ending import begin_imports", "begin_imports()"],
    "stages": [
        "from tapeline.compiled import take_kernels_of_project",
        "from tapeline.ending import begin_imports",
        "begin_imports()",
        "take_kernels_of_project()",
    ],
}


def test_packages_hold_no_code_in_their_init():
    """`__init__` files hold a docstring and, of what is run by name, how its imports begin: none is a dep."""
    for path in [p for room in PACKAGES for p in (ROOT / room).rglob("__init__.py")]:
        docstring, *body = ast.parse(path.read_text()).body
        assert [ast.unparse(line) for line in body] == BEGINNING.get(path.parent.name, []), path
        assert isinstance(docstring, ast.Expr), path


def test_every_room_has_its_floor():
    """The import contracts in pyproject.toml name every module and package of the library."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["id"] == "floors")
    named = {room for floor in floors for room in floor.split(" | ")}
    modules = {f"tapeline.{path.stem}" for path in (ROOT / "tapeline").glob("[!_]*")}
    assert named == modules - {"tapeline.py"} | {"stages", "commands"}


def test_every_stage_has_its_thin_script():
    """In the data's order, networks before baselines; a script has under 70 lines, its `main` under 35."""
    trainings = [f"train_{model.name}" for model in NETWORKS]
    assert list(STAGES) == [
        "ingest", "features", "expectations", "splits", "ceilings", *trainings, "train_baselines",
        "ensembles", "evaluate", "promote", "latency",
    ]  # fmt: skip
    for stage in STAGES:
        text = (ROOT / script(stage)).read_text()
        (main,) = (node for node in ast.parse(text).body if getattr(node, "name", "") == "main")
        assert main.end_lineno - main.lineno + 1 < 35, stage
        assert len(text.splitlines()) < 70, stage
    assert {path.stem for path in (ROOT / "stages").glob("[!_]*.py")} == set(STAGES)


def test_ensembles_are_made_again_when_any_file_of_a_member_is():
    """Models, and predictions of every part, of every member; those of every ensemble are what is made."""
    stage, parts = STAGES["ensembles"], ("", "_validation")

    def files(models):
        tables = {f"data/predictions/{model.name}{part}.parquet" for model in models for part in parts}
        return tables | {f"models/{model.name}" for model in models}

    members = [member for ensemble in ENSEMBLES for member in ensemble.members]
    assert {dep for dep in listed(stage["deps"]) if dep.startswith(DATA_ROOTS)} == files(members)
    assert listed(stage["outs"]) == files(ENSEMBLES)


def test_a_start_is_a_dep_of_the_trainings_that_may_begin_with_it_and_of_no_other_stage():
    """Other weights to begin with are another training."""
    depending = [stage for stage in STAGES if "${train.start_from}" in STAGES[stage]["deps"]]
    assert depending == [f"train_{model.name}" for model in NETWORKS]


def test_latency_depends_on_what_predicts_alone():
    """Of every candidate the files that answer: other stops, costs or figures time nothing anew."""
    deps = {dep for dep in listed(STAGES["latency"]["deps"]) if dep.startswith("models/")}
    assert deps == {f"models/candidate/{artifact}/{name}" for artifact in ARTIFACTS for name in PREDICTING}


def test_nothing_depends_on_latency():
    """Its output differs from run to run, so no stage may read it."""
    outs = listed(STAGES["latency"].get("outs"))
    for stage, spec in STAGES.items():
        assert stage == "latency" or not outs & listed(spec["deps"])
