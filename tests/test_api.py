"""What others import: lazy, whole, and of no concern to any stage."""

import ast
import json
import subprocess
import sys

import pytest

from tapeline import api
from tapeline.closure import ROOT


def test_importing_it_loads_nothing_that_takes_time():
    """Neither torch nor NumPy: of all that is not Python's own, the module itself alone."""
    code = (
        f"import json, sys; sys.path.insert(0, {str(ROOT)!r}); import tapeline.api\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name for name in json.loads(done.stdout) if name.split(".")[0] not in sys.stdlib_module_names}
    assert loaded == {"__main__", "tapeline", "tapeline.api"}


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_is_there_and_says_what_it_takes(name):
    """It comes from the module that is named, under its own name, with a docstring."""
    found = getattr(api, name)
    assert (found.__module__, found.__name__) == (f"tapeline.{api.MODULES[name]}", name)
    assert found.__doc__


def test_what_type_checkers_see_is_what_is_there():
    """The imports for them name the same modules; `dir` and `__all__` name all."""
    (block,) = (
        node for node in ast.parse((ROOT / "tapeline/api.py").read_text()).body if isinstance(node, ast.If)
    )
    seen = {alias.name: node.module.removeprefix("tapeline.") for node in block.body for alias in node.names}
    assert seen == api.MODULES
    assert sorted(api.__all__) == sorted(api.MODULES) == sorted(dir(api))


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    """As an AttributeError, so that hasattr and imports work."""
    with pytest.raises(AttributeError, match=r"no split; it has .*walk_forward_folds"):
        api.split  # noqa: B018
    with pytest.raises(ImportError):
        from tapeline.api import split  # noqa: F401
