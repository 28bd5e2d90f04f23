"""A small network in ONNX, run by ONNX Runtime with its own threads, made in each worker."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnxruntime

FEATURES = 4
HIDDEN = 16
OUTPUTS = 3


class Onnx:
    def load(self) -> None:
        self._session = onnxruntime.InferenceSession("model.onnx")

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._session.run(["probabilities"], {"rows": X.astype(np.float32)})[0]


def train() -> None:
    from onnx import TensorProto, checker, helper, numpy_helper, save

    random = np.random.default_rng(0)
    weights = {
        "w1": random.normal(size=(FEATURES, HIDDEN)),
        "b1": random.normal(size=HIDDEN),
        "w2": random.normal(size=(HIDDEN, OUTPUTS)),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["rows", "w1"], ["product"]),
            helper.make_node("Add", ["product", "b1"], ["sum"]),
            helper.make_node("Relu", ["sum"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "w2"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        ],
        "network",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", OUTPUTS])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights.items()],
    )
    # The runtime may be older than the package that writes the file.
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    checker.check_model(model)
    save(model, "model.onnx")
    rows = random.random((8, FEATURES)).astype(np.float32)
    session = onnxruntime.InferenceSession("model.onnx")
    responses = session.run(["probabilities"], {"rows": rows})[0]
    said = {"rows": rows.tolist(), "responses": responses.tolist()}
    print(json.dumps({**said, "version": f"ONNX Runtime {onnxruntime.__version__}"}))


if __name__ == "__main__":
    train()
