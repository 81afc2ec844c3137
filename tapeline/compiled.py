"""What Numba has compiled, taken over by a copy of the project that would else compile for a minute.

Numba tells by a hash of the source whether a kernel is of it, and compiles anew what is not.
The copies in which `make promote` makes a run again take nothing: they rest on nothing that a run has left.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

EXPERIMENTS = (".dvc", "tmp", "exps")  # where DVC checks out those of its queue, and by --temp


def copy_kernels(source: Path, target: Path) -> None:
    """Copy what was compiled of the sources in one folder to the other, where it is not there.

    What can't be copied is compiled anew.
    """
    for path in sorted(source.rglob("*.nb[ci]")):  # an index after its data
        copied = target / path.relative_to(source)
        if not copied.exists():
            with suppress(OSError):
                copied.parent.mkdir(parents=True, exist_ok=True)
                part = copied.with_name(f"{copied.name}.{os.getpid()}")
                shutil.copyfile(path, part)
                os.replace(part, copied)


def take_kernels_of_project() -> None:
    """Where this code lies in DVC's copy for an experiment: take what was compiled in the project itself."""
    here = Path(__file__).resolve().parent
    parts = here.parts
    for k in range(1, len(parts) - len(EXPERIMENTS)):
        if parts[k : k + len(EXPERIMENTS)] == EXPERIMENTS:
            copy_kernels(Path(*parts[:k]) / here.name, here)
            return
