"""How a command begins and ends: interrupted, terminated, or by one line, which holds no secret."""

import gc
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from tapeline.errors import TapelineError, printable

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
UNDOING = 5  # seconds at most
SECRET = r"pass|secret|token|key|sig|credential|connection_string"  # in names of values never to be shown


def begin_imports() -> None:
    """Have Ctrl-C end this process without a traceback, until it is ready; nothing is half done yet.

    Nothing is collected either: what imports make stays to the end, and to look through it again and again
    takes a third of their time. For the packages whose modules are run by `python -m`: anyone else who
    imports them is left alone, and so is a shell's background job, which ignores Ctrl-C.
    """
    if sys.argv[:1] != ["-m"]:
        return
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def end_imports() -> None:
    """Have Ctrl-C raise again, so that what is half done is undone; collect, but not what was imported."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def interrupted_by_term() -> Iterator[Callable[[], bool]]:
    """Have SIGTERM, as a scheduler of jobs sends it, interrupt like Ctrl-C; yields whether it has come.

    Not in one of several processes of a training: they are ended by the first, which waits for no line.
    """
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        came.append(number)
        raise KeyboardInterrupt

    is_alone = not os.environ.keys() & {"RANK", "LOCAL_RANK"}
    is_ours = is_alone and threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield lambda: False
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end_with(parent: int) -> None:
    """End this process soon after its `parent`: killed, that can't tell its children, who would go on.

    As by SIGTERM, which undoes what is half done, and if that takes longer at once.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(UNDOING)
        os._exit(1)

    if not any(thread.name == "parent" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="parent", daemon=True).start()


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Print to a reader who may have read enough, as `head` does: the rest is left, and nothing said."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left at its end, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_command(main: Callable[[], None]) -> None:
    """Run `main`; a person's mistake, a full disk and an interruption end in one line."""
    end_imports()
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    # Libraries ask for the user's name only to name files, and fail where the system knows none.
    os.environ.setdefault("USER", str(os.getuid()))
    try:
        main()
    except SystemExit as end:
        sys.exit(without_secrets(end.code) if isinstance(end.code, str) else end.code)
    except KeyboardInterrupt as interrupt:
        _say(interrupt)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not is_told_in_a_line(error):
            raise
        sys.exit(one_line(error))


def is_told_in_a_line(error: Exception) -> bool:
    """Whether an error is a person's to mend, the machine's or DVC's; any other is a defect of this code."""
    if isinstance(error, TapelineError | MemoryError):
        return True
    if isinstance(error, OSError):  # Arrow's has no number where a file is not there
        return error.errno is not None or isinstance(error, FileNotFoundError)
    # A user whom the system does not know, without HOME and USER: so Python and platformdirs say it.
    if isinstance(error, RuntimeError | KeyError) and re.search("home directory|getpwuid", str(error)):
        return True
    # DVC is not imported for its errors: where it raises one, it is.
    libraries = {cls.__module__.split(".")[0] for cls in type(error).__mro__}
    return bool(libraries & {"dvc", "dvc_data", "dvc_objects", "scmrepo"})


def one_line(error: BaseException) -> str:
    """What an error and its notes say, on one line, without secrets."""
    said = str(error)
    if isinstance(error, FileNotFoundError) and error.filename2 is None:
        # Arrow's has no number, and says the path alone.
        path = said if error.errno is None else error.filename
        said = f"{path}: is not there" if path else said
    lines = [said or type(error).__name__, *getattr(error, "__notes__", ())]
    return printable(without_secrets(" ".join("; ".join(lines).split())))


def without_secrets(text: str, options: Mapping[str, Any] | None = None) -> str:
    """Return `text` without what URLs hold before the host or as keys, and without secret `options`."""
    text = re.sub(r"(\w://)[^/\s'\"]*@", r"\1***@", text)
    text = re.sub(rf"(?i)([?&][\w.-]*(?:{SECRET})[\w.-]*=)[^&\s'\"]+", r"\1***", text)
    for name, value in (options or {}).items():
        if value and isinstance(value, str) and re.search(SECRET, name, re.IGNORECASE):
            text = text.replace(value, "***")
    return text


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(INTERRUPTED)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)


def _say(end: KeyboardInterrupt) -> None:
    lines = ["interrupted", *map(str, end.args), *getattr(end, "__notes__", ())]
    print(printable("; ".join(lines)), file=sys.stderr)
