"""Start seldon-core for one class after the other without importing what it imports each time.

Importing TensorFlow takes seconds. So this process imports what seldon-core uses, but nothing of
seldon-core itself, which reads variables while it is imported; for each line of standard input
(``{"arguments": [...], "env": {...}, "folder": "...", "log": "..."}``) it forks, and the child runs
seldon-core's own ``main`` in a process group of its own. Standard output gets the child's number.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

for _module in ("tensorflow", "numpy", "grpc", "flask", "flask_cors", "gunicorn.app.base"):
    with contextlib.suppress(ImportError):
        __import__(_module)


def serve(task: dict[str, Any]) -> None:
    """Become seldon-core."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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


def main() -> None:
    """Fork for each line."""
    # Its children are left to themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            serve(json.loads(line))
            sys.exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
