"""The process that has imported: forked for every command that it is asked for."""

import atexit
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

# What stages, commands and the tests' own workers wait for; a library that is missing here is imported by who
# needs it, as is onnxruntime, which begins a thread.
LIBRARIES = (
    "pandas", "pyarrow.parquet", "pyarrow.dataset", "pydantic", "ruamel.yaml", "numba", "talib", "tqdm",
    "jinja2", "scipy.stats", "scipy.optimize", "scipy.signal", "sklearn.isotonic", "sklearn.linear_model",
    "sklearn.ensemble", "torch", "torch.export", "torch._dynamo", "lightning_fabric", "safetensors.torch",
    "onnx", "great_expectations", "great_expectations.expectations", "altair", "vl_convert",
    "requests", "ccxt", "ccxt.pro", "optuna", "dvc.cli", "dvc.cli.parser", "dvc.repo", "gto.tag", "gto.api",
)  # fmt: skip


def serve() -> None:
    """Answer until terminated, or until who began this has ended; import what is needed at the first call."""
    server, parent, is_ready = socket.socket(fileno=int(sys.argv[1])), os.getppid(), False
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a person who ends the tests: they end this
    while os.getppid() == parent:
        if select.select([server], [], [], 1.0)[0]:
            connection, _ = server.accept()
            is_ready = is_ready or _import()
            if os.fork() == 0:
                try:
                    server.close()
                    _answer(connection)
                finally:
                    os._exit(0)
            connection.close()
        _wait_for_ended()


def _import() -> bool:
    sys.path.remove(str(Path(__file__).parent))
    gc.disable()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    return True


def _wait_for_ended() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(connection: socket.socket) -> None:
    """Run what is asked for in a process of its own, and say how it ended; kill it if nobody waits."""
    header, files, _, _ = socket.recv_fds(connection, 4, 3)
    length, data = int.from_bytes(header, "big"), b""
    while len(data) < length:
        data += connection.recv(length - len(data))
    process = os.fork()
    if process == 0:
        connection.close()
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        _run(**json.loads(data))
    for file in (*files, 0, 1, 2):
        os.close(file)
    ended = os.pidfd_open(process)
    with suppress(OSError):  # nobody listens
        connection.sendall(process.to_bytes(4, "big"))
    if ended not in select.select([connection, ended], [], [])[0]:  # the client was killed
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    with suppress(OSError):
        connection.sendall(status.to_bytes(4, "big"))


def _run(name: str, arguments: list[str], cwd: str, env: dict[str, str], umask: int) -> None:
    """Be what `name` with these arguments would be; does not return."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    random.seed()
    sys.modules["numpy"].random.seed()
    del sys.modules["warm_server"]
    main = sys.modules["__main__"].__dict__
    main.pop("warm_server", None)
    status = 0
    if arguments[:1] == ["-u"]:
        arguments = arguments[1:]
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)
    try:
        if name.endswith("dvc"):
            sys.argv = [name, *arguments]
            status = sys.modules["dvc.cli"].main()
        elif arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            sys.path.insert(0, "")
            exec(compile(arguments[1], "<string>", "exec"), main)
        else:
            sys.argv = ["-m", *arguments[2:]]
            sys.path.insert(0, cwd)
            runpy._run_module_as_main(arguments[1])
    except SystemExit as end:
        status = _status(end.code)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status or 0)


def _status(code: object) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1
