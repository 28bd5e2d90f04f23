"""Graphs that no library exports like this: one for each thing that a file may say."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto, TensorProto, helper

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64

DTYPES = {
    "float": FLOAT,
    "double": TensorProto.DOUBLE,
    "int64": INT64,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
}


def _model(name: str, nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> ModelProto:
    graph = helper.make_graph(nodes, name, inputs, outputs)
    return helper.make_model(graph, producer_name="graphs.py", opset_imports=OPSETS, ir_version=8)


def _value(name: str, dtype: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, dtype, shape)


def identity(name: str, dtype: int) -> ModelProto:
    """Gives back what it gets."""
    node = helper.make_node("Identity", ["X"], ["Y"])
    return _model(name, [node], [_value("X", dtype, "N", 2)], [_value("Y", dtype, "N", 2)])


def two_inputs() -> ModelProto:
    """Columns of two inputs, the second of integers, side by side."""
    nodes = [
        helper.make_node("Cast", ["count"], ["floats"], to=FLOAT),
        helper.make_node("Concat", ["lengths", "floats"], ["Y"], axis=1),
    ]
    inputs = [_value("lengths", FLOAT, None, 2), _value("count", INT64, None, 1)]
    return _model("two_inputs", nodes, inputs, [_value("Y", FLOAT, None, 3)])


def three_dimensions() -> ModelProto:
    """The mean of each row's matrix, whose second side is free."""
    nodes = [helper.make_node("ReduceMean", ["X"], ["Y"], axes=[1], keepdims=0)]
    inputs = [_value("X", FLOAT, "N", "M", 2)]
    return _model("three_dimensions", nodes, inputs, [_value("Y", FLOAT, "N", 2)])


def two_rows() -> ModelProto:
    """Takes two rows at a time, and gives back each with the mean of both taken off."""
    nodes = [
        helper.make_node("ReduceMean", ["X"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["X", "mean"], ["Y"]),
    ]
    return _model("two_rows", nodes, [_value("X", FLOAT, 2, 2)], [_value("Y", FLOAT, 2, 2)])


def mixes_rows() -> ModelProto:
    """One number for all rows together, which is no prediction for each."""
    nodes = [helper.make_node("ReduceSum", ["X"], ["Y"], keepdims=1)]
    return _model("mixes_rows", nodes, [_value("X", FLOAT, "N", 2)], [_value("Y", FLOAT, 1, 1)])


def unknown_operator() -> ModelProto:
    """Has an operator that only a library of its maker's knows."""
    nodes = [helper.make_node("Frobnicate", ["X"], ["Y"], domain="com.example")]
    inputs, outputs = [_value("X", FLOAT, "N", 2)], [_value("Y", FLOAT, "N", 2)]
    return _model("unknown_operator", nodes, inputs, outputs)


def text() -> ModelProto:
    """Takes text."""
    return identity("text", TensorProto.STRING)


def label() -> ModelProto:
    """A classifier that gives its labels alone: text."""
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_strings=["no", "yes"],
        coefficients=[-1.0, 0.0, 1.0, 0.0],
        intercepts=[0.0, 0.0],
        post_transform="SOFTMAX",
    )
    outputs = [_value("label", TensorProto.STRING, "N"), _value("scores", FLOAT, "N", 2)]
    return _model("label", [node], [_value("X", FLOAT, "N", 2)], outputs)


def all_graphs() -> dict[str, ModelProto]:
    """All of them, by name."""
    makers = [two_inputs, three_dimensions, two_rows, mixes_rows, unknown_operator, text, label]
    graphs = {maker.__name__: maker() for maker in makers}
    graphs.update((f"identity_{name}", identity(name, dtype)) for name, dtype in DTYPES.items())
    return graphs
