"""What Numba has compiled, taken over by a copy of the project that would else compile for a minute.

Numba knows what it has compiled by the time and the size of the source beside it, and the files of a checkout
are new. Copies in which a run is checked take nothing: they are to find what a stale kernel did, too.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

EXPERIMENTS = (
    ".dvc",
    "tmp",
    "exps",
)  # where DVC checks out the experiments of its queue, and those by --temp


def take_compiled(project: Path, copy: Path) -> None:
    """Have `copy` use what was compiled in `project` of each file that is the same in both.

    The file is given the time that it has in the project. What can't be taken is compiled anew.
    """
    for source in sorted(project.glob("tapeline/**/*.py")):
        kernels = sorted(source.parent.glob(f"__pycache__/{source.stem}.*.nb[ci]"))  # an index after its data
        own = copy / source.relative_to(project)
        place = own.parent / "__pycache__"
        if not kernels or any(place.glob(f"{source.stem}.*.nbi")):
            continue
        with suppress(OSError):
            if own.read_bytes() == source.read_bytes():
                place.mkdir(exist_ok=True)
                for kernel in kernels:
                    shutil.copyfile(kernel, place / kernel.name)
                times = source.stat()
                os.utime(own, ns=(times.st_atime_ns, times.st_mtime_ns))


def take_compiled_of_project() -> None:
    """Where this code lies in DVC's copy for an experiment: take what was compiled in the project itself."""
    here = Path(__file__).resolve().parents[1]
    parts = here.parts
    for k in range(1, len(parts) - len(EXPERIMENTS)):
        if parts[k : k + len(EXPERIMENTS)] == EXPERIMENTS:
            take_compiled(Path(*parts[:k]), here)
            return
