"""Classes of every shape: which methods they have, with which signature, and what they return."""

from __future__ import annotations

import random
from typing import Sequence, TypeVar

T = TypeVar("T")

HEADER = "from shared import *\n\n\n"

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", ">f8", "<U3", "S2", "object", "complex128"),
)
SHAPES = ((), (3,), (1,), (2, 2), (1, 3), (3, 1), (2, 1, 2), (0,), (0, 2), (2, 0))

LISTS = (
    *("[1, 2]", "[1, 2.0]", "[1.5, 2]", "[[1, 2], [3, 4.5]]", "['a', 'b']", "[1, 'a']"),
    *("[True, False]", "[True, 1]", "[None]", "[1, None]", "[{'a': 1}]", "[[], []]", "[]"),
    *("[[1], [2, 3]]", "[np.float64(1.5), np.int64(2)]", "[np.float32(0.1)]", "[b'x']"),
    *("[float('nan'), 1.0]", "[float('inf')]", "[2**53 + 1]", "[2**70]", "[(1, 2)]", "[0.1]"),
    *("[[0.1, 0.9]]", "[['a', 1, 2.5, None, True]]", "[np.array([1, 2])]", "[['\\ud83d']]"),
    *("[[1, 2], [3, 4]]", "[-0.0, 1e300]", "[['x']]", "[[[1]]]", "[np.bool_(True)]"),
)
TEXTS = ("'text'", "''", "'é\\u2028😀 <&>\"'", "'\\ud83d'", "b'bytes\\x00\\xff'", "b''", "'1'")
DICTS = (
    *("{'a': 1}", "{}", "{'a': [1, 2.5, None, True, {'b': 'c'}]}", "{'a': float('nan')}"),
    *("{'data': {'ndarray': [[1]]}}", "{'strData': 'x'}", "{'status': {'code': 400}}"),
    *("{'a': np.float32(0.5)}", "{'a': np.array([1, 2])}", "{'a': np.int64(3)}", "{1: 2}"),
    *("{'a': (1, 2)}", "{'é': 2**70}", "{'a': b'x'}", "{'a': '\\ud83d'}", "{'meta': {}}"),
)
ODD = (
    *("None", "1", "1.5", "True", "(1, 2)", "{1}", "np.float64(2.5)", "np.int64(7)"),
    *("np.str_('s')", "np.bool_(True)", "bytearray(b'x')", "object", "range(2)"),
    *("np.ma.masked_array([[1, 2]], mask=[[True, False]])", "np.matrix([[1, 2]])"),
    *("np.array([{'a': 1}, None], dtype=object)", "np.array(['2020-01-02'], 'datetime64[D]')"),
    "(item for item in (1, 2))",
)
FAILURES = (
    *("ValueError('bad value')", "KeyError('k')", "RuntimeError()", "RuntimeError('one', 2)"),
    *("TypeError('wrong type')", "NotImplementedError('later')", "ZeroDivisionError('é😀')"),
    *("AttributeError('no such')", "SeldonNotImplementedError('not here')", "Teapot('tea')"),
    *("SeldonMicroserviceException('plain')", "AssertionError()", "StopIteration(1)"),
    "Polite('no')",
    "SeldonMicroserviceException('refused', status_code=403, reason='FORBIDDEN')",
    "SeldonMicroserviceException('later', status_code=429, payload={'after': 3})",
)
TAGS = ("{'a': 1}", "{}", "{'t': [1, None, 'x']}", "{'f': 2.5, 'b': True, 'n': None}", "{'o': {}}")
METRICS = (
    *("[]", "[{'type': 'COUNTER', 'key': 'c', 'value': 1}]"),
    "[{'type': 'GAUGE', 'key': 'g', 'value': 2.5, 'tags': {'k': 'v'}}]",
    "[{'type': 'TIMER', 'key': 't', 'value': 12}, {'type': 'COUNTER', 'key': 'c', 'value': 2}]",
    "[{'type': 'GAUGE', 'key': 'g', 'value': True}]",
    "[{'type': 'GAUGE', 'key': 'g', 'value': 1, 'unit': 's'}]",
)
BAD_METRICS = ("[{'type': 'ODD', 'key': 'o', 'value': 1}]", "[{'key': 'k'}]", "{'type': 'GAUGE'}")
NAMES = (
    *("['a', 'b']", "['a']", "[]", "('a', 'b')", "np.array(['a', 'b'])", "[1, 2]", "['x', 2.5]"),
    *("None", "'ab'", "['a', 'b', 'c']"),
)

# The signature of a method that is given data, and what its body calls X, names and meta.
SIGNATURES = (
    ("self, X, names, meta=None", "X", "names", "meta"),
    ("self, X, names", "X", "names", "None"),
    ("self, X, features_names=None, meta=None", "X", "features_names", "meta"),
    ("self, X, names=None, **kwargs", "X", "names", "kwargs"),
    ("self, X, names, meta", "X", "names", "meta"),
    ("self, X, names, *, meta=None", "X", "names", "meta"),
    ("self, *args, **kwargs", "args[0]", "args[1:]", "kwargs"),
    ("self, X, *rest", "X", "rest", "None"),
    ("self, X, meta", "X", "None", "meta"),
    ("self, X, meta=None, names=None", "X", "names", "meta"),
    ("self, X, feature_names, batch=1, meta=None", "X", "feature_names", "meta"),
    ("self, X", "X", "None", "None"),
    ("self, X: np.ndarray, names: list, meta: dict = None", "X", "names", "meta"),
)
FEEDBACKS = (
    "self, X, names, reward, truth, routing=None",
    "self, X, names, reward, truth, routing",
    "self, X, names, reward, truth",
    "self, X, names, reward, truth, **kwargs",
    "self, features, feature_names, reward, truth, routing=None",
    "self, X, names, reward, truth, routing=None, meta=None",
)
DECORATORS = ("", "", "", "", "", "", "", "@wrapped", "@hidden", "@positional")


class Shape:
    """Writes one class, whose random choices ``chance`` makes."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.chance = chance
        self.lines: list[str] = []

    def source(self) -> str:
        """Write the whole module."""
        base = self.chance.choice(("", "", "(SeldonComponent)"))
        self.lines = [f"class {self.name}{base}:"]
        for method, share in (
            *(("predict", 0.9), ("transform_input", 0.6), ("transform_output", 0.5)),
            *(("route", 0.5), ("aggregate", 0.55), ("send_feedback", 0.6)),
        ):
            if self.chance.random() < share:
                self.plain(method)
            if self.chance.random() < 0.08:
                ending = self.chance.choice(("_raw", "_raw", "_rest", "_grpc"))
                self.raw(method + ending)
        self.extras()
        if len(self.lines) == 1:
            self.lines.append("    pass")
        return HEADER + "\n".join(self.lines) + "\n"

    def method(self, head: str, body: list[str], decorator: str = "") -> None:
        if decorator:
            self.lines.append("    " + decorator)
        self.lines.append(f"    def {head}:")
        self.lines.extend("        " + line for line in body)
        self.lines.append("")

    def one(self, choices: Sequence[T]) -> T:
        return self.chance.choice(choices)

    def plain(self, method: str) -> None:
        """Write a method that is given data."""
        decorator = self.one(DECORATORS)
        if method == "send_feedback":
            signature = self.one(FEEDBACKS)
            X, names = (
                ("features", "feature_names") if "feature_names" in signature else ("X", "names")
            )
            extra = [word for word in ("routing", "kwargs", "meta") if word in signature]
            seen = {word: word for word in (X, names, "reward", "truth", *extra)}
        else:
            usual = self.chance.random() < 0.6
            signature, X, names, meta = self.one(SIGNATURES[:4] if usual else SIGNATURES)
            seen = {"X": X, "names": names, "meta": meta}
        described = ", ".join(f"{key!r}: describe({word})" for key, word in seen.items())
        choices = [f"{{{described}}}"]
        choices += [self.value(method, X) for _ in range(self.one((0, 1, 2, 4)))]
        if self.chance.random() < 0.1:
            choices.append(f"fail({self.one(FAILURES)})")
        body = [f"choices = [{', '.join(f'lambda: {choice}' for choice in choices)}]"]
        if method == "route":
            choices = [self.one(("0", "1", "-1", "-2", "np.int64(1)", "True", "'1'", "[1]", "1.0"))]
            if self.chance.random() < 0.6:
                choices.append("len(names)" if names == "names" else "2")
            if self.chance.random() < 0.1:
                choices.append("SeldonResponse(1, tags={'routed': True})")
            body = [f"choices = [{', '.join(f'lambda: {choice}' for choice in choices)}]"]
        body.append(f"return pick({X}, choices)")
        kind = self.chance.random()
        if kind < 0.04 and "args" not in signature:
            self.method(f"{method}({signature.partition(', ')[2]})", body, "@staticmethod")
        elif kind < 0.08:
            head = f"{method}({signature.replace('self', 'cls', 1)})"
            self.method(head, body, "@classmethod")
        elif kind < 0.1:
            self.method(f"_{method}({signature.replace('self', 'self, fixed', 1)})", body)
            self.lines.append(f"    {method} = functools.partialmethod(_{method}, 1)\n")
        else:
            self.method(f"{method}({signature})", body, decorator)

    def value(self, method: str, X: str) -> str:
        """Write an expression of what a method may return."""
        kind = self.chance.random()
        if kind < 0.3:
            return self.array()
        if kind < 0.45:
            return str(self.one(LISTS))
        if kind < 0.52:
            return str(self.one(TEXTS))
        if kind < 0.62:
            return str(self.one(DICTS))
        if kind < 0.7:
            return str(self.one(ODD))
        if kind < 0.82:
            inner = self.one((self.array(), self.one(LISTS), self.one(TEXTS), self.one(DICTS), X))
            metrics = self.one((*METRICS, *METRICS, *METRICS, *BAD_METRICS))
            given = self.one(
                (
                    *(f"data={inner}", f"data={inner}, tags={self.one(TAGS)}", inner),
                    *(f"data={inner}, metrics={metrics}",),
                    f"data={inner}, tags={self.one(TAGS)}, metrics={metrics}",
                )
            )
            return f"SeldonResponse({given})"
        if method == "aggregate":
            return self.one((f"{X}[0]", f"np.mean({X}, axis=0)", f"list({X})", f"len({X})"))
        return self.one((X, X, X, f"{X} * 2", f"{X}.tolist()", f"list({X})", f"np.asarray({X})"))

    def array(self) -> str:
        """Write an array of any dtype and shape."""
        shape, dtype = self.one(SHAPES), self.one(DTYPES)
        size = 1
        for length in shape:
            size *= length
        made = f"np.arange({size}).reshape({shape})"
        if dtype.startswith("float") and self.chance.random() < 0.5:
            made = f"({made} + 0.1)"
        return f"{made}.astype({dtype!r})"

    def raw(self, method: str) -> None:
        """Write a method that is given the whole message."""
        choices = ["{'jsonData': describe(msg)}"]
        dicts = (
            *("{'strData': 'raw'}", "{'data': {'ndarray': [[1, 2.5]]}}", "{'anything': [1]}"),
            *("{'data': {'names': ['a'], 'tensor': {'shape': [1, 1], 'values': [1]}}}", "msg"),
            "{'status': {'code': 409, 'status': 'FAILURE', 'info': 'conflict'}}",
            "{'strData': 'x', 'meta': {'metrics': [{'type': 'COUNTER', 'key': 'r', 'value': 1}]}}",
            *("{'meta': {'tags': {'a': 1}}, 'jsonData': {'b': 2}}", "[1, 2]", "'text'", "{}"),
        )
        choices += [self.one(dicts) for _ in range(self.one((0, 1, 2)))]
        if self.chance.random() < 0.3:
            choices.append("fail(SeldonNotImplementedError('not raw'))")
        body = [f"return pick(msg, [{', '.join(f'lambda: {choice}' for choice in choices)}])"]
        self.method(f"{method}(self, msg)", body)

    def extras(self) -> None:
        """Write what goes beside the data: names, tags, metrics, health, metadata."""
        chance = self.chance.random
        if chance() < 0.35:
            self.method("tags(self)", [f"return {self.one(TAGS)}"])
        if chance() < 0.35:
            metrics = METRICS if chance() < 0.85 else BAD_METRICS
            self.method("metrics(self)", [f"return {self.one(metrics)}"])
        kind = chance()
        if kind < 0.3:
            self.method("class_names(self)", [f"return {self.one(NAMES)}"])
        elif kind < 0.45:
            self.lines.append(f"    class_names = {self.one(NAMES)}\n")
        elif kind < 0.5:
            self.method("class_names(self)", [f"return {self.one(NAMES)}"], "@property")
        if chance() < 0.2:
            self.method("feature_names(self)", [f"return {self.one(NAMES)}"])
        if chance() < 0.25:
            value = self.one((self.one(TEXTS), self.one(LISTS), self.one(DICTS), self.array()))
            self.method("health_status(self)", [f"return {value}"])
        if chance() < 0.15:
            self.method(
                "init_metadata(self)",
                ["return {'name': 'm', 'versions': ['v1'], 'platform': 'seldon'}"],
            )


def environment(chance: random.Random) -> dict[str, str]:
    """Choose variables that change what a response holds."""
    env = {}
    if chance.random() < 0.2:
        env["PREDICTIVE_UNIT_ID"] = "unit"
    if chance.random() < 0.15:
        env["PREDICTIVE_UNIT_IMAGE"] = "image:1"
    if chance.random() < 0.1:
        env["INCLUDE_METRICS_IN_CLIENT_RESPONSE"] = "false"
    return env
