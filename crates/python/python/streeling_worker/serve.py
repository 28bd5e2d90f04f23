"""The loop of one data socket: read requests, run them in order, reply in batches."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from mmap import mmap
from typing import Any

from . import current, errors, logs, payload, protocol
from .current import TRACEPARENT
from .errors import BadData
from .methods import Methods
from .payload import LARGE, Codec, Handler, Item, check_numbers
from .protocol import (
    AGGREGATE,
    ERROR,
    FRAME,
    HEALTH_STATUS,
    HTTP,
    ITEM,
    MESSAGE,
    PAGE,
    REPLIES,
    REPLY,
    REQUEST,
    SEND_FEEDBACK,
    SHAPES,
    TAKE_OVER,
    TAKEN,
    Buffer,
    ProtocolError,
)
from .spans import TRACE, within_span

# Bytes read at once; a frame beyond that gets memory of its own.
BUFFER = 1 << 18
# A reply is held back at most so long, to be written together with others, nanoseconds.
FLUSH_AFTER = 200_000
# A thread is relieved of what lies behind a call that has run for so long, nanoseconds.
SLOW = 1_000_000
# How long to stay awake for the next request after a brief one that came alone, nanoseconds. A core
# that went to sleep takes some 50 us to wake, and runs from cold caches then: with one caller, half
# of the time went there.
EAGER = 200_000
MICROS_MAX = 2**32 - 1
LINE_FEED = 10

_now = time.monotonic_ns
_modules = sys.modules


class Readers:
    """Which thread of the worker reads which data socket; they may exchange them, see `_take`."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.sockets = sockets
        self.loops: list[_Loop | None] = [None] * len(sockets)
        # Held while two threads exchange their sockets.
        self.lock = threading.Lock()


def serve(sock: socket.socket, methods: Methods, readers: Readers | None = None) -> None:
    """Serves until the server closes the socket that the calling thread reads by then.

    Raises `ProtocolError` for the server's faults.
    """
    try:
        _Loop(sock, methods, readers or Readers([sock])).run()
    except (BrokenPipeError, ConnectionResetError):
        # The server is gone, or has closed this socket.
        return


# What of a response is too large for its frame; its elements and bytes may be of any number.
_UNFIT = (
    "the component's response cannot be sent: names, and tags with metrics, may have 4294967295 "
    "bytes each as JSON, and an array 255 dimensions"
)

# In `_Loop._running`: the thread runs no request.
NONE_RUNS = -1


class _Loop:
    def __init__(self, sock: socket.socket, methods: Methods, readers: Readers) -> None:
        # Responses are written to this one, whichever socket their requests came over.
        self._sock = sock
        # Requests are read from this one.
        self._source = sock
        self._readers = readers
        readers.loops[readers.sockets.index(sock)] = self
        self._codec: Codec = methods.codec
        self._item = methods.codec.item
        self._handlers = {**methods.handlers, PAGE: methods.page}
        self._raw = methods.raw_handlers
        self._passthrough = methods.pass_through
        # Of it only what is used takes memory, unlike of a `bytearray`.
        self._buffer = mmap(-1, BUFFER)
        self._view = memoryview(self._buffer)
        # Where the frame starts whose request runs, and where what has been read ends.
        self._running = NONE_RUNS
        self._end = 0
        # Another thread takes the requests behind the running one, or is about to.
        self._is_relieved = False
        # Where the frame starts behind which it has taken them.
        self._kept = NONE_RUNS
        # Replies not yet written, and when the oldest of them was made. They are whole frames:
        # another thread may write them, see `_take`. The lock is held while they are taken.
        self._out: list[bytes] = []
        self._out_lock = threading.Lock()
        self._oldest = 0
        self._current = current.for_this_thread()
        # When the clock was last read.
        self._clock = 0

    def run(self) -> None:
        sock, buffer, view = self._source, self._buffer, self._view
        unpack, head = FRAME.unpack_from, FRAME.size
        start = end = 0
        brief = False
        while True:
            received = self._eager(view) if brief else 0
            if not received:
                received = sock.recv_into(view[end:] if end else view)
            if received == 0:
                if end > start:
                    raise ProtocolError("the data socket ended within a frame")
                return
            end += received
            self._end = end
            start_time = self._clock = _now()
            first = start
            while end - start >= head:
                length, kind, method, context, count, identity, deadline = unpack(buffer, start)
                body = start + head
                frame_end = body + length
                if kind != REQUEST:
                    if kind != TAKE_OVER or frame_end != end:
                        raise ProtocolError(
                            f"unexpected kind of frame on a data socket: {int(kind)}"
                        )
                    start, end = 0, self._take(count)
                    self._end = end
                    sock = self._source
                    continue
                if frame_end > end:
                    break
                # In this order, see `_take`.
                self._running = start
                if self._is_relieved:
                    if self._keeps(start):
                        end = frame_end
                    elif self._leave():
                        sock, start, end = self._source, 0, 0
                        break
                self._request(buffer, body, frame_end, method, count, context, identity, deadline)
                start = frame_end
            self._running = NONE_RUNS
            if self._is_relieved and self._leave():
                sock, start, end = self._source, 0, 0
            # Its caller may well send the next request at once.
            brief = (
                start == end and first + head + length == end and self._clock - start_time < EAGER
            )
            if start == end:
                start = end = 0
            elif start + head > BUFFER or (end - start >= head and frame_end > BUFFER):
                if end - start >= head and length + head > BUFFER:
                    self._large(start, end, length, method, count, context, identity, deadline)
                    start = end = 0
                    self._running = NONE_RUNS
                    if self._is_relieved and self._leave():
                        sock = self._source
                else:
                    buffer[: end - start] = buffer[start:end]
                    start, end = 0, end - start
            self._flush()

    def _take(self, number: int) -> int:
        """Exchanges sockets with the thread that reads the one of this number, if that is in a slow
        call: so this one takes what lies behind the request, and the other one reads this one's
        socket when its call has returned. Replies that the other one has not written are written
        here. Returns how many bytes have been taken.

        The other thread marks what it runs, then looks whether it is relieved; this one does it the
        other way round. So at least one of them sees the other, without a lock for each request.
        Where both do, the other one runs what this one saw it run (`_keeps`).
        """
        readers = self._readers
        other = readers.loops[number] if number < len(readers.loops) else None
        taken = size = identity = 0
        replies = b""
        if other is not None and other is not self:
            with readers.lock:
                was_relieved, other._is_relieved = other._is_relieved, True
                at = other._running
                # If this thread has the interpreter while the other one is in a call, the call
                # has given it away; one that began just now may have done so for a moment only.
                if at == NONE_RUNS or _now() - other._clock < SLOW:
                    # It may not have noticed yet that an earlier one has taken over.
                    other._is_relieved = was_relieved
                else:
                    taken = 1
                    other._kept = at
                    length, *_, identity, _ = FRAME.unpack_from(other._buffer, at)
                    at += FRAME.size + length
                    rest = other._view[at : other._end]
                    size = len(rest)
                    self._view[:size] = rest
                    loops = readers.loops
                    loops[loops.index(self)] = other
                    loops[number] = self
                    self._source, other._source = other._source, self._source
                    # Nothing is left to be taken once more.
                    other._end = 0
                    replies = other._take_replies()
        self._flush()
        self._sock.sendall(protocol.frame(TAKEN, b"", count=taken, identity=identity) + replies)
        self._clock = _now()
        return size

    def _keeps(self, start: int) -> bool:
        """Whether another thread has taken only what lies behind the request at `start`."""
        with self._readers.lock:
            return self._is_relieved and self._kept == start

    def _leave(self) -> bool:
        """Whether another thread has taken what this one has read and not yet run."""
        with self._readers.lock:
            # While it waited for the lock, the other one may have come too late.
            is_relieved, self._is_relieved = self._is_relieved, False
            if is_relieved:
                self._running = self._kept = NONE_RUNS
        return is_relieved

    def _eager(self, view: memoryview) -> int:
        """Bytes that come before a sleeping core would be awake again, else 0."""
        until = self._clock + EAGER
        while _now() < until:
            try:
                return self._source.recv_into(view, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
        return 0

    def _request(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        method: int,
        count: int,
        context: int,
        identity: int,
        deadline: int,
        ready: list[Item] | None = None,
    ) -> None:
        """Runs one request; `ready` are its items where they have been decoded before."""
        begin = self._clock
        raw = False
        traceparent = None
        try:
            handler = self._handlers[method]
        except KeyError:
            raise ProtocolError(f"unknown method {int(method)}") from None
        if deadline and begin >= deadline:
            self._deadline_passed(identity)
            return
        own = self._current
        if context:
            if start + context > end:
                raise ProtocolError("the context of a frame ends beyond it")
            own.context = buffer[start : start + context]
            start += context
            # Before the traceparent there is at least the line feed.
            if (
                context > TRACEPARENT
                and buffer[start - TRACEPARENT - 1] == LINE_FEED
                and TRACE in _modules
            ):
                traceparent = buffer[start - TRACEPARENT : start]
        try:
            items = ready if ready is not None else self._decode(buffer, start, end, method, count)
            if items and items[0][3] >= MESSAGE:
                kind = items[0][3]
                if kind == protocol.PASSTHROUGH:
                    handler = self._passthrough
                elif kind in _RAW:
                    raw = True
                    handler = self._raw_handler(method, kind)
                elif kind == HTTP:
                    raise ProtocolError("a request as it came, and nothing before it")
            if traceparent:
                handler = within_span(handler, traceparent)
            (kind, dtype, shape, body), names, meta = handler(items)
            ndim = len(shape)
            size = len(body)
            now = _now()
            try:
                head = REPLIES[ndim].pack(
                    24 + 8 * ndim + len(names) + len(meta) + size,
                    REPLY,
                    0,
                    0,
                    min((now - begin) // 1000, MICROS_MAX),
                    identity,
                    begin,
                    kind,
                    dtype,
                    ndim,
                    0,
                    len(names),
                    len(meta),
                    0,
                    size,
                    *shape,
                )
            except (struct.error, IndexError, TypeError, OverflowError):
                raise BadData(_UNFIT) from None
        except ProtocolError:
            raise
        except BaseException as error:
            self._error(identity, begin, error, raw)
            return
        finally:
            if own.unfinished:
                logs.finish_lines(own)
            own.context = None
        self._clock = now
        out = self._out
        if not out:
            self._oldest = now
        if size >= LARGE:
            # Sent from the component's own memory, so before it is called again.
            self._flush()
            self._sock.sendall(head + names + meta)
            self._sock.sendall(body)
            self._clock = _now()
            return
        out.append(head + names + meta + body)
        if now - self._oldest > FLUSH_AFTER:
            self._flush()
            # Another thread may have had the interpreter meanwhile.
            self._clock = _now()

    def _raw_handler(self, method: int, kind: int) -> Handler:
        try:
            return self._raw[kind, method]
        except KeyError:
            # It was sent while the component as it was before a reload had the method.
            raise errors.Declined(f"no method for raw messages of kind {int(kind)}") from None

    def _decode(self, buffer: Buffer, start: int, end: int, method: int, count: int) -> list[Item]:
        if count == 1 == _COUNTS[method]:
            item, after = self._item(buffer, start, end, _AS_WRITTEN)
            if after == end:
                return [item]
        # As in protobuf, the numbers of feedback are all floats.
        options = _AS_FLOATS if method == SEND_FEEDBACK else _AS_WRITTEN
        items = self._codec.decode(buffer, start, end, count, options)
        if count == _COUNTS[method]:
            return items
        if items and items[-1][3] == HTTP:
            self._current.original = items.pop()[0]
            count -= 1
        if count == _COUNTS[method] or _COUNTS[method] == ANY:
            return items
        if count == 1 and items[0][3] in _RAW:
            return items
        raise ProtocolError(f"{int(count)} items for method {int(method)}")

    def _large(
        self,
        start: int,
        end: int,
        length: int,
        method: int,
        count: int,
        context: int,
        identity: int,
        deadline: int,
    ) -> None:
        """Takes a frame that is larger than the buffer, of which `start..end` has been read."""
        # Those before it must not wait until all of it has come.
        self._flush()
        begin = start + FRAME.size
        items = None
        body: Buffer = bytearray()
        if count == 1 and self._codec.numpy:
            items = self._large_array(begin, end, length, method, context)
        if items is None:
            body = bytearray(length)
            view = memoryview(body)
            body[: end - begin] = self._view[begin:end]
            self._receive(view[end - begin :])
        else:
            body = self._buffer[begin : begin + context]
        self._clock = _now()
        self._running = start
        self._request(body, 0, len(body), method, count, context, identity, deadline, items)

    def _large_array(
        self, begin: int, end: int, length: int, method: int, context: int
    ) -> list[Item] | None:
        """Reads an array into the very memory that the component gets; `None` if it is none."""
        after = begin + length
        begin += context
        if end - begin < ITEM.size:
            return None
        kind, dtype, ndim, _, names, meta, _, size = ITEM.unpack_from(self._buffer, begin)
        at = begin + ITEM.size
        body = at + 8 * ndim + names + meta
        if kind != protocol.NUMBERS or dtype == protocol.BYTES or _COUNTS.get(method) != 1:
            return None
        if body > end or size == 0:
            return None
        if body + size != after:
            raise ProtocolError("the item of a frame does not fill it")
        shape = SHAPES[ndim].unpack_from(self._buffer, at)
        check_numbers(shape, dtype, size)
        at += 8 * ndim
        try:
            array = payload.empty_array(shape, dtype)
            own_names = payload.from_json(self._view[at : at + names]) if names else []
            at += names
            own_meta = payload.from_json(self._view[at : at + meta]) if meta else None
        except Exception:
            # The usual way decodes it again, and reports it as a payload that makes no array.
            return None
        memory = payload.array_bytes(array)
        memory[: end - body] = self._view[body:end]
        self._receive(memory[end - body :])
        return [(array, own_names, own_meta, kind)]

    def _receive(self, view: memoryview) -> None:
        if not protocol.receive(self._source, view):
            raise ProtocolError("the data socket ended within a frame")

    def _deadline_passed(self, identity: int) -> None:
        body = errors.frame("deadline", "the deadline had passed before the component was called")
        self._put(protocol.frame(ERROR, protocol.to_json(body), identity=identity))

    def _error(self, identity: int, begin: int, error: BaseException, raw: bool) -> None:
        try:
            body = errors.describe(error, payload.to_json)
            if isinstance(error, errors.Declined) or (raw and errors.not_implemented(error)):
                body["kind"] = "not_implemented"
            data = protocol.to_json(body)
        except BaseException as problem:
            # An exception may have attributes and methods that raise.
            data = protocol.to_json(errors.nameless(error, problem))
        self._clock = _now()
        micros = min((self._clock - begin) // 1000, MICROS_MAX)
        self._put(protocol.frame(ERROR, data, count=micros, identity=identity, moment=begin))

    def _put(self, frame: bytes) -> None:
        if not self._out:
            self._oldest = self._clock
        self._out.append(frame)
        if self._clock - self._oldest > FLUSH_AFTER:
            self._flush()

    def _flush(self) -> None:
        out = self._out
        if out:
            with self._out_lock:
                replies = out[0] if len(out) == 1 else b"".join(out)
                out.clear()
            self._sock.sendall(replies)

    def _take_replies(self) -> bytes:
        """The replies that have not been written, for another thread to write."""
        out = self._out
        with self._out_lock:
            # The thread of this loop may add one meanwhile.
            count = len(out)
            replies = b"".join(out[:count])
            del out[:count]
        return replies


_RAW = (MESSAGE, protocol.PROTOBUF)
# How many items there are for a method.
ANY = -1
_COUNTS = dict.fromkeys(protocol.METHODS, 1)
_COUNTS[SEND_FEEDBACK] = 3
_COUNTS[HEALTH_STATUS] = 0
# Any number, so that the request as it came is always looked for behind them.
_COUNTS[AGGREGATE] = ANY
# It has the request as it came, and nothing else.
_COUNTS[PAGE] = 0
_COUNTS.update({method | protocol.TENSORS: count for method, count in _COUNTS.items()})
_AS_WRITTEN: dict[str, Any] = {}
_AS_FLOATS: dict[str, Any] = {"parse_int": float}
