"""The code deps and the params of every stage in dvc.yaml, from what its script imports and reads."""

import ast
import importlib
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from tapeline.closure import import_closure, syntax_tree
from tapeline.outputs import whole_file
from tapeline.params import UNHASHED


def params_read(files: set[Path]) -> set[str]:
    """Dotted params that `files` ask for: `.value("a.b", ...)`, and each field of `.section("a", Model)`.

    Those that decide no byte are left out.
    """
    keys = set()
    for file in files:
        for node in ast.walk(syntax_tree(file)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first = node.args[0]
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                continue
            if node.func.attr == "value":
                keys.add(first.value)
            elif node.func.attr == "section":
                keys |= _section_keys(file, first.value, ast.unparse(node.args[1]))
    return keys - UNHASHED


def _section_keys(file: Path, section: str, model_name: str) -> set[str]:
    module = importlib.import_module(".".join(file.with_suffix("").parts))
    fields = getattr(module, model_name).model_fields
    return {section} if "root" in fields else {f"{section}.{field}" for field in fields}


def script_of(command: str | list[str]) -> Path:
    """The script that a stage's command, or the last of them, runs; relative to the root.

    What runs before it only refuses, and decides no byte of the outputs: it is no dep.
    """
    command = command if isinstance(command, str) else command[-1]
    return Path("stages") / (command.removeprefix("python -m stages.") + ".py")


def write_deps(path: Path) -> None:
    """Write code deps and params of the dvc.yaml at `path` anew; all else in it stays as it is."""
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    pipeline = yaml.load(path.read_text(encoding="utf-8"))
    for spec in pipeline["stages"].values():
        files = import_closure(script_of(spec["cmd"]))
        others = {dep for dep in spec["deps"] if not dep.endswith(".py")}
        spec["deps"] = CommentedSeq(sorted(others | {str(file) for file in files}, key=_code_last))
        keys = sorted(params_read(files))
        if keys:
            spec["params"] = CommentedSeq(keys)
        else:
            spec.pop("params", None)
    with whole_file(path) as aside, aside.open("w", encoding="utf-8") as file:
        yaml.dump(pipeline, file)


def _code_last(dep: str) -> tuple[bool, bool, str]:
    return dep.endswith(".py"), dep == "requirements.lock", dep
