"""Which files a script may import: found through every import, the run harness left out."""

from pathlib import Path

from tapeline.closure import HARNESS, import_closure, imports, module_path


def test_a_closure_holds_what_is_imported_inside_functions_too():
    """A training needs its own network's file and not another's."""
    lstm, transformer = (import_closure(Path(f"stages/train_{name}.py")) for name in ("lstm", "transformer"))
    nets = {Path("tapeline/nets/lstm.py"), Path("tapeline/nets/transformer.py")}
    assert lstm & nets == {Path("tapeline/nets/lstm.py")}
    assert transformer & nets == {Path("tapeline/nets/transformer.py")}


def test_how_a_stage_logs_and_ends_is_no_code_dep():
    """Its wording must not retrain a network; but it is imported."""
    script = Path("stages/train_lstm.py")
    assert "tapeline.stage" in imports(script)
    assert not import_closure(script) & HARNESS


def test_only_modules_of_this_project_have_a_path():
    """Packages have none, nor have libraries."""
    assert module_path("tapeline.schema") == Path("tapeline/schema.py")
    assert module_path("tapeline.nets") is module_path("numpy") is module_path("tapeline.nothing") is None
