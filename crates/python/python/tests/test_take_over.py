"""A thread that takes over what lies behind a slow call of another."""

from __future__ import annotations

import contextlib
import dis
import queue
import select
import socket
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import protocol, serve
from streeling_worker.methods import Methods
from streeling_worker.payload import Codec
from streeling_worker.serve import BUFFER, Readers

from tests.support import FRAME, TEXT, TIMEOUT, Calls, Response, frame, item, predict, receive


class Component:
    """Returns texts; the call with a text that starts with `slow` ends when it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self.seen: list[str] = []

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        self.seen.append(X[:9])
        if X.startswith("slow"):
            self.entered.set()
            assert self.let_go.wait(TIMEOUT)
        return X[:9]


class Threads:
    """Threads of one worker, each with its socket."""

    def __init__(self, component: object, count: int) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        self.sockets = [ours for ours, _ in pairs]
        theirs = [other for _, other in pairs]
        methods, readers = Methods(component, Codec()), Readers(theirs)
        self.faults: list[BaseException] = []

        def run(sock: socket.socket) -> None:
            try:
                serve.serve(sock, methods, readers)
            except BaseException as error:
                self.faults.append(error)
                sock.close()

        self._threads = [threading.Thread(target=run, args=(sock,)) for sock in theirs]
        for thread in self._threads:
            thread.start()
        for sock in self.sockets:
            sock.settimeout(TIMEOUT)
        # Each is there when it has responded.
        for number in range(count):
            self.send(number, predict(TEXT, 1))
            self.response(number)

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self.sockets:
            sock.shutdown(socket.SHUT_WR)
        for thread in self._threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()
        for sock in self.sockets:
            sock.close()

    def send(self, number: int, data: bytes) -> None:
        self.sockets[number].sendall(data)

    def frame(self, number: int) -> tuple[int, int, int, bytes]:
        """Kind, id, count and body of the next frame."""
        length, kind, _, _, count, identity, _ = FRAME.unpack(
            receive(self.sockets[number], FRAME.size)
        )
        return kind, identity, count, receive(self.sockets[number], length)

    def response(self, number: int) -> Response:
        head = FRAME.unpack(receive(self.sockets[number], FRAME.size))
        return Response(head, receive(self.sockets[number], head[0]))

    def identities(self, number: int, count: int) -> list[int]:
        return [self.response(number).identity for _ in range(count)]

    def take_over(self, number: int, other: int) -> tuple[int, int]:
        """The request that stays with the other thread, and whether there is one. A call that has
        begun is a slow one by then."""
        time.sleep(serve.SLOW * 1e-9)
        self.send(number, frame(protocol.TAKE_OVER, items=other))
        kind, identity, count, body = self.frame(number)
        assert (kind, body) == (protocol.TAKEN, b"")
        return identity, count


class Stopped(Threads):
    """Two threads. When the first one comes to a line of its loop for the so-manieth time, the
    second one takes over from it before it goes on."""

    LOOP = serve._Loop.run.__code__

    def __init__(self, line: int, hit: int) -> None:
        self._line, self._left = line, hit
        self._taken = threading.Event()
        self.exchanges = 0
        self._is_armed = False
        self._arming = threading.Lock()
        with mock.patch.object(threading, "_trace_hook", self._trace):
            super().__init__(Calls(lambda X: X), 2)
        self._is_armed = True

    def __enter__(self) -> Stopped:
        return self

    def disarm(self) -> None:
        """From now on requests may be sent to the second thread, where no take-over may lie behind
        one."""
        with self._arming:
            self._is_armed = False

    def __exit__(self, *arguments: object) -> None:
        self.disarm()
        super().__exit__(*arguments)

    def _trace(self, frame: Any, event: str, _: object) -> Any:
        is_first = threading.current_thread() is self._threads[0]
        return self._stop if is_first and frame.f_code is self.LOOP else None

    def _stop(self, made: Any, event: str, _: object) -> Any:
        if event == "line" and made.f_lineno == self._line:
            with self._arming:
                self._left -= self._is_armed
                stops = self._is_armed and self._left == 0
                if stops:
                    self.send(1, frame(protocol.TAKE_OVER))
            if stops:
                self._taken.wait(TIMEOUT)
        return self._stop

    def all_identities(self, count: int) -> list[int]:
        """Of so many responses, over whichever socket, and what comes before a `taken` that is
        due."""
        found: list[int] = []
        while len(found) < count or (self._left == 0 and not self._taken.is_set()):
            ready, _, _ = select.select(self.sockets, [], [], TIMEOUT)
            assert ready, f"no response but those to {found}"
            for sock in ready:
                kind, identity, taken, _ = self.frame(self.sockets.index(sock))
                if kind == protocol.TAKEN:
                    self.exchanges += taken
                    self._taken.set()
                else:
                    found.append(identity)
        return found


def text(identity: int, value: str) -> bytes:
    return predict(item(3, value.encode()), identity)


class TakeOver(unittest.TestCase):
    def setUp(self) -> None:
        self.component = Component()

    def test_what_lies_behind_moves_and_the_two_go_on_with_each_other_s_sockets(self) -> None:
        component = self.component
        with Threads(component, 3) as threads:
            # The first reply is held back when the slow call begins.
            threads.send(0, text(2, "a") + text(3, "slow") + text(4, "b") + text(5, "c"))
            self.assertTrue(component.entered.wait(TIMEOUT))
            self.assertEqual(threads.take_over(1, 0), (3, 1))
            self.assertEqual(threads.identities(1, 3), [2, 4, 5])
            threads.send(0, text(6, "d"))
            self.assertEqual(threads.identities(1, 1), [6])
            # Behind the slow call, until it has ended, lies what comes over the other socket.
            threads.send(1, text(7, "e"))
            component.let_go.set()
            self.assertEqual(threads.identities(0, 2), [3, 7])
            threads.send(0, text(8, "f"))
            threads.send(1, text(9, "g"))
            self.assertEqual(threads.identities(1, 1), [8])
            self.assertEqual(threads.identities(0, 1), [9])
        self.assertEqual(threads.faults, [])
        self.assertEqual(component.seen.count("slow"), 1)

    def test_a_second_one_takes_over_from_the_first(self) -> None:
        component = self.component
        with Threads(component, 3) as threads:
            threads.send(0, text(2, "slow") + text(3, "slow") + text(4, "a"))
            self.assertTrue(component.entered.wait(TIMEOUT))
            component.entered.clear()
            self.assertEqual(threads.take_over(1, 0), (2, 1))
            self.assertTrue(component.entered.wait(TIMEOUT))
            self.assertEqual(threads.take_over(2, 0), (3, 1))
            self.assertEqual(threads.identities(2, 1), [4])
            component.let_go.set()
            self.assertEqual(threads.identities(0, 1), [2])
            self.assertEqual(threads.identities(1, 1), [3])
        self.assertEqual(threads.faults, [])

    def test_a_frame_of_which_a_part_has_come(self) -> None:
        component = self.component
        large = text(4, "b" * (BUFFER + 5))
        for cut in (0, 10, 40, 1000):
            with self.subTest(cut), Threads(component, 2) as threads:
                component.entered.clear()
                component.let_go.clear()
                threads.send(0, text(2, "slow") + text(3, "a") + large[:cut])
                self.assertTrue(component.entered.wait(TIMEOUT))
                self.assertEqual(threads.take_over(1, 0), (2, 1))
                self.assertEqual(threads.identities(1, 1), [3])
                threads.send(0, large[cut:] + text(5, "c"))
                self.assertEqual(threads.identities(1, 2), [4, 5])
                component.let_go.set()
                self.assertEqual(threads.identities(0, 1), [2])

    def test_behind_a_frame_that_is_larger_than_the_buffer(self) -> None:
        component = self.component
        with Threads(component, 2) as threads:
            threads.send(0, text(2, "slow" + "x" * BUFFER) + text(3, "a"))
            self.assertTrue(component.entered.wait(TIMEOUT))
            self.assertEqual(threads.take_over(1, 0), (2, 1))
            self.assertEqual(threads.identities(1, 1), [3])
            component.let_go.set()
            self.assertEqual(threads.identities(0, 1), [2])

    def test_a_thread_without_a_request_is_not_relieved(self) -> None:
        with Threads(self.component, 2) as threads:
            self.assertEqual(threads.take_over(1, 0), (0, 0))
            # There is none of this number.
            self.assertEqual(threads.take_over(1, 7), (0, 0))
            self.assertEqual(threads.take_over(1, 1), (0, 0))
            # One that has not read all of a large frame has not started it.
            large = text(2, "a" * (BUFFER + 5))
            threads.send(0, large[: BUFFER + 1])
            self.assertEqual(threads.take_over(1, 0), (0, 0))
            threads.send(0, large[BUFFER + 1 :])
            self.assertEqual(threads.identities(0, 1), [2])
            threads.send(1, text(3, "b"))
            self.assertEqual(threads.identities(1, 1), [3])

    def test_a_call_that_began_just_now_is_not_relieved(self) -> None:
        component = self.component
        with Threads(component, 2) as threads:
            threads.send(0, text(2, "slow") + text(3, "a"))
            self.assertTrue(component.entered.wait(TIMEOUT))
            with mock.patch.object(serve, "SLOW", 1 << 62), mock.patch.object(time, "sleep"):
                self.assertEqual(threads.take_over(1, 0), (0, 0))
            self.assertEqual(threads.take_over(1, 0), (2, 1))
            self.assertEqual(threads.identities(1, 1), [3])
            component.let_go.set()
            self.assertEqual(threads.identities(0, 1), [2])

    def test_a_thread_that_was_relieved_stays_so_when_another_one_comes_too_early(self) -> None:
        component = self.component
        with Threads(component, 3) as threads:
            threads.send(0, text(2, "slow") + text(3, "a"))
            self.assertTrue(component.entered.wait(TIMEOUT))
            self.assertEqual(threads.take_over(1, 0), (2, 1))
            self.assertEqual(threads.identities(1, 1), [3])
            # The thread in the slow call reads this socket now.
            with mock.patch.object(serve, "SLOW", 1 << 62), mock.patch.object(time, "sleep"):
                self.assertEqual(threads.take_over(2, 1), (0, 0))
            component.let_go.set()
            self.assertEqual(threads.identities(0, 1), [2])
            threads.send(1, text(4, "b"))
            self.assertEqual(threads.identities(0, 1), [4])
        self.assertEqual(component.seen.count("a"), 1)

    def test_nothing_may_lie_behind_a_take_over(self) -> None:
        threads = Threads(self.component, 2)
        threads.send(1, frame(protocol.TAKE_OVER) + text(2, "a"))
        with self.assertRaises(EOFError):
            threads.response(1)
        threads.__exit__()
        self.assertIsInstance(threads.faults[0], protocol.ProtocolError)

    @mock.patch.object(serve, "SLOW", 0)
    def test_each_request_is_run_once_wherever_the_thread_is_relieved(self) -> None:
        """At each line of the loop in turn, another thread takes over and is done with it before
        the loop goes on."""
        exchanges = 0
        for line in sorted({line for _, line in dis.findlinestarts(Stopped.LOOP) if line}):
            for hit in range(1, 5):
                with self.subTest(line=line, hit=hit), Stopped(line, hit) as threads:
                    threads.send(0, b"".join(text(number, "a") for number in range(2, 5)))
                    found = threads.all_identities(3)
                    threads.send(0, text(5, "a") + text(6, "a"))
                    found += threads.all_identities(2)
                    threads.disarm()
                    found += threads.all_identities(0)
                    # Both sockets are read.
                    threads.send(0, text(7, "b"))
                    threads.send(1, text(8, "b"))
                    found += threads.all_identities(2)
                    self.assertEqual(sorted(found), list(range(2, 9)))
                    exchanges += threads.exchanges
        self.assertGreater(exchanges, 20)

    @mock.patch.object(serve, "SLOW", 0)
    def test_each_request_is_run_once_however_often_threads_are_relieved(self) -> None:
        """Four threads take over from each other while requests of all sizes come."""
        count, number = 4, 2000
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        self.addCleanup(sys.setswitchinterval, interval)

        def make(X: str) -> str:
            if len(X) % 7 == 0:
                time.sleep(0.0005)
            return X[:3]

        calls = Calls(make)
        data = b"".join(
            text(n, "x" * (n * 37 % 1000 + (BUFFER if n % 300 == 0 else 0)))
            for n in range(2, number)
        )
        found: queue.Queue[tuple[int, int, int]] = queue.Queue()
        with Threads(calls, count) as threads:

            def collect(own: int) -> None:
                with contextlib.suppress(EOFError, OSError):
                    while True:
                        kind, identity, taken, _ = threads.frame(own)
                        found.put((kind, identity, taken))

            for own in range(count):
                threading.Thread(target=collect, args=(own,), daemon=True).start()
            sender = threading.Thread(target=threads.send, args=(0, data))
            sender.start()
            identities: list[int] = []
            exchanges = turn = 0
            waits = False
            while len(identities) < number - 2 or waits:
                if not waits and len(identities) < number - 2:
                    # As the server: the next one when there has been a response.
                    turn += 1
                    self.assertLess(turn, 100_000, "a response is missing")
                    threads.send(1 + turn % (count - 1), frame(protocol.TAKE_OVER))
                    waits = True
                kind, identity, taken = found.get(timeout=TIMEOUT)
                if kind == protocol.TAKEN:
                    exchanges += taken
                    waits = False
                else:
                    identities.append(identity)
            sender.join()
        self.assertEqual(threads.faults, [])
        self.assertEqual(sorted(identities), list(range(2, number)))
        self.assertEqual(calls.count, number - 2 + count)
        self.assertGreater(exchanges, 0)


class Buffer(unittest.TestCase):
    def test_a_header_that_is_cut_at_the_end_of_the_buffer(self) -> None:
        for cut in (1, 10, FRAME.size - 1):
            with self.subTest(cut), Threads(Component(), 1) as threads:
                overhead = len(predict(item(3), 0))
                first = text(2, "a" * (BUFFER - cut - overhead))
                self.assertEqual(len(first), BUFFER - cut)
                threads.send(0, first + text(3, "b"))
                self.assertEqual(threads.identities(0, 2), [2, 3])
                self.assertEqual(threads.faults, [])


if __name__ == "__main__":
    unittest.main()
