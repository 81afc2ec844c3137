"""Docstrings as Markdown: what is said of an argument, `name : meaning`, is an entry of a list."""

import re
from typing import Any

from griffe import Extension, Object

ARGUMENT = re.compile(r"^(\w+(?:, \w+)*) : ", flags=re.MULTILINE)


class ArgumentLists(Extension):
    """Rewrites docstrings as they are collected."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Put a list in place of lines that name arguments, each entry in bold what it is of."""
        if obj.docstring:
            obj.docstring.value = as_list(obj.docstring.value)


def as_list(text: str) -> str:
    """Write a docstring's `name : meaning` as `- **name**: meaning`; other text stays."""
    blocks = []
    for block in text.split("\n\n"):
        at = ARGUMENT.search(block)
        if at and at.start():
            blocks.append(block[: at.start()].rstrip())
            block = block[at.start() :]
        entries = re.sub(r"; (\w+(?:, \w+)*) : ", r"\n\1 : ", block) if at else block
        blocks.append(ARGUMENT.sub(r"- **\1**: ", entries))
    return "\n\n".join(blocks)
