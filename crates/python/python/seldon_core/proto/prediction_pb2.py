"""The messages of the protocol as protobuf classes, made from their descriptors when imported.

They are the same as `protoc` generates, made by the protobuf package that is installed, so that a
component is not tied to a version of it.
"""

from __future__ import annotations

import base64
from typing import Any

try:
    from google.protobuf import any_pb2 as _any_pb2
    from google.protobuf import descriptor_pb2 as _descriptor_pb2
    from google.protobuf import descriptor_pool as _descriptor_pool
    from google.protobuf import empty_pb2 as _empty_pb2
    from google.protobuf import struct_pb2 as _struct_pb2
    from google.protobuf.internal import builder as _builder
except ImportError as _error:
    raise ImportError(
        f"seldon_core.proto needs the package protobuf, 3.20 or newer ({_error})"
    ) from _error

from ._descriptors import DESCRIPTORS as _DESCRIPTORS

# Imported so that the descriptors that ours refer to are known.
_NEEDED = (_any_pb2, _empty_pb2, _struct_pb2)

DESCRIPTOR: Any
SeldonMessage: Any
DefaultData: Any
Tensor: Any
Meta: Any
Metric: Any
SeldonMessageList: Any
Status: Any
Feedback: Any
RequestResponse: Any
SeldonModelMetadataRequest: Any
SeldonMessageMetadata: Any
SeldonModelMetadata: Any
SeldonGraphMetadata: Any


def _file() -> Any:
    """The descriptor of the messages, which other code may have registered already."""
    pool: Any = _descriptor_pool.Default()
    try:
        return pool.FindFileContainingSymbol("seldon.protos.SeldonMessage")
    except KeyError:
        pass
    for file in _descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(_DESCRIPTORS)).file:
        try:
            pool.FindFileByName(file.name)
        except KeyError:
            pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileContainingSymbol("seldon.protos.SeldonMessage")


DESCRIPTOR = _file()
_builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, __name__, globals())
