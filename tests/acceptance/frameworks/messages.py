"""Our protobuf messages beside TensorFlow's, whichever of the two is imported first.

Arguments: the folder of our `seldon_core`, and the module that is imported first.
"""

from __future__ import annotations

import importlib
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(folder: str, first: str) -> None:
    """Imports both in this order, and converts arrays there and back."""
    sys.path.insert(0, folder)
    importlib.import_module(first)
    import tensorflow as tf
    from seldon_core import utils
    from seldon_core.proto import prediction_pb2
    from seldon_core.proto.tensorflow.core.framework import tensor_pb2
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    assert tensor_pb2.TensorProto is TensorProto
    for array in (np.eye(3), np.arange(6, dtype="int32").reshape(2, 3), np.array([b"a", b"bc"])):
        datadef = utils.array_to_grpc_datadef("tftensor", array, ["a"])
        assert isinstance(datadef.tftensor, TensorProto), type(datadef.tftensor)
        again = prediction_pb2.DefaultData.FromString(datadef.SerializeToString())
        assert (utils.grpc_datadef_to_array(again) == array).all()
        assert (tf.make_ndarray(again.tftensor) == array).all()
        request = {"data": utils.array_to_rest_datadef("tftensor", array)}
        assert (utils.extract_request_parts_json(request)[0] == array).all()
    print(f"{first} first: TensorFlow {tf.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
