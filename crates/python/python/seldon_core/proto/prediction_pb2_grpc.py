"""Stubs and servicers of the protocol's services, made from their descriptors when imported."""

from __future__ import annotations

from typing import Any, Callable

try:
    import grpc
except ImportError as _error:
    raise ImportError(
        f"seldon_core.proto.prediction_pb2_grpc needs the package grpcio ({_error})"
    ) from _error

from . import prediction_pb2
from ._classes import message_class

GenericStub: Any
GenericServicer: Any
add_GenericServicer_to_server: Any
ModelStub: Any
ModelServicer: Any
add_ModelServicer_to_server: Any
RouterStub: Any
RouterServicer: Any
add_RouterServicer_to_server: Any
TransformerStub: Any
TransformerServicer: Any
add_TransformerServicer_to_server: Any
OutputTransformerStub: Any
OutputTransformerServicer: Any
add_OutputTransformerServicer_to_server: Any
CombinerStub: Any
CombinerServicer: Any
add_CombinerServicer_to_server: Any
SeldonStub: Any
SeldonServicer: Any
add_SeldonServicer_to_server: Any


def _stub(service: Any) -> type:
    def __init__(self: Any, channel: Any) -> None:
        """A client of the service over this channel."""
        for method in service.methods:
            call = channel.unary_unary(
                f"/{service.full_name}/{method.name}",
                request_serializer=message_class(method.input_type).SerializeToString,
                response_deserializer=message_class(method.output_type).FromString,
            )
            setattr(self, method.name, call)

    return _named(f"{service.name}Stub", {"__init__": __init__})


def _servicer(service: Any) -> type:
    def unimplemented(name: str) -> Callable[[Any, Any, Any], Any]:
        def method(self: Any, request: Any, context: Any) -> Any:
            """Unimplemented; a subclass defines its own."""
            context.set_code(grpc.StatusCode.UNIMPLEMENTED)
            context.set_details(f"{name} is not implemented")
            raise NotImplementedError(f"{name} is not implemented")

        method.__name__ = name
        return method

    methods = {method.name: unimplemented(method.name) for method in service.methods}
    return _named(f"{service.name}Servicer", methods)


def _adder(service: Any) -> Callable[[Any, Any], None]:
    def add(servicer: Any, server: Any) -> None:
        """Lets the server serve the service by this servicer."""
        handlers = {
            method.name: grpc.unary_unary_rpc_method_handler(
                getattr(servicer, method.name),
                request_deserializer=message_class(method.input_type).FromString,
                response_serializer=message_class(method.output_type).SerializeToString,
            )
            for method in service.methods
        }
        handler = grpc.method_handlers_generic_handler(service.full_name, handlers)
        server.add_generic_rpc_handlers((handler,))

    add.__name__ = f"add_{service.name}Servicer_to_server"
    return add


def _named(name: str, members: dict[str, Any]) -> type:
    return type(name, (), {"__module__": __name__, **members})


for _service in prediction_pb2.DESCRIPTOR.services_by_name.values():
    for _made in (_stub(_service), _servicer(_service), _adder(_service)):
        globals()[_made.__name__] = _made
