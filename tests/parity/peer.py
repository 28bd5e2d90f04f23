"""Start seldon-core for one class after the other without importing what it imports each time.

Importing TensorFlow takes seconds. So this process imports what seldon-core uses, but nothing of
seldon-core itself, which reads variables while it is imported; for each line of standard input
(``{"arguments": [...], "env": {...}, "folder": "...", "log": "..."}``) it forks, and the child runs
seldon-core's own ``main`` in a process group of its own. Standard output gets the child's number.

The end of standard input is the end of the run, however that came about: then everything that was
started is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

# Ctrl-C and a closed terminal reach the whole run. This process outlives them until the end of its
# input, since its children do not notice them.
for _signal in (signal.SIGINT, signal.SIGHUP):
    signal.signal(_signal, signal.SIG_IGN)

for _module in ("tensorflow", "numpy", "grpc", "flask", "flask_cors", "gunicorn.app.base"):
    with contextlib.suppress(ImportError):
        __import__(_module)


def serve(task: dict[str, Any]) -> None:
    """Become seldon-core."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((nothing, log, log)):
        os.dup2(stream, number)
    os.chdir(task["folder"])
    os.environ.clear()
    os.environ.update(task["env"])
    sys.argv = ["seldon-core-microservice", *task["arguments"]]
    from seldon_core.microservice import main as run

    run()


def fork_for_each_line(children: list[int]) -> dict[str, Any] | None:
    """Give each child its task; at the end of the input there is none, and this is the parent."""
    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            child = os.fork()
            if child == 0:
                task: dict[str, Any] = json.loads(line)
                return task
            children.append(child)
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
    return None


def kill(children: list[int]) -> None:
    """Kill the children with their process groups."""
    for child in children:
        # No child has been waited for, so the number is still that of the child and of its group.
        # A child that was just forked has no group yet.
        for send in (os.kill, os.killpg):
            with contextlib.suppress(OSError):
                send(child, signal.SIGKILL)


def main() -> None:
    """Start servers as long as there is input, then end them."""
    children: list[int] = []
    task = fork_for_each_line(children)
    if task is None:
        kill(children)
    else:
        serve(task)


if __name__ == "__main__":
    main()
