"""Whether something else was promoted is seen without reading it."""

import os
import shutil

from tapeline.live.production import mark_of


def test_the_mark_changes_with_what_is_promoted(tmp_path):
    """A bundle that comes, one that is put in the place of another, one rewritten where it lies, one gone."""
    models = tmp_path / "promoted"
    marks = [mark_of(models)]
    assert marks == [()]
    bundle = models / "lstm-direction"
    bundle.mkdir(parents=True)
    assert mark_of(models) == ()
    (models / "registry.json").write_text("{}")
    (bundle / "manifest.json").write_text("one")
    marks.append(mark_of(models))
    assert mark_of(models) == marks[-1]
    bundle.rename(models / ".former")
    shutil.copytree(models / ".former", bundle, copy_function=shutil.copy2)  # as long, and of the same time
    marks.append(mark_of(models))
    (bundle / "manifest.json").write_text("two")
    os.utime(bundle / "manifest.json", ns=(0, 1))
    marks.append(mark_of(models))
    assert len({*marks}) == len(marks) == 4
    shutil.rmtree(bundle)
    assert mark_of(models) == (), "what lies aside is not in production"
