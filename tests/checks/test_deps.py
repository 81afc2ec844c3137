"""Deps and params of a stage, from what its script imports and asks for; the rest of dvc.yaml stays."""

from pathlib import Path

import pytest

from tapeline import closure
from tapeline.checks.deps import params_read, script_of, write_deps


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project to find code in; called with a path and a text it writes a module."""
    monkeypatch.setattr(closure, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    closure.syntax_tree.cache_clear()

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        return Path(path)

    yield write
    closure.syntax_tree.cache_clear()


MODELS = """\
from pydantic import BaseModel, RootModel

class Splits(BaseModel):
    folds: int
    train: float

class Gates(RootModel[dict[str, int]]):
    pass

def main(params, names):
    params.section("splits", Splits)
    params.section("gates", Gates)
"""


def test_a_section_is_read_by_each_of_its_fields_and_a_mapping_as_a_whole(project):
    """So that another key of the section makes nothing stale."""
    assert params_read({project("own_models.py", MODELS)}) == {"splits.folds", "splits.train", "gates"}


def test_a_model_may_be_named_through_the_module_that_it_comes_from(project):
    """The name is looked up where it is asked for, also where it is imported under another."""
    project("own_sections.py", MODELS)
    file = project(
        "own_stage.py", "from own_sections import Splits as S\n\ndef main(p):\n    p.section('cut', S)\n"
    )
    assert params_read({file}) == {"cut.folds", "cut.train"}


def test_single_keys_are_those_that_are_asked_for_by_a_constant(project):
    """Anywhere in the file, by whatever name the params go."""
    text = """\
def main(params, key):
    params.value("ftmo.program", str)
    [p.value("labels.horizon", int) for p in params]
    params.value(key, str)
    params.value(f"{key}.x", str)
    params.value()
    value("not.of.params")
    params.values("nor.this")
    params.value(3)
    "params.value('text', str)"
"""
    assert params_read({project("own_keys.py", text)}) == {"ftmo.program", "labels.horizon"}


def test_keys_of_several_files_are_joined_and_what_decides_no_byte_is_left_out(project):
    """Workers; a file that asks for nothing adds nothing."""
    files = {
        project("own_a.py", "p.value('data.workers', int)\np.value('data.path', str)\n"),
        project("own_b.py", "p.value('data.path', str)\np.value('train.workers', int)\n"),
        project("own_c.py", ""),
    }
    assert params_read(files) == {"data.path"}
    assert params_read(set()) == set()


def test_letters_of_any_alphabet_are_read(project):
    """Whatever the machine's own encoding is."""
    assert params_read({project("own_letters.py", "p.value('ΕΘ.ü', str)  # ñ\n")}) == {"ΕΘ.ü"}


@pytest.mark.parametrize(
    "command",
    [
        "python -m stages.train_lstm",
        ["python -m stages.train_lstm"],
        ["python -m commands.check --refuse", "python -m stages.train_lstm"],
    ],
)
def test_a_stage_is_the_last_of_its_commands(command):
    """What runs before it only refuses."""
    assert script_of(command) == Path("stages/train_lstm.py")


PIPELINE = """\
# The pipeline.
stages:
  cut:
    cmd: python -m stages.own_cut
    deps:
      - stages/gone.py
      - requirements.lock
      - data/features
    params:
      - old.key
    outs:
      - data/splits  # by fold
  last:
    cmd: python -m stages.own_last
    deps:
      - data/splits
    params:
      - old.key
metrics:
  - metrics/summary.json
"""
WRITTEN = """\
# The pipeline.
stages:
  cut:
    cmd: python -m stages.own_cut
    deps:
      - data/features
      - requirements.lock
      - stages/own_cut.py
      - tapeline/own_room/own_fold.py
    params:
      - labels.horizon
      - splits.folds
    outs:
      - data/splits  # by fold
  last:
    cmd: python -m stages.own_last
    deps:
      - data/splits
      - stages/own_last.py
metrics:
  - metrics/summary.json
"""


def test_code_and_params_are_written_anew_and_all_else_stays(project, tmp_path):
    """Data before the lock before code; what is no longer read goes; a stage without params has no key."""
    project("tapeline/own_room/own_fold.py", "def fold(p):\n    return p.value('splits.folds', int)\n")
    project(
        "stages/own_cut.py",
        "from tapeline.own_room.own_fold import fold\n\ndef main(p):\n    p.value('labels.horizon', int)\n",
    )
    project("stages/own_last.py", "")
    path = tmp_path / "dvc.yaml"
    path.write_text(PIPELINE, encoding="utf-8")
    write_deps(path)
    assert path.read_text(encoding="utf-8") == WRITTEN
    write_deps(path)
    assert path.read_text(encoding="utf-8") == WRITTEN


def test_a_stage_whose_script_is_missing_leaves_the_file_as_it_was(project, tmp_path):
    """Nothing is half written."""
    project("stages/own_cut.py", "")
    path = tmp_path / "dvc.yaml"
    path.write_text(PIPELINE, encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="own_last.py"):
        write_deps(path)
    assert path.read_text(encoding="utf-8") == PIPELINE
    assert [other.name for other in tmp_path.iterdir() if other.is_file()] == ["dvc.yaml"]
