"""The page docs/params.md: every key of params.yaml, from its section's model, its comment and dvc.yaml."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from ruamel.yaml import YAML

from tapeline.checks.param_units import MEANINGS, UNITS
from tapeline.checks.sections import SECTIONS
from tapeline.params import PARAMS_FILE, UNHASHED

PAGE = Path("docs/params.md")
DVC_FILE = Path("dvc.yaml")
MOST = 12  # names that a range lists
LONGEST = 44  # characters of a value that stands in the table
MAPPINGS = frozenset({"gates", "instruments"})  # sections whose keys are the user's
ANY = "NAME"  # stands for a key that the user names
TEXT = """# Every key of params.yaml

Made by `make docs` from `params.yaml`, the sections' models and `dvc.yaml`; not to be edited by hand.

*Shipped* is the value in `params.yaml`. *First stages* are those that read the key: a change runs them
again, and after them what takes their outputs, where these differ. NAME is a key that you name. A value out
of its range ends `make check`, and the first stage, with the key and the rule.

| stage | what it does | what may run again after it |
|---|---|---|
"""


class Key(NamedTuple):
    """One key: dotted name, annotation with its limits, comment beside the field."""

    name: str
    kind: Any
    comment: str


def params_page(root: Path = Path()) -> str:
    """The page as Markdown: stages, then a table for each section."""
    text = (root / PARAMS_FILE).read_text(encoding="utf-8")
    values, comments = YAML(typ="safe", pure=True).load(text), comments_of(text)
    stages = YAML(typ="safe", pure=True).load((root / DVC_FILE).read_text(encoding="utf-8"))["stages"]
    after = followers(stages)
    lines = [
        f"| {name} | {stage['desc']} | {', '.join(after[name]) or 'nothing'} |"
        for name, stage in stages.items()
    ]
    for section, model in SECTIONS.items():
        lines += ["", f"## {section}", ""]
        if section == "gates":
            lines += _gates(values[section], comments)
            continue
        if comments.get(section):
            lines += [f"{_sentence(comments[section])}", ""]
        lines += ["| key | shipped | unit | range | meaning | first stages |", "|---|---|---|---|---|---|"]
        order = list(comments)
        keys = sorted(keys_of(section, model), key=lambda key: _place(key.name, order))
        lines += [_row(key, values, comments, stages) for key in keys]
    return TEXT + "\n".join(lines) + "\n"


def keys_of(prefix: str, model: type[BaseModel]) -> Iterator[Key]:
    """Keys of a section in its order; what lies in a mapping of models stands after the mapping."""
    if prefix in MAPPINGS:
        yield Key(f"{prefix}.{ANY}", str, "")
        return
    beside = _field_comments(model)
    for name, field in model.model_fields.items():
        kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        yield Key(f"{prefix}.{name}", kind, beside.get(name, ""))
        if inner := _model_in_mapping(field.annotation):
            yield from keys_of(f"{prefix}.{name}.{ANY}", inner)


def range_of(kind: Any) -> str:
    """What values a key may take, as text."""
    schema = TypeAdapter(kind).json_schema()
    return _range(schema, schema.get("$defs", {}))


def comments_of(text: str) -> dict[str, str]:
    """Comment behind each dotted key of the file."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = re.match(r"^( *)([\w.-]+):(?: .*?)?(?:\s#\s(.*))?$", line)
        if match is None:
            continue
        indent, name, comment = len(match[1]), match[2], match[3] or ""
        path = [(depth, key) for depth, key in path if depth < indent] + [(indent, name)]
        found[".".join(key for _, key in path)] = comment.strip()
    return found


def first_stages(key: str, stages: dict[str, Any]) -> list[str]:
    """Stages that list `key`, the mapping that it lies in, or keys of it."""
    plain = key.split(f".{ANY}")[0]
    return [
        name
        for name, stage in stages.items()
        if any(
            listed == plain or plain.startswith(f"{listed}.") or listed.startswith(f"{plain}.")
            for listed in stage.get("params", ())
        )
    ]


def followers(stages: dict[str, Any]) -> dict[str, list[str]]:
    """Stages that take what a stage makes, or what is made of that, in the file's order."""
    outs = {
        name: [
            out if isinstance(out, str) else next(iter(out))
            for kind in ("outs", "metrics", "plots")
            for out in stage.get(kind, ())
        ]
        for name, stage in stages.items()
    }
    takes = {
        name: {
            other
            for other in stages
            for dep in stage.get("deps", ())
            if any(_within(dep, out) for out in outs[other])
        }
        for name, stage in stages.items()
    }
    found: dict[str, list[str]] = {}
    for name in stages:
        reached, grown = {name}, True
        while grown:
            more = {other for other in stages if takes[other] & reached} - reached
            reached, grown = reached | more, bool(more)
        found[name] = [other for other in stages if other in reached - {name}]
    return found


def _place(key: str, order: list[str]) -> int:
    """Where a key, or the mapping that it lies in, stands in the file."""
    plain = key.split(f".{ANY}")[0]
    return order.index(plain) if plain in order else len(order)


def _within(dep: str, out: str) -> bool:
    return dep == out or dep.startswith(f"{out}/") or out.startswith(f"{dep}/")


def _row(key: Key, values: dict[str, Any], comments: dict[str, str], stages: dict[str, Any]) -> str:
    name = key.name
    meaning = comments.get(name) or MEANINGS.get(name) or key.comment
    run = ", ".join(first_stages(name, stages))
    if name in UNHASHED or not run:
        run = "none"
    cells = [
        f"`{name}`",
        _shipped(name, values),
        UNITS.get(name, ""),
        range_of(key.kind),
        _sentence(meaning),
        run,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shipped(name: str, values: dict[str, Any]) -> str:
    if ANY in name:
        return ""
    value: Any = values
    for part in name.split("."):
        value = value[part]
    if value is None:
        return "empty"
    shown = _flow(value)
    return f"`{shown}`" if len(shown) <= LONGEST else "in the file"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _range(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _range(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_range(each, defs) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"one of {len(values)} names" if len(values) > MOST else ", ".join(map(str, values))
    kind = schema.get("type", "")
    if kind == "array":
        each = schema.get("items") or {}
        return f"list of {_range(each, defs)}" if each and _range(each, defs) else "list"
    if kind == "object":
        return "mapping"
    if kind in ("integer", "number"):
        return _bounds(schema, "whole " if kind == "integer" else "")
    return {"boolean": "true, false", "string": "text", "null": "empty"}.get(kind, "see meaning")


def _bounds(schema: dict[str, Any], what: str) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    left = f">= {_number(low)}" if low is not None else f"> {_number(above)}" if above is not None else ""
    right = f"<= {_number(high)}" if high is not None else f"< {_number(below)}" if below is not None else ""
    return what + ", ".join(filter(None, (left, right)))


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:g}"


def _model_in_mapping(annotation: Any) -> type[BaseModel] | None:
    """The model that values of a mapping have, if they have one."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is not dict:
        return None
    inner = get_args(annotation)[1]
    return inner if inspect.isclass(inner) and issubclass(inner, BaseModel) else None


def _field_comments(model: type[BaseModel]) -> dict[str, str]:
    """Comment behind each field in the source of a model and its bases."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each.__module__.startswith("tapeline"):
            matches = re.finditer(
                r"^    (\w+): [^#\n]*  # (.+)$", inspect.getsource(each), flags=re.MULTILINE
            )
            found |= {match[1]: match[2] for match in matches}
    return found


def _gates(gates: dict[str, Any], comments: dict[str, str]) -> list[str]:
    lines = [
        "`FILE.METRIC: {min: X}` or `{max: X}` under an artifact's name; a change re-runs `promote`. A",
        "metric that is null fails, or is not judged where `may_be_null: true`; before `from_days` traded",
        "days a gate is not judged.",
        "",
        "| artifact | gate | limit | meaning |",
        "|---|---|---|---|",
    ]
    for artifact, of_artifact in gates.items():
        for name, gate in of_artifact.items():
            comment = comments.get(f"gates.{artifact}.{name}", "")
            lines.append(f"| {artifact} | `{name}` | `{_flow(gate)}` | {_sentence(comment)} |")
    return lines


def _sentence(comment: str) -> str:
    return re.sub(r"(docs/)?(\w+)\.md\b", lambda m: f"[{m[2]}]({m[2]}.md)" if m[1] else m[0], comment)
