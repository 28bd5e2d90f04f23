"""The stacks of all threads, which the server has in its log where a call does not return.

They go to a pipe of the server's own, so that it does not matter what the component has made of the
standard streams. The thread of the control socket writes them; while native code holds the
interpreter lock that thread does not run, and then the server sends `SIGNAL`, on which
`faulthandler` writes them without the lock.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys

# SIGSTKFLT: the kernel never sends it, and nothing is known to use it. Python 3.11 was the first to
# have its name; other systems than Linux have no such signal.
SIGNAL = 16 if sys.platform == "linux" else 0
# Behind what has been written whole; no line of a stack holds it.
END = b"\0"

_pipe = -1


def take(descriptor: int) -> None:
    """From now on stacks are written there. Where the component has a handler of its own for the
    signal, that one stays."""
    global _pipe
    _pipe = descriptor
    # Programs that the component starts must not keep it open, nor may a server that does not read
    # hold up the worker.
    os.set_inheritable(descriptor, False)
    os.set_blocking(descriptor, False)
    if SIGNAL and signal.getsignal(SIGNAL) == signal.SIG_DFL:
        faulthandler.register(SIGNAL, file=descriptor, all_threads=True, chain=False)


def write() -> None:
    """Writes the stacks of all threads, as far as the pipe has room for them."""
    with contextlib.suppress(OSError):
        faulthandler.dump_traceback(_pipe, all_threads=True)
        os.write(_pipe, END)
