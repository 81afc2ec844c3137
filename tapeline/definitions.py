"""A hash of what a function or class does: of its code and of all of this project's that it names.

The fingerprint of a training and the meaning of features. Comments, docstrings, layout, and what is not
named from there, don't count: a reworded sentence neither fails a run nor makes a promoted model refuse.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tapeline.closure import HARNESS, module_path, syntax_tree

Definition = tuple[str, str]  # dotted module and a name at its top level


def definitions_hash(starts: Iterable[Definition]) -> str:
    """Hash of the definitions `starts` and of every one that they name, 16 hexadecimal digits.

    Statements at a module's top level that define nothing, as a setting of a library, count with any
    definition of the module. Equal on Python 3.11 to 3.13.
    """
    digest = hashlib.sha256()
    for module, name in sorted(closure(starts)):
        digest.update(f"{module}.{name}\0{_spelled(module, name)}\0".encode())
    return digest.hexdigest()[:16]


def closure(starts: Iterable[Definition]) -> set[Definition]:
    """Every definition that `starts` name, directly or through others; LookupError for an unknown start."""
    reached: set[Definition] = set()
    pending = list(starts)
    for module, name in pending:
        if name not in _top_level(module):
            raise LookupError(f"{module} defines no {name}")
    while pending:
        module, name = pending.pop()
        if (module, name) in reached or name not in _top_level(module):
            continue
        reached.add((module, name))
        pending.append((module, ""))  # statements without a name
        pending += _named_by(module, name)
    return reached


def normal_form(node: object) -> str:
    """Spell a syntax tree without docstrings and without empty fields, of which newer versions have more."""
    if isinstance(node, list):
        return f"[{','.join(map(normal_form, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        fields["body"] = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    spelled = (f"{name}={normal_form(value)}" for name, value in fields.items() if value not in (None, []))
    return f"{type(node).__name__}({','.join(spelled)})"


@cache
def _spelled(module: str, name: str) -> list[str]:
    """Normal forms of the statements that define a name."""
    return [normal_form(node) for node in _top_level(module)[name]]


@cache
def _top_level(module: str) -> dict[str, list[ast.stmt]]:
    """Statements of a module by the name each defines; under "" those that define none."""
    path = module_path(module)
    if path is None:
        raise LookupError(f"{module} is no module of this project")
    statements: dict[str, list[ast.stmt]] = {"": []}
    for node in syntax_tree(path).body:
        for name in _defined_by(node):
            statements.setdefault(name, []).append(node)
    return statements


def _defined_by(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return []  # `_imported` reads them
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []  # a docstring
    if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
        return []
    stored = [
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    ]
    return stored if isinstance(node, ast.Assign | ast.AnnAssign) and stored else [""]


@cache
def _imported(module: str) -> dict[str, Definition]:
    """What each imported name of this project stands for; a whole module has the name `*`."""
    meanings: dict[str, Definition] = {}
    for node in ast.walk(syntax_tree(module_path(module) or Path())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if module_path(whole):
                    meanings[alias.asname or alias.name] = whole, "*"
                elif module_path(node.module):
                    meanings[alias.asname or alias.name] = node.module, alias.name
    return {name: of for name, of in meanings.items() if module_path(of[0]) not in HARNESS}


@cache
def _named_by(module: str, name: str) -> frozenset[Definition]:
    """Definitions of this project that the statements of one name."""
    return frozenset(named for node in _top_level(module)[name] for named in _named_in(module, node))


def _named_in(module: str, node: ast.stmt) -> Iterator[Definition]:
    """Definitions of this project that a statement names."""
    own, imported = _top_level(module), _imported(module)
    for part in ast.walk(node):
        if not isinstance(part, ast.Name):
            continue
        if part.id in own:
            yield module, part.id
        elif part.id in imported:
            of, name = imported[part.id]
            if name == "*":
                yield from ((of, every) for every in _top_level(of))
            elif name in _top_level(of):
                yield of, name
            elif name in _imported(of):
                yield _imported(of)[name]  # handed on by the module in between
