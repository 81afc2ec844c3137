"""docs/library.md is run as it stands, and shows every use."""

import contextlib
import io
import re
import shutil

import pytest

from tapeline import api
from tapeline.closure import ROOT
from tests.test_packaging import EXTRAS

TEXT = (ROOT / "docs/library.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.slow
def test_the_examples_run_in_order(bundles, tmp_path, monkeypatch):
    """In one fresh namespace, in a folder with nothing but two promoted bundles; each print prints."""
    for bundle, name in zip(bundles, ("lstm-direction", "transformer-trend"), strict=True):
        shutil.copytree(bundle, tmp_path / "models/promoted" / name)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in BLOCKS:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(block, "docs/library.md", "exec"), namespace)
        assert bool(printed.getvalue()) == ("print(" in block)
    assert {path.name for path in tmp_path.iterdir()} == {"models"}


def test_every_use_has_an_example():
    """Each function of the api is called in one, but for the one that the text names."""
    code = "\n".join(BLOCKS)
    functions = {name for name in api.__all__ if name[0].islower()}
    assert {name for name in functions if f"api.{name}(" not in code} == {"describe_features"}
    assert "`api.describe_features()`" in TEXT


def test_every_extra_is_named():
    """The table says what each is for; development is no use."""
    assert set(re.findall(r"`tapeline\[(\w+)\]`", TEXT)) == set(EXTRAS) - {"dev"}


def test_the_readme_leads_there():
    """One line is enough."""
    assert "[docs/library.md](docs/library.md)" in (ROOT / "README.md").read_text()
