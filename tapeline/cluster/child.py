"""A process of a worker, in the project's folder: it does items of one stage, one after the other."""

import gc
import json
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tapeline.cluster.handover import read_work
from tapeline.cluster.sameness import describe
from tapeline.ending import end_imports, end_with

IDLE = 60.0  # seconds without an item, after which it ends: whoever gave them may be no more
DONE, DEFECT = "done", "defect"


def serve(connection: Connection, session: Path) -> None:
    """Say what this process is; then answer every item's number with what came of it, until told to end."""
    connection.send_bytes(json.dumps(describe(session)).encode())
    done: Callable[[Any], Any] | None = None
    items: list[Any] = []
    while connection.poll(IDLE):
        try:
            number = int(connection.recv_bytes())
        except EOFError:
            return
        try:
            if done is None:
                gc.disable()  # while all is imported, as stages do
                done, items = read_work(session)
                end_imports()
            answer = DONE, done(items[number])
        except Exception as error:
            answer = DEFECT, (error, traceback.format_exc())
        connection.send_bytes(_pickled(answer))


def _pickled(answer: tuple[str, object]) -> bytes:
    try:
        return pickle.dumps(answer, protocol=5)
    except Exception:  # an error that can't be pickled
        return pickle.dumps((DEFECT, (None, str(answer[1]))))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who gave the work hears it, and has this process ended
    end_with(os.getppid())
    serve(Connection(int(sys.argv[1])), Path(sys.argv[2]))
