"""Message classes of the descriptors, in the process's own pool.

They are the same as `protoc` generates, made by the protobuf package that is installed, so that a
component is not tied to a version of it.
"""

from __future__ import annotations

import base64
from typing import Any, Callable

try:
    from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, empty_pb2, struct_pb2
    from google.protobuf.internal import enum_type_wrapper
except ImportError as _error:
    raise ImportError(f"seldon_core.proto needs the package protobuf ({_error})") from _error

from . import _tensorflow
from ._descriptors import DESCRIPTORS

# Imported so that the descriptors that ours refer to are known.
_NEEDED = (any_pb2, empty_pb2, struct_pb2)

_MESSAGE = "seldon.protos.SeldonMessage"


def file_with(symbol: str) -> Any:
    """The descriptor of the file that defines this message.

    Other code may have registered it already: the real package, or TensorFlow, whose own files are
    taken where it is installed, since the pool refuses a second file of a name that differs.
    """
    pool: Any = descriptor_pool.Default()
    try:
        return pool.FindFileContainingSymbol(symbol)
    except KeyError:
        pass
    files = descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(DESCRIPTORS)).file
    theirs = _tensorflow.files([file.name for file in files])
    for file in files:
        try:
            pool.FindFileByName(file.name)
        except KeyError:
            pool.AddSerializedFile(theirs.get(file.name) or file.SerializeToString())
    return pool.FindFileContainingSymbol(symbol)


def message_class(descriptor: Any) -> Any:
    """The class of a message: the one that is registered, or a new one."""
    try:
        from google.protobuf.message_factory import GetMessageClass
    except ImportError:
        # Before protobuf 4.22.
        from google.protobuf.symbol_database import Default

        return Default().GetPrototype(descriptor)
    return GetMessageClass(descriptor)


def shared(module: dict[str, Any], symbol: str) -> Callable[[str], Any]:
    """A `__getattr__` for the messages of a file that is also TensorFlow's.

    TensorFlow may register classes of its own at any time; these are the ones that count.
    """
    file = file_with(symbol)
    module["DESCRIPTOR"] = file
    for name, descriptor in file.enum_types_by_name.items():
        module[name] = enum_type_wrapper.EnumTypeWrapper(descriptor)
        module.update((value.name, value.number) for value in descriptor.values)

    def find(name: str) -> Any:
        if name in file.message_types_by_name:
            return message_class(file.message_types_by_name[name])
        raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")

    return find


def build(module: dict[str, Any], symbol: str) -> None:
    """Puts the descriptor of a file and its messages into the globals of a module."""
    file = file_with(symbol)
    module["DESCRIPTOR"] = file
    try:
        from google.protobuf.internal import builder
    except ImportError:
        # Before protobuf 3.20.
        for name, descriptor in file.message_types_by_name.items():
            module[name] = message_class(descriptor)
        return
    builder.BuildMessageAndEnumDescriptors(file, module)
    builder.BuildTopDescriptorsAndMessages(file, module["__name__"], module)
