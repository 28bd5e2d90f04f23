"""Arrays as the `data` of a message, in JSON and in protobuf, and back."""

from __future__ import annotations

from typing import Any

from . import imports_helper
from ._lazy import needs


def numpy() -> Any:
    """NumPy, or an error that says who needs it."""
    try:
        import numpy as np
    except ImportError as error:
        raise needs("an array", "numpy", error) from None
    return np


def from_datadef(datadef: Any) -> Any:
    """The array of a `DefaultData`; an empty one where it has none."""
    np = numpy()
    kind = datadef.WhichOneof("data_oneof")
    if kind == "tensor":
        return np.array(datadef.tensor.values).reshape(datadef.tensor.shape)
    if kind == "ndarray":
        return np.array(_plain(datadef.ndarray))
    if kind == "tftensor":
        return imports_helper.tensorflow().make_ndarray(datadef.tftensor)
    return np.array([])


def from_json(datadef: dict[str, Any]) -> Any:
    """The array of a `data` object; an empty one where it has none."""
    np = numpy()
    if "tensor" in datadef:
        tensor = datadef["tensor"]
        return np.array(tensor["values"]).reshape(tensor["shape"])
    if "ndarray" in datadef:
        return np.array(datadef["ndarray"])
    if "tftensor" in datadef:
        from google.protobuf.json_format import ParseDict

        tf = imports_helper.tensorflow()
        proto = ParseDict(datadef["tftensor"], _tensor_proto(), ignore_unknown_fields=False)
        return tf.make_ndarray(proto)
    return np.array([])


def to_datadef(kind: str, array: Any, names: Any) -> Any:
    """A `DefaultData` of this kind; any other kind than the three is an `ndarray`."""
    from .proto import prediction_pb2

    if kind == "tensor":
        values = array.ravel().tolist()
        tensor = prediction_pb2.Tensor(shape=array.shape, values=values)
        return prediction_pb2.DefaultData(names=names, tensor=tensor)
    if kind == "tftensor":
        proto = imports_helper.tensorflow().make_tensor_proto(array)
        return prediction_pb2.DefaultData(names=names, tftensor=proto)
    return prediction_pb2.DefaultData(names=names, ndarray=to_list_value(array))


def to_json(kind: str, array: Any, names: Any) -> dict[str, Any]:
    """A `data` object of this kind; any other kind than the three is an `ndarray`."""
    datadef: dict[str, Any] = {"names": names}
    if kind == "tensor":
        datadef["tensor"] = {"shape": array.shape, "values": array.ravel().tolist()}
    elif kind == "tftensor":
        datadef["tftensor"] = to_tftensor_json(array)
    else:
        datadef["ndarray"] = array.tolist()
    return datadef


def to_tftensor_json(array: Any) -> dict[str, Any]:
    """A `TensorProto` in protobuf's JSON."""
    from google.protobuf.json_format import MessageToDict

    tensor = imports_helper.tensorflow().make_tensor_proto(array)
    message: dict[str, Any] = MessageToDict(tensor)
    return message


def to_list_value(array: Any, lv: Any = None) -> Any:
    """A `google.protobuf.ListValue` of the array's rows."""
    from google.protobuf.struct_pb2 import ListValue

    found = ListValue() if lv is None else lv
    if array.ndim == 0:
        raise TypeError("an array of no dimensions cannot be a list")
    if array.ndim == 1:
        found.extend(array.tolist())
    else:
        for row in array:
            to_list_value(row, found.add_list())
    return found


def _tensor_proto() -> Any:
    from .proto.tensorflow.core.framework.tensor_pb2 import TensorProto

    return TensorProto()


def _plain(listed: Any) -> Any:
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(listed)
