"""Methods that are coroutine functions, and others that return what is to be awaited."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import streeling
from seldon_core.user_model import SeldonNotImplementedError, SeldonResponse
from streeling_worker import event_loop
from streeling_worker.current import threads, visible
from streeling_worker.methods import Methods
from streeling_worker.payload import Codec
from streeling_worker.serve import Readers, serve

from tests.support import (
    FRAME,
    TEXT,
    TIMEOUT,
    Calls,
    Response,
    Server,
    call,
    frame,
    item,
    original,
    receive,
)


async def soon() -> None:
    """What really has to wait."""
    await asyncio.sleep(0.001)


class Everything:
    """All that can be a coroutine function."""

    async def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        await soon()
        return [[1.5, 2.5]]

    async def transform_input(self, X: Any, names: Any) -> Any:
        await soon()
        return {"in": X, "names": names}

    async def transform_output(self, X: Any, names: Any) -> Any:
        await soon()
        return X + "!"

    async def route(self, X: Any, names: Any) -> int:
        await soon()
        return 3

    async def aggregate(self, X: Any, names: Any) -> Any:
        await soon()
        return {"all": X}

    async def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        await soon()
        return {"reward": reward, "routing": routing}

    async def health_status(self) -> str:
        await soon()
        return "fine"

    async def tags(self) -> dict[str, Any]:
        await soon()
        return {"a": 1}

    async def metrics(self) -> list[dict[str, Any]]:
        await soon()
        return [{"type": "COUNTER", "key": "k", "value": 1}]

    async def class_names(self) -> list[str]:
        await soon()
        return ["x", "y"]


class Methodical(unittest.TestCase):
    def test_every_method_is_awaited(self) -> None:
        with Server(Everything()) as server:
            response = server.call(TEXT)
            self.assertEqual(response.floats, (1.5, 2.5))
            self.assertEqual(response.names, ["x", "y"])
            metrics = [{"type": "COUNTER", "key": "k", "value": 1}]
            self.assertEqual(response.meta, {"tags": {"a": 1}, "metrics": metrics})
            self.assertEqual(server.call(TEXT, 2).json, {"in": "x", "names": []})
            self.assertEqual(server.call(TEXT, 3).body, b"x!")
            self.assertEqual(server.call(TEXT, 4).body, (3).to_bytes(8, "little"))
            self.assertEqual(server.call(TEXT * 2, 5, 2).json, {"all": ["x", "x"]})
            feedback = item(0) + item(0) + item(5, b'{"reward":0.5,"routing":4}')
            self.assertEqual(server.call(feedback, 6, 3).json, {"reward": 0.5, "routing": 4})
            self.assertEqual(server.call(b"", 7, 0).body, b"fine")
            # For a caller of tensors.
            self.assertEqual(server.call(TEXT, 0x81).floats, (1.5, 2.5))

    def test_raw_methods_are_awaited(self) -> None:
        class Raw:
            async def predict_raw(self, message: Any) -> Any:
                await soon()
                if "decline" in message:
                    raise SeldonNotImplementedError("no")
                return {"got": message}

            async def health_status_raw(self) -> Any:
                await soon()
                return {"strData": "raw"}

        with Server(Raw()) as server:
            self.assertEqual(server.call(item(6, b'{"a":1}')).json, {"got": {"a": 1}})
            declined = server.call(item(6, b'{"decline":1}'))
            self.assertEqual(declined.error["kind"], "not_implemented")
            self.assertEqual(server.call(item(6, b"{}"), 7).json, {"strData": "raw"})

    def test_passthrough_is_awaited(self) -> None:
        class Bytes:
            async def predict(self, X: Any, names: Any) -> bytes:
                await soon()
                return bytes(reversed(X))

        self.assertEqual(call(Bytes(), item(8, b"abc")).body, b"cba")

    def test_what_a_plain_function_returns_is_awaited(self) -> None:
        class Waits:
            def __await__(self) -> Any:
                yield from soon().__await__()
                return "waited"

        async def later(X: Any) -> str:
            await soon()
            return str(X) * 2

        async def response(X: Any) -> Any:
            return SeldonResponse(X, tags={"t": 1})

        self.assertEqual(call(Calls(later)).body, b"xx")
        self.assertEqual(call(Calls(lambda _: Waits())).body, b"waited")
        wrapped = call(Calls(response))
        self.assertEqual((wrapped.body, wrapped.meta), (b"x", {"tags": {"t": 1}}))

    def test_meta_is_passed_where_it_is_taken(self) -> None:
        class Takes:
            async def predict(self, X: Any, names: Any, **kwargs: Any) -> Any:
                return kwargs

        body = item(3, b"x", meta=b'{"puid":"p"}')
        self.assertEqual(call(Takes(), body).json, {"meta": {"puid": "p"}})

    def test_plain_methods_start_no_loop(self) -> None:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from tests.support import TEXT, Calls, call\n"
            "assert call(Calls(lambda X: X)).body == b'x'\n"
            "print('asyncio' in sys.modules)\n"
        )
        root = str(Path(__file__).resolve().parents[1])
        command = [sys.executable, "-S", "-c", code, root]
        found = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT)
        # The module of unit tests brings it along in some versions.
        loaded = subprocess.run(
            [sys.executable, "-S", "-c", "import unittest, sys; print('asyncio' in sys.modules)"],
            stdout=subprocess.PIPE,
            check=True,
            timeout=TIMEOUT,
        )
        self.assertEqual(found.stdout, loaded.stdout)


class Failing(unittest.TestCase):
    def test_exceptions_are_those_of_plain_methods(self) -> None:
        async def fail(_: Any) -> Any:
            await soon()
            raise ValueError("on request")

        error = call(Calls(fail)).error
        self.assertEqual((error["kind"], error["info"]), ("component", "on request"))
        lines = error["traceback"].splitlines()
        self.assertIn("test_event_loop.py", lines[1])
        self.assertEqual(lines[-1], "ValueError: on request")
        self.assertNotIn("streeling_worker", error["traceback"])

    def test_what_ends_a_program_ends_the_call_alone(self) -> None:
        async def leave(X: Any) -> Any:
            await soon()
            if X == "x":
                sys.exit(3)
            return "stays"

        with Server(Calls(leave)) as server:
            self.assertEqual(server.call(TEXT).error["info"], "SystemExit: 3")
            self.assertEqual(server.call(item(3, b"y")).body, b"stays")

    def test_the_loop_goes_on_when_a_task_would_end_it(self) -> None:
        async def leave() -> None:
            sys.exit(3)

        async def predict(X: Any) -> Any:
            if X == "x":
                task = asyncio.ensure_future(leave())
                await asyncio.wait([task])
                # Or it is logged that nothing has looked at it.
                task.exception()
            return "stays"

        with Server(Calls(predict)) as server, self.assertLogs("streeling") as log:
            self.assertEqual(server.call(TEXT).body, b"stays")
            self.assertEqual(server.call(item(3, b"y")).body, b"stays")
        self.assertIn("SystemExit(3)", log.output[0])

    def test_a_cancellation_of_the_components_own_is_an_error(self) -> None:
        async def cancel(_: Any) -> Any:
            raise asyncio.CancelledError

        error = call(Calls(cancel)).error
        self.assertEqual((error["kind"], error["info"]), ("component", "CancelledError"))

    def test_declining_is_as_absent(self) -> None:
        async def decline(_: Any) -> Any:
            raise SeldonNotImplementedError("no")

        self.assertEqual(call(Calls(decline)).shape, (0,))

        class Half(Calls):
            async def tags(self) -> Any:
                raise SeldonNotImplementedError("no")

        self.assertIsNone(call(Half(lambda _: {"a": 1})).meta)

    def test_generators_are_no_result(self) -> None:
        async def generate(_: Any) -> Any:
            yield 1

        self.assertIn("async_generator", call(Calls(generate)).error["info"])


class Waiting:
    """Has to be let go on, or cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.entered = threading.Event()
        self.go_on = False

    async def predict(self, X: Any, names: Any) -> Any:
        self.entered.set()
        try:
            while not self.go_on:
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled.set()
            if X == "y":
                return "in spite of it"
            raise
        return "waited"


class Cancelled(unittest.TestCase):
    def test_a_deadline_that_passes_cancels(self) -> None:
        component = Waiting()
        with Server(component) as server:
            before = time.monotonic_ns()
            deadline = before + 50_000_000
            server.send(frame(6, TEXT, 1, 1, identity=4, deadline=deadline))
            response = server.response()
            self.assertEqual((response.identity, response.error["kind"]), (4, "deadline"))
            self.assertGreaterEqual(time.monotonic_ns(), deadline)
            self.assertIsNone(response.error["traceback"])
            self.assertGreater(response.entered, before - 1)
            self.assertTrue(component.cancelled.wait(TIMEOUT))
            # Its result counts where it does not go by that.
            deadline = time.monotonic_ns() + 20_000_000
            server.send(frame(6, item(3, b"y"), 1, 1, identity=5, deadline=deadline))
            self.assertEqual(server.response().body, b"in spite of it")
            component.go_on = True
            deadline = time.monotonic_ns() + TIMEOUT * 10**9
            server.send(frame(6, TEXT, 1, 1, identity=6, deadline=deadline))
            self.assertEqual(server.response().body, b"waited")

    def test_a_caller_that_leaves_cancels(self) -> None:
        component = Waiting()
        with Server(component) as server:
            server.send(frame(6, TEXT, 1, 1, identity=7))
            self.assertTrue(component.entered.wait(TIMEOUT))
            # Another request has another id.
            event_loop.cancel(8)
            event_loop.cancel(7)
            self.assertEqual(server.response().error["kind"], "deadline")
            component.go_on = True
            server.send(frame(6, TEXT, 1, 1, identity=7))
            self.assertEqual(server.response().body, b"waited")
        self.assertEqual(event_loop._calls, {})

    def test_large_requests_are_cancelled_too(self) -> None:
        component = Waiting()
        with Server(component) as server:
            server.send(frame(6, item(3, b"z" * 1_000_000), 1, 1, identity=9))
            self.assertTrue(component.entered.wait(TIMEOUT))
            event_loop.cancel(9)
            self.assertEqual(server.response().error["kind"], "deadline")

    def test_no_error_handler_sees_it(self) -> None:
        seen: list[str] = []

        class Handles(Waiting):
            async def predict(self, X: Any, names: Any) -> Any:
                try:
                    return await super().predict(X, names)
                except Exception as error:
                    seen.append(repr(error))
                    raise

        with Server(Handles()) as server:
            deadline = time.monotonic_ns() + 20_000_000
            server.send(frame(6, TEXT, 1, 1, deadline=deadline))
            self.assertEqual(server.response().error["kind"], "deadline")
        self.assertEqual(seen, [])


class Threads:
    """A component that is served by several threads."""

    def __init__(self, component: object, count: int) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        self.sockets = [ours for ours, _ in pairs]
        self._theirs = [theirs for _, theirs in pairs]
        readers = Readers(self._theirs)
        methods = Methods(component, Codec())
        self._threads = [
            threading.Thread(target=serve, args=(sock, methods, readers), daemon=True)
            for sock in self._theirs
        ]
        for thread in self._threads:
            thread.start()

    def responses(self) -> Iterator[Response]:
        for sock in self.sockets:
            sock.settimeout(TIMEOUT)
            head = FRAME.unpack(receive(sock, FRAME.size))
            yield Response(head, receive(sock, head[0]))

    def close(self) -> None:
        for sock in self.sockets:
            sock.shutdown(socket.SHUT_WR)
        for thread in self._threads:
            thread.join(TIMEOUT)
        for sock in (*self.sockets, *self._theirs):
            sock.close()


class Concurrent(unittest.TestCase):
    def served(self, component: object, count: int) -> Threads:
        served = Threads(component, count)
        self.addCleanup(served.close)
        return served

    def test_requests_of_several_threads_are_under_way_at_once(self) -> None:
        count = 8

        class Meets:
            def __init__(self) -> None:
                self.there = 0
                self.loops: set[int] = set()

            async def predict(self, X: Any, names: Any) -> Any:
                self.there += 1
                self.loops.add(id(asyncio.get_event_loop()))
                while self.there < count:
                    await asyncio.sleep(0.001)
                return [len(self.loops)]

        served = self.served(Meets(), count)
        for n, sock in enumerate(served.sockets):
            sock.sendall(frame(6, TEXT, 1, 1, identity=n))
        bodies = [response.body for response in served.responses()]
        # Since all are on one loop, what one has opened others can use.
        self.assertEqual(bodies, [(1).to_bytes(8, "little")] * count)

    def test_each_task_has_the_request_of_its_own(self) -> None:
        count = 4
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")

        class Looks:
            def __init__(self) -> None:
                self.there = 0
                self.later: list[str] = []
                self.ended: list[Any] = []

            async def predict(self, X: Any, names: Any) -> Any:
                before = variable.get()
                variable.set(X)
                self.there += 1
                while self.there < count:
                    await asyncio.sleep(0.001)
                looked = [visible().request_id(), streeling.request_headers()["x-name"]]
                loop = asyncio.get_event_loop()
                context = contextvars.copy_context()
                # As `asyncio.to_thread` does it, which Python 3.8 does not have.
                thread = await loop.run_in_executor(
                    None, lambda: context.run(lambda: visible().request_id())
                )
                self.ended.append(asyncio.ensure_future(self.goes_on()))
                return [before, variable.get(), *looked, thread]

            async def goes_on(self) -> None:
                await asyncio.sleep(0.02)
                self.later.append(f"{visible().request_id()}|{threads.current.request_id()}")

        looks = Looks()
        served = self.served(looks, count)
        for n, sock in enumerate(served.sockets):
            name = f"n{n}"
            head = original(headers=[("x-name", name)])
            body = item(3, name.encode()) + head
            sock.sendall(frame(6, body, 1, 2, context=f"id-{n}".encode()))
        for n, response in enumerate(served.responses()):
            expected = ["none", f"n{n}", f"id-{n}", f"n{n}", f"id-{n}"]
            self.assertEqual(response.json, expected)
        until = time.monotonic() + TIMEOUT
        while len(looks.later) < count and time.monotonic() < until:
            time.sleep(0.001)
        self.assertEqual(looks.later, ["|"] * count, "their requests have ended")


if __name__ == "__main__":
    unittest.main()
