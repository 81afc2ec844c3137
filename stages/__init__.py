"""What DVC runs: one thin script a stage."""

from tapeline.compiled import take_kernels_of_project
from tapeline.ending import begin_imports

begin_imports()
take_kernels_of_project()
