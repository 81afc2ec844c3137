"""Which files of this project a script may import: a stage's code deps."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("tapeline", "stages", "commands")
# How a stage logs and ends, its errors, what it may take and whose cores work decide no byte that it writes.
HARNESS = frozenset(
    Path("tapeline") / f"{name}.py"
    for name in (
        "cluster/child", "cluster/handover", "cluster/sameness", "cluster/session", "cluster/tasks",
        "cluster/worker", "ending", "errors", "memory", "restoring", "stage",
    )
)  # fmt: skip


def module_path(name: str) -> Path | None:
    """File of a dotted module of this project, relative to the root; None for a package or others' module."""
    path = Path(*name.split(".")).with_suffix(".py")
    return path if path.parts[0] in PACKAGES and (ROOT / path).is_file() else None


def imports(path: Path) -> set[str]:
    """Dotted names of this project's modules that the file at `path` imports, anywhere in it."""
    names = set()
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if module_path(name)}


def import_closure(paths: Path | Iterable[Path]) -> set[Path]:
    """Files of this project that running those at `paths` may import, themselves included, without HARNESS.

    Packages' `__init__` files are left out: they hold a docstring and nothing else, as a test makes sure.
    """
    closure: set[Path] = set()
    pending = [paths] if isinstance(paths, Path) else list(paths)
    while pending:
        path = pending.pop()
        if path not in closure | HARNESS:
            closure.add(path)
            pending += [module for name in imports(path) if (module := module_path(name))]
    return closure


@cache
def syntax_tree(path: Path) -> ast.Module:
    """Parse the file at `path`, relative to the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))
