"""What coroutine functions of the component return is run on the one event loop of the worker.

The thread that has called the function waits meanwhile, without the interpreter lock: so as many
requests are under way at once as the worker has threads, and all of them, and what `load()` has
opened, share the loop. It is started when something is first awaited.
"""

from __future__ import annotations

import atexit
import contextlib
import inspect
import logging
import os
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from . import current, logs, payload
from .current import Current
from .errors import GivenUp

if TYPE_CHECKING:
    import asyncio

# What tasks are given at the end of the worker to end in turn, seconds; the server kills it later.
ENDING = 2.0
# `threading.TIMEOUT_MAX` is no less anywhere; later deadlines are never reached.
LONGEST = 10**6

# Types of nearly all results: none of them can be awaited.
SETTLED = frozenset((*payload.ARRAYS, list, tuple, dict, str, bytes, int, float, bool, type(None)))

_log = logging.getLogger("streeling")


def settled(result: Any) -> Any:
    """What a method has returned, or what that comes to where it can be awaited.

    Raises `GivenUp` where the request's deadline passes, or its caller leaves, before that.
    """
    if type(result) in SETTLED or not inspect.isawaitable(result):
        return result
    return _Call(result).outcome(_loop())


def is_awaited(component: object, methods: list[str]) -> bool:
    """Whether one of these is a coroutine function, so that the loop will be needed."""
    return any(
        inspect.iscoroutinefunction(getattr(component, name, None))
        for name in methods
        if name not in ("load", "init_metadata")
    )


def start() -> None:
    """Starts the loop, so that no request waits for that."""
    _loop()


def cancel(identity: int) -> None:
    """Cancels what is awaited for the request of this id, if anything is."""
    call = _calls.get(identity)
    if call is not None:
        call.give_up("its caller has left")


class _Call:
    """Something that a thread waits for while it is run as a task."""

    def __init__(self, awaitable: Any) -> None:
        self._awaitable = awaitable
        own = current.threads.current
        # The thread's own is that of the next request when this one has been responded to, while
        # tasks that this one has started may go on.
        self._current = Current()
        self._current.context = own.context
        self._current.original = own.original
        self._frame = own.frame
        # Held until the task has ended.
        self._ended = threading.Lock()
        self._ended.acquire()
        self._loop: asyncio.AbstractEventLoop | None = None
        # These belong to the loop's thread.
        self._task: asyncio.Task[None] | None = None
        self._reason: str | None = None
        # There is the one or the other, once the task has ended.
        self._result: Any = None
        self._error: BaseException | None = None

    def outcome(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Waits until the task has ended; returns its result, or raises what it has raised."""
        identity, deadline = self._frame() if self._frame else (0, 0)
        self._loop = loop
        if identity:
            _calls[identity] = self
        try:
            loop.call_soon_threadsafe(self._start, context=copy_context())
            self._wait(deadline)
        finally:
            _calls.pop(identity, None)
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            if self._reason is not None and isinstance(error, _cancelled_error()):
                raise GivenUp(f"the call was cancelled: {self._reason}") from None
            raise error
        finally:
            # It holds the frames of the component, and this one too.
            del error

    def _wait(self, deadline: int) -> None:
        if deadline:
            left = (deadline - time.monotonic_ns()) / 1e9
            if self._ended.acquire(timeout=min(max(left, 0.0), LONGEST)):
                return
            self.give_up("its deadline has passed")
        self._ended.acquire()

    def give_up(self, reason: str) -> None:
        """Cancels the task, from another thread."""
        if self._loop is not None:
            # Closed at the end of the worker alone.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel, reason)

    def _start(self) -> None:
        current.of_task.set(self._current)
        try:
            self._task = self._loop.create_task(self._run())  # type: ignore[union-attr]
        except BaseException as error:
            # The component may make the loop's tasks itself.
            self._error = error
            self._ended.release()
            return
        self._task.add_done_callback(self._end)
        if self._reason is not None:
            self._task.cancel()

    def _cancel(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
            if self._task is not None:
                self._task.cancel()

    async def _run(self) -> None:
        # A task hands `SystemExit` on to its loop, which would end.
        try:
            self._result = await self._awaitable
        except BaseException as error:
            self._error = error

    def _end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            # Before it began.
            self._error = _cancelled_error()()
            if inspect.iscoroutine(self._awaitable):
                self._awaitable.close()
        own = self._current
        if own.unfinished:
            logs.finish_lines(own)
        own.context = own.original = None
        self._task = None
        self._ended.release()


# What is awaited, by the id of its request.
_calls: dict[int, _Call] = {}


def _cancelled_error() -> type[BaseException]:
    # It has been imported with the loop.
    import asyncio

    return asyncio.CancelledError


class _Thread:
    """The loop and its thread."""

    def __init__(self) -> None:
        # Few components need it, and it takes its time to import.
        import asyncio

        self._asyncio = asyncio
        self._is_ending = False
        # That of the component's own policy, where it has set one.
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="event-loop", daemon=True)
        self._thread.start()
        self._process = os.getpid()
        # It is run before what the component has registered when it was constructed.
        atexit.register(self._end)

    def _run(self) -> None:
        current.threads.is_loop = True
        self._asyncio.set_event_loop(self.loop)
        while not self._is_ending:
            try:
                self.loop.run_forever()
            except BaseException as error:
                # A task that the component has started has raised `SystemExit`, for one.
                _log.error("the event loop goes on after %s", repr(error))
        self.loop.close()

    def _end(self) -> None:
        """Cancels what still runs, and stops the loop when that has ended."""
        if os.getpid() != self._process:
            # Forked by the component, without the thread.
            return
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._begin_ending)
        self._thread.join(ENDING)

    def _begin_ending(self) -> None:
        self._asyncio.ensure_future(self._finish())

    async def _finish(self) -> None:
        tasks = self._asyncio.all_tasks() - {self._asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await self._asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        self._is_ending = True
        self.loop.stop()


_starting = threading.Lock()
_thread: _Thread | None = None


def _loop() -> asyncio.AbstractEventLoop:
    global _thread
    if _thread is None:
        with _starting:
            if _thread is None:
                _thread = _Thread()
    return _thread.loop
