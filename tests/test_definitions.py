"""What a hash of definitions depends on: code that is reached by name, and nothing that only reads well."""

import ast
import inspect
import shutil
import subprocess
import sys
import textwrap

import pytest

from tapeline import closure as files
from tapeline import definitions
from tapeline.closure import ROOT
from tapeline.definitions import closure, definitions_hash, normal_form

MODULES = {
    "tapeline/a.py": '''
        """Words."""

        from tapeline import c
        from tapeline.b import LIMIT, Scale as Ruler, deep

        STEP = 2
        STEP = max(STEP, 1)


        def start(x):
            """More words."""
            return helper(x) + Ruler(x).size + c.other(x) + deep(x)  # a comment


        def helper(x):
            return x * STEP


        def unused(x):
            return x - LIMIT
    ''',
    "tapeline/b.py": '''
        from tapeline.d import deep
        from tapeline.errors import DataError

        LIMIT: int = 3
        FACTOR = 5


        class Scale:
            """Words."""

            def __init__(self, x):
                if x < 0:
                    raise DataError("x", "is negative")
                self.size = x * FACTOR
    ''',
    "tapeline/c.py": "def other(x):\n    return x\n\n\ndef more(x):\n    return x\n",
    "tapeline/d.py": "def deep(x):\n    return x\n",
    "tapeline/errors.py": "class DataError(ValueError):\n    pass\n",
}
START = [("tapeline.a", "start")]


def forget_files():
    """Have every file read anew."""
    of_definitions = [kept for kept in vars(definitions).values() if hasattr(kept, "cache_clear")]
    for cached in (files.syntax_tree, *of_definitions):
        cached.cache_clear()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Hash of the small project after a change of one of its files."""
    (tmp_path / "tapeline").mkdir()
    monkeypatch.setattr(files, "ROOT", tmp_path)

    def hash_with(path=None, old="", new=""):
        for name, text in MODULES.items():
            text = textwrap.dedent(text)
            if name == path:
                assert old in text
                text = text.replace(old, new)
            (tmp_path / name).write_text(text)
        forget_files()
        return definitions_hash(START)

    yield hash_with
    forget_files()


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tapeline/a.py", "Words", "Other words"),
        ("tapeline/a.py", "More words", "Fewer words"),
        ("tapeline/a.py", "  # a comment", ""),
        ("tapeline/a.py", "x - LIMIT", "x + LIMIT"),  # nothing calls it
        ("tapeline/b.py", "LIMIT: int = 3", "LIMIT: int = 4"),  # only that which nothing calls
        ("tapeline/b.py", "FACTOR = 5", "FACTOR = (\n    5\n)"),
        ("tapeline/errors.py", "ValueError", "TypeError"),  # how a stage ends
    ],
)
def test_what_is_not_done_does_not_count(project, path, old, new):
    """Comments, docstrings, layout, what is not named, how errors are called."""
    assert project() == project(path, old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tapeline/a.py", "STEP = 2", "STEP = 3"),
        ("tapeline/a.py", "max(STEP, 1)", "max(STEP, 4)"),  # the second statement of a name
        ("tapeline/a.py", "x * STEP", "x / STEP"),
        ("tapeline/b.py", "FACTOR = 5", "FACTOR = 6"),
        ("tapeline/b.py", "x < 0", "x <= 0"),
        ("tapeline/b.py", "LIMIT: int", "print()\nLIMIT: int"),  # done as the module comes in
        ("tapeline/c.py", "return x\n\n\ndef more", "return -x\n\n\ndef more"),
        ("tapeline/c.py", "def more(x):\n    return x", "def more(x):\n    return -x"),  # of a whole module
        ("tapeline/d.py", "return x", "return -x"),  # handed on by a module in between
    ],
)
def test_what_is_done_counts_through_every_name(project, path, old, new):
    """Constants, functions, classes and modules, own and imported, under another name too."""
    assert project() != project(path, old, new)


def test_an_unknown_start_is_an_error(project):
    """A renamed function must not give the hash of nothing."""
    project()
    with pytest.raises(LookupError, match=r"tapeline\.a defines no begin"):
        closure([("tapeline.a", "begin")])


SPELL = """
import ast, hashlib, sys
{normal_form}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        print(path, hashlib.sha256(normal_form(ast.parse(file.read())).encode()).hexdigest())
"""


def spelled_by(python):
    """Hashes of the normal form of all of this project's files, as `python` makes them."""
    code = SPELL.format(normal_form=inspect.getsource(normal_form))
    paths = map(str, sorted((ROOT / "tapeline").rglob("*.py")))
    done = subprocess.run([python, "-c", code, *paths], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize("python", ["python3.12", "python3.13"])
def test_every_python_spells_code_alike(python):
    """The project's own modules, f-strings, matches and generics among them."""
    theirs = spelled_by(python) if shutil.which(python) else None
    if theirs is None:
        pytest.skip(f"{python} does not run here")
    assert theirs == spelled_by(sys.executable)


def test_a_normal_form_is_that_of_the_code_alone():
    """Spaces and comments are not in it."""
    one, other, third = (ast.parse(text) for text in ("x: int = 1", "x:int=1  # one", "x: int = 2"))
    assert normal_form(one) == normal_form(other) != normal_form(third)
