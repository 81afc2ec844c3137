"""What DVC runs: one thin script a stage."""

from tapeline.ending import begin_imports

begin_imports()
