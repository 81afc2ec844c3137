"""Send to the server what is to run, where, with which files and environment; end as that ends."""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

NAME, ARGUMENTS = os.path.basename(sys.argv[0]), sys.argv[1:]
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(sys.argv[0])))
BINARY = os.path.join(os.path.dirname(sys.executable), NAME)


def as_it_is():
    """Become what would have run without this."""
    os.execv(BINARY, [BINARY, *ARGUMENTS])


asked_for = ARGUMENTS[ARGUMENTS[:1] == ["-u"] :]  # with it, output is not held back
is_known = NAME == "dvc" or (
    len(asked_for) > 1
    and (asked_for[0] == "-c" or (asked_for[0] == "-m" and asked_for[1].startswith(("stages.", "commands."))))
)
if not is_known:
    as_it_is()
with open(os.path.join(FOLDER, "settings")) as file:
    settings = json.load(file)
begin = tuple(settings["begin"])
read = {name: value for name, value in os.environ.items() if name.startswith(begin)}
if {name: read[name] for name in read if name not in settings["later"]} != settings["read"]:
    as_it_is()
server = socket.socket(socket.AF_UNIX)
try:
    server.connect(os.path.join(FOLDER, "socket"))
except OSError:
    as_it_is()
umask = os.umask(0)
os.umask(umask)
asked = {"name": BINARY, "arguments": ARGUMENTS, "cwd": os.getcwd(), "env": dict(os.environ), "umask": umask}
data = json.dumps(asked).encode("ascii")
socket.send_fds(server, [len(data).to_bytes(4, "big")], [0, 1, 2])
server.sendall(data)
process = int.from_bytes(server.recv(4), "big")


def hand_on(number, frame):
    """A signal is for who works."""
    with suppress(ProcessLookupError):
        os.kill(process, number)


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, hand_on)
status = int.from_bytes(server.recv(4), "big")
if os.WIFSIGNALED(status):
    if os.WTERMSIG(status) != signal.SIGKILL:  # which can't be caught either
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.WEXITSTATUS(status))
